use proptest::prelude::*;

use super::*;
use crate::{
    ir::{
        Bind, ClauseId, Condition, Const, Cost, Exception, Expr, ExprId, FieldSource, Local, LocalId, Meta,
        Mode, Op, Param, RuleId, Severity, SlotTy, Stmt, TemplatePart, Ty,
    },
    print::module_text,
    testing::{Coder, field, field_from, field_or, list, module_of, record, root},
    types::Type,
};

/// Of RFC 8410, section 10.3, so that it is known to everybody and protects nothing.
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

/// A module that the verifier takes, with something in most of its lists.
fn sample() -> Module {
    let mut c = Coder::default();
    let object = c.object();
    let cond = c.field(object, 0, Ty::BOOL);
    let pod = root(
        "Pod",
        vec![record(
            "Pod",
            vec![
                field_or("hostPID", SlotTy::Scalar(Type::Bool), Const::Bool(false)),
                field("images", list(SlotTy::Scalar(Type::Image))),
                field_from("id", SlotTy::Scalar(Type::Str), FieldSource::ObjectId),
            ],
        )],
    );
    let mut module = module_of(pod, c, cond);
    let rule = &mut module.rules[0];
    rule.meta = Meta { doc: "No host PID.".into(), severity: Some(Severity::High), ..Meta::default() };
    rule.clauses[0].message.parts.push(TemplatePart::Hole(cond));
    rule.cost = Cost { formula: "2".into(), worst: 2 };
    module.params.push(Param {
        name: "acme.p".into(),
        doc: String::new(),
        ty: Ty::Set(Box::new(Ty::Scalar(Type::Quantity))),
        default: Some(Const::List(vec![Const::Quantity("1.5Gi".parse().unwrap())])),
    });
    module.binds.push(Bind {
        rules: vec![RuleId(0)],
        mode: Some(Mode::Warn),
        conditions: vec![Condition::default()],
        with: Vec::new(),
    });
    module.exceptions.push(Exception {
        name: "acme.e".into(),
        rules: vec![RuleId(0)],
        conditions: vec![Condition::default()],
        reason: "r".into(),
        owner: "o".into(),
        until: Some("2027-03-31".into()),
    });
    module
}

fn about() -> About {
    About { producer: "test".into(), correlations: vec!["acme.c".into()] }
}

fn bytes_of(module: &Module) -> Vec<u8> {
    bytes_of_with(module, &about())
}

fn bytes_of_with(module: &Module, about: &About) -> Vec<u8> {
    write(module, about).unwrap()
}

fn open(bytes: &[u8]) -> Result<Bundle, BundleError> {
    Bundle::open(bytes, Trust::Unsigned, &[], &Limits::default())
}

fn open_trusting(bytes: &[u8], keys: &[&str]) -> Result<Bundle, BundleError> {
    let keys: Vec<PublicKey> = keys.iter().map(|pem| PublicKey::from_pem(pem).unwrap()).collect();
    Bundle::open(bytes, Trust::Keys(&keys), &[], &Limits::default())
}

fn signed() -> Vec<u8> {
    sign(&bytes_of(&sample()), &SecretKey::from_pem(SECRET).unwrap()).unwrap()
}

/// The sample with the bytes of one section changed, and the digests right.
fn with_section(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut sections = payload::write(&sample(), &about()).unwrap();
    let index = payload::SECTIONS.iter().position(|section| *section == name).unwrap();
    sections[index] = bytes.to_vec();
    container::write(IR, &sections)
}

#[test]
fn a_module_comes_back_as_it_was() {
    let module = sample();
    let bundle = open(&bytes_of(&module)).unwrap();
    assert_eq!(bundle.module(), &module);
    assert_eq!(module_text(bundle.module()), module_text(&module));
    assert_eq!(bundle.about(), &about());
    assert_eq!(bundle.signer(), None);
    assert_eq!(bundle.sections().len(), payload::SECTIONS.len());
    let empty = Module::default();
    assert_eq!(open(&bytes_of(&empty)).unwrap().into_module(), empty);
}

#[test]
fn a_signature_changes_neither_module_nor_digest() {
    let (plain, signed) = (open(&bytes_of(&sample())).unwrap(), open(&signed()).unwrap());
    assert_eq!(plain.digest(), signed.digest());
    assert_eq!(plain.module(), signed.module());
    assert_eq!(signed.signer(), Some(PublicKey::from_pem(PUBLIC).unwrap().id()));
}

#[test]
fn a_key_is_called_by_the_digest_of_its_der_form() {
    let id = PublicKey::from_pem(PUBLIC).unwrap().id();
    // openssl pkey -in KEY -pubout -outform DER | sha256sum
    assert_eq!(id.to_string(), "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f");
    assert_eq!(SecretKey::from_pem(SECRET).unwrap().public().id(), id);
    assert!(!format!("{:?}", SecretKey::from_pem(SECRET).unwrap()).contains("212, 238"));
}

#[test]
fn only_the_holder_of_a_trusted_key_gets_in() {
    let (plain, signed) = (bytes_of(&sample()), signed());
    assert!(open_trusting(&signed, &[PUBLIC]).is_ok());
    assert!(open_trusting(&signed, &[OTHER, PUBLIC]).is_ok());
    assert_eq!(open_trusting(&plain, &[PUBLIC]).unwrap_err(), BundleError::NotSigned);
    let signer = PublicKey::from_pem(PUBLIC).unwrap().id();
    assert_eq!(open_trusting(&signed, &[OTHER]).unwrap_err(), BundleError::UnknownKey(signer));
    assert_eq!(open_trusting(&signed, &[]).unwrap_err(), BundleError::UnknownKey(signer));
    // The name of a trusted key does not make its signature.
    let other = PublicKey::from_pem(OTHER).unwrap().id();
    let mut renamed = signed.clone();
    let at = renamed.len() - 96;
    renamed[at..at + 32].copy_from_slice(&other.0.0);
    assert_eq!(open_trusting(&renamed, &[OTHER]).unwrap_err(), BundleError::BadSignature(other));
    // Nor does a signature of another bundle.
    let mut moved = bytes_of(&Module::default());
    moved.extend_from_slice(&signed[signed.len() - 104..]);
    assert_eq!(open_trusting(&moved, &[PUBLIC]).unwrap_err(), BundleError::BadSignature(signer));
    assert_eq!(
        sign(&signed, &SecretKey::from_pem(SECRET).unwrap()).unwrap(),
        signed,
        "signing twice is once"
    );
}

#[test]
fn every_changed_byte_is_noticed() {
    let (plain, signed) = (bytes_of(&sample()), signed());
    for at in 0..signed.len() {
        for bit in [0x01, 0x80, 0xff] {
            let mut changed = signed.clone();
            changed[at] ^= bit;
            assert!(open_trusting(&changed, &[PUBLIC]).is_err(), "byte {at} ^ {bit:#x}");
            let without = changed.get(..plain.len()).filter(|_| at < plain.len());
            assert!(without.is_none_or(|bytes| open(bytes).is_err()), "byte {at} ^ {bit:#x}, unsigned");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let (plain, signed) = (bytes_of(&sample()), signed());
    for length in 0..plain.len() {
        assert!(open(&plain[..length]).is_err(), "{length}");
    }
    for length in 0..signed.len() {
        assert!(open_trusting(&signed[..length], &[PUBLIC]).is_err(), "{length}");
    }
    for more in [&[0][..], &[0; 104], &signed[plain.len()..]] {
        let longer = [&signed, more].concat();
        assert!(matches!(open(&longer), Err(BundleError::Damaged(Damage::Trailing(_)))));
    }
}

/// Every section with every byte changed and with every cut, under digests that are right: what somebody writes who
/// knows the format and holds no key.
#[test]
fn what_is_made_to_look_right_is_refused_or_is_a_whole_module() {
    let sections = payload::write(&sample(), &about()).unwrap();
    let mut taken = 0;
    for (index, section) in sections.iter().enumerate() {
        let changed = (0..section.len()).flat_map(|at| {
            [0x01, 0x02, 0x10, 0x40, 0x80, 0xff].map(|bits| {
                let mut bytes = section.clone();
                bytes[at] ^= bits;
                bytes
            })
        });
        let cut = (0..section.len()).map(|end| section[..end].to_vec());
        let longer = [[section.as_slice(), &[0]].concat()];
        for (bytes, is_whole) in
            changed.map(|bytes| (bytes, true)).chain(cut.chain(longer).map(|bytes| (bytes, false)))
        {
            let mut sections = sections.clone();
            sections[index] = bytes;
            let Ok(bundle) = open(&container::write(IR, &sections)) else { continue };
            assert!(is_whole, "a section of another length: {}", payload::SECTIONS[index]);
            taken += 1;
            // What gets in has passed the verifier, and is written and read again as it is.
            let again = bytes_of_with(bundle.module(), bundle.about());
            assert_eq!(open(&again).unwrap().module(), bundle.module());
        }
    }
    assert!(taken > 0, "a changed letter of a message is a message");
}

/// A newer kpol that forgot to count its IR version up: an operation, type or statement that this one does not know.
#[test]
fn what_a_newer_ir_has_is_not_taken_for_something_else() {
    // The rule's code begins behind its name and targets; its first expression with the number of its operation.
    let sections = payload::write(&sample(), &about()).unwrap();
    let rules = &sections[payload::SECTIONS.iter().position(|name| *name == "rules").unwrap()];
    let unknown = 0x7f;
    let refused = (0..rules.len()).filter(|at| {
        let mut bytes = rules.clone();
        bytes[*at] = unknown;
        open(&with_section("rules", &bytes)).err() == Some(Damage::Values("rules").into())
    });
    assert!(refused.count() > rules.len() / 4);
    // A param of a type behind the last one.
    let ty = 1 + crate::types::SIMPLE.len() as u8 + 10;
    let error = open(&with_section("params", &[1, 1, b'p', 0, 0, ty, 0])).unwrap_err();
    assert_eq!(error, Damage::Values("params").into());
    assert!(error.to_string().contains("params"));
}

#[test]
fn other_versions_are_refused_with_both_numbers() {
    let mut newer = bytes_of(&sample());
    newer[8..10].copy_from_slice(&(FORMAT + 1).to_le_bytes());
    let mut older = newer.clone();
    older[8..10].copy_from_slice(&(FORMAT - 1).to_le_bytes());
    let sections = payload::write(&sample(), &about()).unwrap();
    let shown = [newer, older, container::write(IR + 1, &sections), container::write(IR - 1, &sections)]
        .map(|bytes| open(&bytes).unwrap_err().to_string());
    let (update, again) =
        ("update the program that loads it", "build it again with this version's `kpolc build`");
    assert_eq!(
        shown,
        [
            format!("the bundle is of format {}, and this build reads format {FORMAT}: {update}", FORMAT + 1),
            format!("the bundle is of format {}, and this build reads format {FORMAT}: {again}", FORMAT - 1),
            format!("the bundle is of IR version {}, and this build reads IR version {IR}: {update}", IR + 1),
            format!("the bundle is of IR version {}, and this build reads IR version {IR}: {again}", IR - 1),
        ]
    );
}

#[test]
fn lengths_that_no_file_has_are_not_believed() {
    for length in [u64::MAX, u64::MAX / 2, 1 << 40] {
        for row in 0..payload::SECTIONS.len() {
            let mut bytes = bytes_of(&sample());
            let at = 16 + 48 * row + 8;
            bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
            assert!(matches!(open(&bytes), Err(BundleError::Damaged(Damage::Truncated { .. }))));
        }
    }
    // A list of 2^32 elements, in postcard's varint.
    let many = with_section("builtins", &[0x80, 0x80, 0x80, 0x80, 0x10, 1, b'x']);
    assert_eq!(open(&many).unwrap_err(), Damage::Values("builtins").into());
}

#[test]
fn nesting_ends_before_the_stack_does() {
    let repeat = |head: &[u8], unit: &[u8]| [head, &unit.repeat(1_000_000 / unit.len())].concat();
    // One param `p`, without doc, of a type or with a default that goes on and on.
    for (name, bytes) in [
        ("params", repeat(&[1, 1, b'p', 0], &[2])),
        ("params", repeat(&[1, 1, b'p', 0, 0], &[19])),
        ("params", repeat(&[1, 1, b'p', 0, 0, 0, 1], &[10, 1])),
        ("params", repeat(&[1, 1, b'p', 0, 0, 0, 1], &[11, 1, 0])),
        ("demand", repeat(&[1, 1, b'r', 1, 1, b'r', 1, 1, b'f'], &[2])),
        // One rule or mutation `r`, without targets and code, whose loops go on and on.
        ("rules", repeat(&[1, 1, b'r', 0, 0, 0], &[1, 2, 0, 0])),
        ("mutations", repeat(&[1, 1, b'r', 0, 0, 0], &[1, 2, 0, 0])),
    ] {
        assert_eq!(open(&with_section(name, &bytes)).unwrap_err(), Damage::TooDeep(name).into());
    }
}

#[test]
fn what_the_verifier_takes_is_not_too_deep() {
    let mut module = sample();
    let (ty, value) = (0..verify::MAX_TYPES)
        .fold((Ty::INT, Const::Int(1)), |(ty, value), _| (Ty::List(Box::new(ty)), Const::List(vec![value])));
    let code = &mut module.rules[0].code;
    let mut body = vec![Stmt::Verdict { clause: ClauseId(0), cond: None }];
    code.exprs.push(Expr { op: Op::Const(value), ty: ty.clone(), optional: false });
    let list = Ty::List(Box::new(Ty::INT));
    code.exprs.push(Expr { op: Op::Const(Const::List(Vec::new())), ty: list, optional: false });
    for local in 0..verify::MAX_LOOPS as u32 {
        code.locals.push(Local { name: "x".into(), ty: Ty::INT, optional: false });
        body = vec![Stmt::For { local: LocalId(local), list: ExprId(code.exprs.len() as u32 - 1), body }];
    }
    module.rules[0].body = body;
    assert_eq!(open(&bytes_of(&module)).unwrap().into_module(), module);
}

#[test]
fn a_host_takes_on_as_much_as_it_says() {
    let bytes = bytes_of(&sample());
    let open = |limits| Bundle::open(&bytes, Trust::Unsigned, &[], &limits).unwrap_err();
    let all = Limits::default();
    let max = bytes.len() - 1;
    assert_eq!(open(Limits { bytes: max, ..all }), BundleError::TooLarge { bytes: bytes.len(), max });
    assert_eq!(open(Limits { values: 20, ..all }), BundleError::TooComplex("values"));
    assert_eq!(open(Limits { memory: 2_000, ..all }), BundleError::TooComplex("bytes of memory"));
    assert_eq!(open(Limits { cost: 1, ..all }), BundleError::Cost { rule: "test.rule".into(), max: 1 });
    assert_eq!(open(Limits { work: 3, ..all }), BundleError::TooComplex("expressions and targets"));
    assert_eq!(open(Limits { layout: 8, ..all }), BundleError::TooComplex("bytes of facts"));
}

#[test]
fn what_the_verifier_refuses_is_refused() {
    let mut module = sample();
    module.rules[0].body = vec![Stmt::Verdict { clause: ClauseId(7), cond: None }];
    assert!(matches!(open(&bytes_of(&module)), Err(BundleError::Verify(_))));
    let mut module = sample();
    module.builtins.push("lookup".into());
    assert_eq!(open(&bytes_of(&module)).unwrap_err(), BundleError::NoBuiltin("lookup".into()));
}

#[test]
fn sections_belong_together() {
    assert_eq!(open(&with_section("messages", &[0])).unwrap_err(), Damage::Lengths("messages").into());
    assert_eq!(open(&with_section("metadata", &[0, 0])).unwrap_err(), Damage::Lengths("metadata").into());
    assert_eq!(open(&with_section("binds", &[0, 0])).unwrap_err(), Damage::Values("binds").into());
    assert_eq!(open(&with_section("binds", &[])).unwrap_err(), Damage::Values("binds").into());
}

#[test]
fn what_is_no_key_is_called_so() {
    assert_eq!(PublicKey::from_pem(SECRET).unwrap_err(), KeyError::Private);
    assert_eq!(SecretKey::from_pem(PUBLIC).unwrap_err(), KeyError::Public);
    let encrypted = SECRET.replace("PRIVATE", "ENCRYPTED PRIVATE");
    assert_eq!(SecretKey::from_pem(&encrypted).unwrap_err(), KeyError::Encrypted);
    for text in ["", "ssh-ed25519 AAAA", "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"] {
        assert_eq!(PublicKey::from_pem(text).unwrap_err(), KeyError::Form);
        assert!(SecretKey::from_pem(text).is_err());
    }
    // The neutral element of the curve: its "signatures" need no private key.
    let weak = PUBLIC.replace(
        "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
        "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    assert_eq!(PublicKey::from_pem(&weak).unwrap_err(), KeyError::Weak);
}

/// The types that a bundle holds, as their sources declare them: without comments, functions, attributes, and fields that
/// are not written.
fn shape() -> String {
    let mut shape = String::new();
    let (mut inside, mut skip) = (false, false);
    for line in [include_str!("../ir.rs"), include_str!("../types.rs")].iter().flat_map(|text| text.lines()) {
        let opens = (line.starts_with("pub enum ") || line.starts_with("pub struct ")) && line.ends_with('{');
        inside = inside || opens;
        let code = line.trim_start();
        if inside && !code.starts_with("//") && !code.starts_with("#[") && !std::mem::take(&mut skip) {
            shape.push_str(line);
            shape.push('\n');
        }
        skip = skip || code == "#[serde(skip)]";
        inside = inside && line != "}";
    }
    shape
}

#[test]
fn another_ir_is_another_version() {
    let shape = Digest::of(shape().as_bytes()).to_string();
    assert_eq!(
        (IR, &shape[..16]),
        (1, "13bc83cb7744e690"),
        "the types of the IR have changed: add 1 to `bundle::IR` if a release has written this version, and put the \
         new digest here"
    );
}

#[test]
fn the_same_module_gives_the_same_bytes_in_every_build() {
    let digest = open(&bytes_of(&sample())).unwrap().digest().to_string();
    assert_eq!(
        (FORMAT, IR, &digest[..16]),
        (1, 1, "8f37483861df05e8"),
        "bundles of released versions can no longer be read"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(open(&bytes).is_err());
        let mut begun = bytes_of(&sample());
        begun.truncate(12);
        begun.extend_from_slice(&bytes);
        prop_assert!(open(&begun).is_err());
    }

    #[test]
    fn no_section_makes_it_panic(
        section in 0..payload::SECTIONS.len(),
        bytes in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..64),
    ) {
        let _ = open(&with_section(payload::SECTIONS[section], &bytes));
    }

    #[test]
    fn no_small_change_of_a_section_makes_it_panic(
        changes in prop::collection::vec((0..payload::SECTIONS.len(), any::<prop::sample::Index>(), 0u8..24), 1..4),
    ) {
        let mut sections = payload::write(&sample(), &about()).unwrap();
        for (section, at, byte) in changes {
            if let Some(place) = (!sections[section].is_empty()).then(|| at.index(sections[section].len())) {
                sections[section][place] = byte;
            }
        }
        if let Ok(bundle) = open(&container::write(IR, &sections)) {
            let again = bytes_of(bundle.module());
            prop_assert_eq!(open(&again).unwrap().into_module(), bundle.into_module());
        }
    }
}
