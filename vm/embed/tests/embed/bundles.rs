//! Loading: what is refused, and what a refusal says.

use kpol::{Bundle, LoadError, Loader, PublicKey, SecretKey};

/// Of RFC 8410, section 10.3: known to everybody.
const SECRET: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
/// Of another key.
const OTHER: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA0+LpPmkriLE51kSD3V6bJzzgKHhehNe57gN7o3FNFmU=
-----END PUBLIC KEY-----
";

const POLICY: &str = "package acme\nrule r on Pod {\n  for c in object.spec.containers {\n    \
    deny when c.image.tag == \"latest\" message \"{c.name}\"\n  }\n}\n";

fn built() -> Vec<u8> {
    kpol::compile(POLICY).unwrap().bytes().to_vec()
}

fn signed() -> Vec<u8> {
    kpol::sign(&built(), &SecretKey::from_pem(SECRET).unwrap()).unwrap()
}

fn trusting(pem: &str) -> Loader {
    Loader::new().with_key(PublicKey::from_pem(pem).unwrap())
}

fn refused(loader: &Loader, bytes: &[u8]) -> LoadError {
    loader.load(bytes).map(|bundle: Bundle| bundle.digest()).unwrap_err()
}

#[test]
fn a_host_with_keys_takes_what_they_signed_and_nothing_else() {
    let key = PublicKey::from_pem(PUBLIC).unwrap();
    let bundle = trusting(PUBLIC).load(&signed()).unwrap();
    assert_eq!(bundle.signer(), Some(key.id()));
    assert_eq!(bundle.digest(), Loader::new().load(&built()).unwrap().digest());
    assert!(refused(&trusting(PUBLIC), &built()).is_untrusted());
    assert!(refused(&trusting(OTHER), &signed()).is_untrusted());
    assert!(trusting(OTHER).with_key(key).load(&signed()).is_ok());
    assert!(refused(&Loader::new().with_keys([]), &signed()).is_untrusted(), "no keys are not no matter");
    assert_eq!(Loader::new().load(&signed()).unwrap().signer(), None, "nobody has checked it");
}

#[test]
fn no_changed_byte_of_a_signed_bundle_gets_in() {
    let (signed, loader) = (signed(), trusting(PUBLIC));
    for at in 0..signed.len() {
        let mut changed = signed.clone();
        changed[at] ^= 0xff;
        refused(&loader, &changed);
        refused(&loader, &signed[..at]);
    }
}

#[test]
fn versions_are_refused_in_both_directions() {
    for (at, version) in [(8, 0), (8, 2), (10, 0), (10, 0xff)] {
        let mut other = built();
        other[at] = version;
        let error = refused(&Loader::new(), &other);
        assert!(error.is_other_version() && !error.is_damaged(), "{error}");
        let advice = if version == 0 { "build it again" } else { "update the program" };
        assert!(error.to_string().contains(advice), "{error}");
    }
}

#[test]
fn limits_are_the_hosts() {
    let bytes = built();
    for loader in [
        Loader::new().with_max_bytes(bytes.len() - 1),
        Loader::new().with_max_cost(1),
        Loader::new().with_max_memory(1_000),
    ] {
        assert!(refused(&loader, &bytes).is_over_limit());
    }
    assert!(Loader::new().with_max_bytes(bytes.len()).load(&bytes).is_ok());
}

#[test]
fn what_is_no_bundle_is_called_so() {
    for bytes in [&b""[..], b"\x89KPOL", b"package acme", &built()[..100]] {
        let error = refused(&Loader::new(), bytes);
        assert!(error.is_damaged() && !error.is_untrusted() && !error.is_over_limit(), "{error}");
    }
}

#[test]
fn a_bundle_says_what_a_host_must_ask_for() {
    let text = "package acme\nparam p: string\nparam q: string = \"x\"\n\
        rule a on Pod {\n  deny when object.metadata.name == p message \"m\"\n}\n\
        rule b on Pod {\n  deny when object.metadata.name == q message \"m\"\n}\n\
        rule c on exec {\n  alert when proc.name == q message \"m\"\n}\n\
        mutate d on Pod {\n  default object.spec.automountServiceAccountToken = false\n}\n";
    let compiled = kpol::compile(text).unwrap();
    let bundle = compiled.bundle();
    let params: Vec<_> = bundle.params().map(|param| (param.name(), param.is_required())).collect();
    assert_eq!(params, [("acme.p", true), ("acme.q", false)]);
    assert!(
        bundle
            .judges()
            .all(|target| (target.group(), target.version(), target.resource()) == ("", "v1", "pods"))
    );
    assert_eq!(bundle.judges().filter(|target| target.subresource().is_none()).count(), 1, "each once");
    assert_eq!(bundle.events().collect::<Vec<_>>(), ["exec"]);
    assert_eq!(bundle.mutations().collect::<Vec<_>>(), ["acme.d"]);
    assert_eq!(bundle.watches().count(), 0);
}
