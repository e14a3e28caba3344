//! Container image references, and prefixes of them.
//!
//! The grammar and the normalization of familiar names are those of the distribution project, which kubelet uses
//! (<https://pkg.go.dev/github.com/distribution/reference>):
//!
//! ```text
//! ghcr.io:443 / acme/app   : 1.2  @ sha256:...        nginx      = docker.io/library/nginx
//! ─────┬─────   ───┬────     ─┬─    ────┬─────        acme/app   = docker.io/acme/app
//!  registry    the path      tag     digest           localhost/app, host:5000/app: as they are
//! ```
//!
//! The first part is a registry if it has a dot, a colon or a capital, or is `localhost`. A registry is a DNS name,
//! so its case is nothing (unless only a capital makes it a registry, `Host/app`: that one stays as it is, and no
//! prefix covers it); its port is part of it. `index.docker.io` is `docker.io`. An image ID (`sha256:` or 64 bare
//! hex digits) names content and no repository: it is no reference here, or every ID would be a trusted Docker Hub
//! image.
//!
//! A running system hands over any text. What is no reference has no parts, is under nothing and equals only the
//! same text; kubelet does not start such an image (`InvalidImageName`).
//!
//! What a prefix means:
//!
//! ```text
//! nginx             the repository docker.io/library/nginx    ghcr.io        the registry
//! acme/app          the repository docker.io/acme/app,        ghcr.io/acme   all below it, and a repository of that name
//! docker.io/acme    (and all below it)                        acme/          docker.io/acme
//! ```

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::ScalarError;

const DEFAULT_REGISTRY: &str = "docker.io";
const LEGACY_REGISTRY: &str = "index.docker.io";
/// Where Docker Hub keeps the images that have no owner in their name.
const OFFICIAL: &str = "library";

/// The longest repository name, in bytes (`RepositoryNameTotalLengthMax`).
const MAX_NAME: usize = 255;

/// The longest tag, in bytes.
const MAX_TAG: usize = 128;

/// The digest algorithms with the number of their hex digits (<https://pkg.go.dev/github.com/opencontainers/go-digest>).
const ALGORITHMS: &[(&str, usize)] = &[("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// An image reference, or any other text that stood in its place. Equality is that of [`eq`].
#[derive(Clone, Debug)]
pub struct Image {
    text: Arc<str>,
    parts: Option<Parts>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Parts {
    name: Name,
    tag: Option<String>,
    digest: Option<String>,
}

/// A normalized name: a registry, and a path in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    /// `registry/path`, or the registry alone in a prefix.
    full: String,
    /// How many bytes of it are the registry.
    registry_len: usize,
}

impl Image {
    /// Reads a reference.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        Ok(Image { parts: Some(parts(text)?), text: text.into() })
    }

    /// The image of any text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Image { parts: parts(text).ok(), text: text.into() }
    }

    /// Whether the text is a reference.
    #[must_use]
    pub fn is_reference(&self) -> bool {
        self.parts.is_some()
    }

    /// The registry in lower case: `docker.io` for `nginx`.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        self.parts.as_ref()?.name.registry()
    }

    /// The normalized name without tag and digest: `docker.io/library/nginx`.
    #[must_use]
    pub fn repository(&self) -> Option<&str> {
        self.parts.as_ref().map(|parts| parts.name.full.as_str())
    }

    /// The tag as written; none is invented.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.parts.as_ref()?.tag.as_deref()
    }

    /// The digest with its algorithm: `sha256:...`.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.parts.as_ref()?.digest.as_deref()
    }

    /// The last part of the name: `nginx`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.repository()?.rsplit('/').next()
    }

    /// The normalized reference; a missing tag without a digest is `latest`. Other text is as it is.
    #[must_use]
    pub fn canonical(&self) -> Cow<'_, str> {
        let Some(Parts { name, tag, digest }) = &self.parts else { return Cow::Borrowed(&self.text) };
        let tag = tag.as_deref().or(digest.is_none().then_some("latest"));
        let mut out = name.full.clone();
        for (mark, part) in [(':', tag), ('@', digest.as_deref())] {
            if let Some(part) = part {
                out.push(mark);
                out.push_str(part);
            }
        }
        if out == *self.text { Cow::Borrowed(&self.text) } else { Cow::Owned(out) }
    }

    /// Whether the name is `prefix` or lies below it. What is no reference is under nothing.
    #[must_use]
    pub fn under(&self, prefix: &Prefix) -> bool {
        match (&self.parts, &prefix.name) {
            (Some(parts), Some(prefix)) => parts.name.is_under(prefix),
            _ => false,
        }
    }
}

impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Image {}

impl std::hash::Hash for Image {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

impl fmt::Display for Image {
    /// As written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The leading parts of image names, or any other text that stood in its place; that covers nothing.
#[derive(Clone, Debug)]
pub struct Prefix {
    text: Arc<str>,
    name: Option<Name>,
}

impl Prefix {
    /// Reads a prefix.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        Ok(Prefix { name: Some(prefix(text)?), text: text.into() })
    }

    /// The prefix of any text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Prefix { name: prefix(text).ok(), text: text.into() }
    }

    /// The normalized prefix: `docker.io/library/nginx` for `nginx`. Other text is as it is.
    #[must_use]
    pub fn canonical(&self) -> &str {
        self.name.as_ref().map_or(&self.text, |name| &name.full)
    }
}

impl PartialEq for Prefix {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Prefix {}

impl std::hash::Hash for Prefix {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

impl fmt::Display for Prefix {
    /// As written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether `text` is a good prefix: a registry or a name, without tag and digest.
///
/// # Errors
/// What is wrong, and where.
pub fn validate_prefix(text: &str) -> Result<(), ScalarError> {
    prefix(text).map(drop)
}

/// [`Image::canonical`] of a text.
#[must_use]
pub fn canonical(text: &str) -> Cow<'_, str> {
    Cow::Owned(Image::new(text).canonical().into_owned())
}

/// [`Prefix::canonical`] of a text.
#[must_use]
pub fn canonical_prefix(text: &str) -> Cow<'_, str> {
    match prefix(text) {
        Ok(name) => Cow::Owned(name.full),
        Err(_) => Cow::Borrowed(text),
    }
}

/// Whether both name the same image: the same name, tag (a missing one without a digest is `latest`) and digest.
#[must_use]
pub fn eq(a: &str, b: &str) -> bool {
    a == b || Image::new(a) == Image::new(b)
}

/// Whether the image is under the prefix, part by part: `ghcr.io/acme` covers `ghcr.io/acme/app:1`, and neither
/// `ghcr.io/acmeevil/app` nor `ghcr.io.evil.example/acme`.
#[must_use]
pub fn under(image: &str, prefix: &str) -> bool {
    Image::new(image).under(&Prefix::new(prefix))
}

impl Name {
    fn new(registry: &str, path: &str) -> Self {
        let lower = registry.to_ascii_lowercase();
        let registry = match lower.as_str() {
            LEGACY_REGISTRY => DEFAULT_REGISTRY,
            host if looks_like_registry(host) => host,
            _ => registry,
        };
        let full = if path.is_empty() { registry.to_owned() } else { format!("{registry}/{path}") };
        Name { full, registry_len: registry.len() }
    }

    fn registry(&self) -> Option<&str> {
        self.full.get(..self.registry_len)
    }

    fn is_under(&self, prefix: &Name) -> bool {
        self.full.strip_prefix(&prefix.full).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Reads a reference: `name (":" tag)? ("@" digest)?`.
fn parts(text: &str) -> Result<Parts, ScalarError> {
    if is_id(text) {
        return Err(ScalarError::whole(text, "this is the ID of an image, not the name of one"));
    }
    let (tagged, digest) = match text.split_once('@') {
        Some((tagged, digest)) => {
            validate_digest(digest).map_err(|error| error.shifted(tagged.len() + 1))?;
            (tagged, Some(digest.to_owned()))
        }
        None => (text, None),
    };
    let (name, tag) = split_tag(tagged);
    if let Some(tag) = tag {
        validate_tag(tag).map_err(|error| error.shifted(name.len() + 1))?;
    }
    Ok(Parts { name: image_name(name)?, tag: tag.map(str::to_owned), digest })
}

/// What containerd and Docker call an image without naming it.
fn is_id(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
}

/// Splits the tag off: it follows a colon in the last part (a colon in an earlier part begins a port).
fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        Some(_) | None => (text, None),
    }
}

/// The normalized name of a whole image.
fn image_name(text: &str) -> Result<Name, ScalarError> {
    let name = match text.split_once('/') {
        Some((first, path)) if is_registry(first) => {
            validate_registry(first)?;
            validate_path(path).map_err(|error| error.shifted(first.len() + 1))?;
            official(Name::new(first, path), path)
        }
        Some(_) | None => {
            validate_path(text)?;
            official(Name::new(DEFAULT_REGISTRY, text), text)
        }
    };
    bounded(name, text)
}

/// On Docker Hub, a path of one part is an official image.
fn official(name: Name, path: &str) -> Name {
    if name.registry() == Some(DEFAULT_REGISTRY) && !path.contains('/') {
        return Name::new(DEFAULT_REGISTRY, &format!("{OFFICIAL}/{path}"));
    }
    name
}

fn bounded(name: Name, text: &str) -> Result<Name, ScalarError> {
    if name.full.len() > MAX_NAME {
        return Err(ScalarError::whole(
            text,
            format!("the name of an image has at most {MAX_NAME} characters"),
        ));
    }
    Ok(name)
}

/// The normalized name of a prefix; see the header for what it means.
fn prefix(text: &str) -> Result<Name, ScalarError> {
    if let Some(at) = text.find('@') {
        return Err(ScalarError::new(at..text.len(), "a prefix has no digest")
            .with_help("an image prefix ends with a name"));
    }
    let bare = text.strip_suffix('/').filter(|bare| !bare.is_empty()).unwrap_or(text);
    let name = match bare.split_once('/') {
        Some((first, path)) if looks_like_registry(first) => {
            validate_registry(first)?;
            prefix_path(path).map_err(|error| error.shifted(first.len() + 1))?;
            Name::new(first, path)
        }
        None if looks_like_registry(bare) => {
            validate_registry(bare).map_err(|error| match split_tag(bare) {
                (name, Some(tag)) if validate_tag(tag).is_ok() && !name.contains('.') => no_tag(name, tag),
                _ => error,
            })?;
            Name::new(bare, "")
        }
        Some(_) => {
            prefix_path(bare)?;
            Name::new(DEFAULT_REGISTRY, bare)
        }
        None => {
            prefix_path(bare)?;
            let name = Name::new(DEFAULT_REGISTRY, bare);
            if bare.len() == text.len() { official(name, bare) } else { name }
        }
    };
    bounded(name, text)
}

fn prefix_path(path: &str) -> Result<(), ScalarError> {
    match split_tag(path) {
        (name, Some(tag)) => Err(no_tag(name, tag)),
        (path, None) => validate_path(path),
    }
}

fn no_tag(name: &str, tag: &str) -> ScalarError {
    ScalarError::new(name.len()..name.len() + 1 + tag.len(), "a prefix has no tag")
        .with_help(format!("write `{name}`, which covers every tag; compare one image with `==`"))
}

/// Whether the first part of an image is a registry: no path begins with a capital.
fn is_registry(first: &str) -> bool {
    looks_like_registry(first) || first.bytes().any(|b| b.is_ascii_uppercase())
}

/// Whether the first part of a prefix is a registry.
fn looks_like_registry(first: &str) -> bool {
    first.eq_ignore_ascii_case("localhost") || first.contains(['.', ':'])
}

/// `host (":" port)?`, where the host is a DNS name, an IPv4 address, or an IPv6 address in brackets.
fn validate_registry(text: &str) -> Result<(), ScalarError> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (text, None),
    };
    if let Some(port) = port
        && (port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(ScalarError::new(host.len() + 1..text.len(), "the port of a registry is a number"));
    }
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
            return Err(ScalarError::new(1..1 + address.len(), "an IPv6 address stands in these brackets"));
        }
        return Ok(());
    }
    let mut at = 0;
    for label in host.split('.') {
        let here = at..at + label.len();
        let good = !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !good || label.starts_with('-') || label.ends_with('-') {
            let error = ScalarError::new(here, format!("`{host}` is not the host of a registry"));
            return Err(if text.starts_with("http") {
                error.with_help("leave out `https://`")
            } else {
                error
            });
        }
        at += label.len() + 1;
    }
    Ok(())
}

/// Parts of lower case letters and digits, within them the separators `.`, `_`, `__` and hyphens.
fn validate_path(path: &str) -> Result<(), ScalarError> {
    let mut at = 0;
    for part in path.split('/') {
        validate_part(part).map_err(|error| error.shifted(at))?;
        at += part.len() + 1;
    }
    Ok(())
}

fn validate_part(part: &str) -> Result<(), ScalarError> {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if part.is_empty() {
        return Err(ScalarError::new(0..0, "a part of this name is missing"));
    }
    if let Some((at, c)) =
        part.char_indices().find(|(_, c)| !(alphanumeric(*c) || matches!(c, '.' | '_' | '-')))
    {
        let error = ScalarError::new(at..at + c.len_utf8(), format!("the name of an image holds no {c:?}"));
        return Err(match c {
            c if c.is_ascii_uppercase() => error.with_help("names of images are in lower case"),
            '*' => error.with_help("an image prefix covers all below it, without `*`"),
            _ => error,
        });
    }
    let separators = part.split(alphanumeric).filter(|s| !s.is_empty());
    let good = |s: &str| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-');
    if !part.starts_with(alphanumeric) || !part.ends_with(alphanumeric) || !separators.into_iter().all(good) {
        return Err(ScalarError::whole(part, "a part of a name begins and ends with a letter or digit")
            .with_help("between them stand `.`, `_`, `__` or hyphens"));
    }
    Ok(())
}

fn validate_tag(tag: &str) -> Result<(), ScalarError> {
    if tag.is_empty() || tag.len() > MAX_TAG {
        return Err(ScalarError::whole(tag, format!("a tag has 1 to {MAX_TAG} characters")));
    }
    let wrong = tag
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_alphanumeric() || *c == '_' || (*at > 0 && matches!(c, '.' | '-'))));
    match wrong {
        None => Ok(()),
        Some((at, c)) => Err(ScalarError::new(
            at..at + c.len_utf8(),
            if at == 0 { format!("a tag begins with no {c:?}") } else { format!("a tag holds no {c:?}") },
        )),
    }
}

fn validate_digest(digest: &str) -> Result<(), ScalarError> {
    let (algorithm, hex) = digest.split_once(':').unwrap_or((digest, ""));
    let Some((_, len)) = ALGORITHMS.iter().find(|(name, _)| *name == algorithm) else {
        return Err(ScalarError::new(0..algorithm.len(), format!("`{algorithm}` is no digest algorithm"))
            .with_help("a digest is `sha256:` and 64 hex digits"));
    };
    if hex.len() != *len || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        let start = digest.len() - hex.len();
        return Err(ScalarError::new(
            start..digest.len(),
            format!("a {algorithm} digest has {len} lower case hex digits"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
