//! Laws of image references.

use proptest::prelude::*;

use super::*;

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn parts_of(text: &str) -> (String, String, Option<String>, Option<String>) {
    let image = Image::parse(text).unwrap();
    (
        image.registry().unwrap().to_owned(),
        image.repository().unwrap().to_owned(),
        image.tag().map(str::to_owned),
        image.digest().map(str::to_owned),
    )
}

#[test]
fn familiar_names_are_docker_hub() {
    for (text, registry, repository, tag) in [
        ("nginx", "docker.io", "docker.io/library/nginx", None),
        ("nginx:1.27", "docker.io", "docker.io/library/nginx", Some("1.27")),
        ("acme/app", "docker.io", "docker.io/acme/app", None),
        ("docker.io/nginx", "docker.io", "docker.io/library/nginx", None),
        ("index.docker.io/nginx", "docker.io", "docker.io/library/nginx", None),
        ("GHCR.io/acme/app:V1", "ghcr.io", "ghcr.io/acme/app", Some("V1")),
        ("localhost/app", "localhost", "localhost/app", None),
        ("localhost:5000", "docker.io", "docker.io/library/localhost", Some("5000")),
        ("host:5000/app:1", "host:5000", "host:5000/app", Some("1")),
        ("Host/app", "Host", "Host/app", None),
        ("[fd00::1]:5000/app", "[fd00::1]:5000", "[fd00::1]:5000/app", None),
        ("ghcr.io", "docker.io", "docker.io/library/ghcr.io", None),
        ("a.b/c--d__e.f_g", "a.b", "a.b/c--d__e.f_g", None),
    ] {
        assert_eq!(
            parts_of(text),
            (registry.to_owned(), repository.to_owned(), tag.map(str::to_owned), None),
            "{text}"
        );
    }
    let (_, repository, tag, digest) = parts_of(&format!("nginx:1@sha256:{HEX}"));
    assert_eq!((repository.as_str(), tag.as_deref()), ("docker.io/library/nginx", Some("1")));
    assert_eq!(digest.unwrap(), format!("sha256:{HEX}"));
}

#[test]
fn a_missing_tag_is_latest_in_equality_only() {
    assert!(eq("nginx", "docker.io/library/nginx:latest"));
    assert!(eq("GHCR.IO/a/b", "ghcr.io/a/b"));
    assert!(!eq("nginx", "nginx:1"));
    assert!(!eq("nginx:V1", "nginx:v1"));
    assert!(!eq("nginx", &format!("nginx@sha256:{HEX}")));
    assert_eq!(Image::new("nginx").tag(), None);
}

#[test]
fn what_is_no_reference_is_under_nothing_and_equals_itself() {
    for text in [
        "",
        "NGINX",
        "ghcr.io/acme/../x",
        "ghcr.io//x",
        "https://ghcr.io/acme/x",
        " nginx",
        HEX,
        &format!("sha256:{HEX}"),
    ] {
        let image = Image::new(text);
        assert!(!image.is_reference(), "{text}");
        assert!(image.registry().is_none() && image.name().is_none());
        assert!(!under(text, "docker.io") && !under(text, "ghcr.io/acme"), "{text}");
        assert!(eq(text, text));
    }
}

#[test]
fn under_compares_whole_parts() {
    for (image, prefix) in [
        ("ghcr.io/acme/app:1", "ghcr.io/acme"),
        ("ghcr.io/acme/app:1", "GHCR.io/acme/"),
        ("ghcr.io/acme:1", "ghcr.io/acme"),
        ("ghcr.io/acme/app:1", "ghcr.io/acme/app"),
        ("ghcr.io/acme/app", "ghcr.io"),
        ("nginx:1", "nginx"),
        ("docker.io/library/nginx", "nginx"),
        ("nginx", "docker.io"),
        ("nginx", "docker.io/library"),
        ("acme/app", "acme/app"),
        ("acme/app", "acme/"),
        ("acme/app", "docker.io/acme"),
        ("localhost:5000/app", "localhost:5000"),
        ("localhost/app", "localhost"),
    ] {
        assert!(under(image, prefix), "{image} {prefix}");
    }
    for (image, prefix) in [
        ("registry.acme.io.evil.example/x", "registry.acme.io"),
        ("ghcr.io/acmeevil/app", "ghcr.io/acme"),
        ("ghcr.io/acme", "ghcr.io/acme/app"),
        ("nginx-evil", "nginx"),
        ("evil/nginx", "nginx"),
        ("evil.example/docker.io/library/nginx", "nginx"),
        ("ghcr.io", "ghcr.io"),
        ("localhost:5000/app", "localhost"),
        ("ghcr.io:444/acme/app", "ghcr.io"),
        ("acme/app", "acme"),
        ("nginx", "not a prefix"),
        ("nginx", ""),
        ("nginx", "/"),
        ("Host/app", "host/app"),
        ("host/app", "Host"),
    ] {
        assert!(!under(image, prefix), "{image} {prefix}");
    }
}

#[test]
fn errors_point_at_the_wrong_part() {
    for (text, at) in [
        ("", 0..0),
        ("nginx:", 6..6),
        ("ghcr.io/Acme/x", 8..9),
        ("ghcr.io/a//x", 10..10),
        ("a.b-/x", 2..4),
        ("nginx@sha256:12", 13..15),
        ("nginx@md5:12", 6..9),
        ("nginx:a b", 7..8),
        ("ghcr.io/a/-x", 10..12),
        ("host:x/y", 5..6),
    ] {
        assert_eq!(Image::parse(text).unwrap_err().at, at, "{text}");
    }
    for (text, at) in [
        ("ghcr.io/acme/app:1", 16..18),
        ("nginx:latest", 5..12),
        ("acme/app:1", 8..10),
        ("ghcr.io/acme@sha256:12", 12..22),
        ("ghcr.io/acme/*", 13..14),
        ("Acme/app", 0..1),
        ("", 0..0),
    ] {
        let e = validate_prefix(text).unwrap_err();
        assert_eq!(e.at, at, "{text}: {e}");
    }
    assert!(Image::parse(&"a".repeat(250)).is_err());
}

fn part() -> impl Strategy<Value = String> {
    "[ab]{1,2}(-[ab])?"
}

fn names() -> impl Strategy<Value = String> {
    ("(a\\.io|A\\.io|b\\.io:5000|localhost|docker\\.io)", prop::collection::vec(part(), 1..4))
        .prop_map(|(registry, path)| format!("{registry}/{}", path.join("/")))
}

proptest! {
    #[test]
    fn canonical_is_read_back_as_the_same_image(name in names(), tag in "(:[ab.]{0,3}a)?") {
        if let Ok(image) = Image::parse(&format!("{name}{tag}")) {
            let canonical = image.canonical().into_owned();
            let again = Image::parse(&canonical).unwrap();
            prop_assert_eq!(again.canonical().into_owned(), canonical);
            prop_assert_eq!(again, image);
        }
    }

    #[test]
    fn an_image_is_under_each_of_its_leading_parts(name in names(), tag in "(:v1)?") {
        let repository = Image::parse(&name).unwrap().repository().unwrap().to_owned();
        let image = format!("{name}{tag}");
        for (end, _) in repository.match_indices('/') {
            prop_assert!(under(&image, &repository[..end]), "{image} {}", &repository[..end]);
        }
        prop_assert!(under(&image, &repository));
    }

    #[test]
    fn no_sibling_is_under(name in names(), more in "[ab0.-]{0,3}[ab0]", tag in "(:v1)?") {
        let prefix = Image::parse(&name).unwrap().repository().unwrap().to_owned();
        let sibling = format!("{prefix}{more}{tag}");
        prop_assert!(!under(&sibling, &prefix));
        let below_sibling = format!("{prefix}x/{more}");
        prop_assert!(!under(&below_sibling, &prefix));
    }

    #[test]
    fn under_is_a_prefix_of_whole_parts_and_transitive(a in names(), b in names(), c in names()) {
        let (pa, pb, pc) = (Prefix::new(&a), Prefix::new(&b), Prefix::new(&c));
        let image = Image::new(&a);
        let whole: Vec<&str> = image.repository().unwrap().split('/').collect();
        let wanted: Vec<&str> = pb.canonical().split('/').collect();
        prop_assert_eq!(image.under(&pb), whole.starts_with(&wanted));
        let (na, nb, nc) = (pa.name.unwrap(), pb.name.unwrap(), pc.name.unwrap());
        if na.is_under(&nb) && nb.is_under(&nc) {
            prop_assert!(na.is_under(&nc));
        }
    }

    #[test]
    fn any_text_is_handled(a in ".*", b in ".*") {
        let _ = (Image::new(&a).canonical(), Prefix::new(&b).canonical(), under(&a, &b), eq(&a, &b));
    }
}
