//! Everything of an `AdmissionReview` but the objects in it.

use crate::{
    evaluate::{Request, User},
    ir::Operation,
    project::{
        ProjectErrorKind as Kind, Stop,
        cursor::{Cursor, error},
        duplicate,
    },
};

/// The version of the API whose reviews these are. Its predecessor `v1beta1` left Kubernetes with 1.22.
const API_VERSION: &str = "admission.k8s.io/v1";

/// What a request says before and after its objects. Buffers are kept between requests.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) operation: Option<Operation>,
    pub(super) kind: GroupVersionName,
    pub(super) resource: GroupVersionName,
    pub(super) subresource: String,
    pub(super) user: User,
    pub(super) request: Request,
    /// Whether what decides which rules apply stood before the first object.
    pub(super) settled: bool,
    /// Whether the request says the user's groups, and more about the user: buffers of others are kept until then.
    has_groups: bool,
    has_extra: bool,
    /// A text that is looked at once.
    word: String,
}

/// A kind or a resource.
#[derive(Debug, Default)]
pub(super) struct GroupVersionName {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) name: String,
}

/// One of the objects of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Object,
    Old,
}

/// A field of the request that is read.
#[derive(Clone, Copy)]
enum Field {
    Uid,
    Kind,
    Resource,
    Subresource,
    Name,
    Namespace,
    Operation,
    UserInfo,
    DryRun,
    Object,
    OldObject,
}

impl Field {
    #[inline]
    fn of(name: &[u8]) -> Option<Field> {
        Some(match name {
            b"uid" => Field::Uid,
            b"kind" => Field::Kind,
            b"resource" => Field::Resource,
            b"subResource" => Field::Subresource,
            b"name" => Field::Name,
            b"namespace" => Field::Namespace,
            b"operation" => Field::Operation,
            b"userInfo" => Field::UserInfo,
            b"dryRun" => Field::DryRun,
            b"object" => Field::Object,
            b"oldObject" => Field::OldObject,
            _ => return None,
        })
    }
}

impl Head {
    /// Reads the review at the cursor, to its end. `object` is called at each object that is not `null`, and reads it.
    pub(super) fn read(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut object: impl FnMut(&Head, Which, &mut Cursor<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.clear();
        let mut found = false;
        fields(
            cursor,
            |name| one_of(name, [b"kind", b"apiVersion", b"request"]),
            |index, cursor| {
                let expected = match index {
                    0 => "AdmissionReview",
                    1 => API_VERSION,
                    _ => {
                        found = true;
                        return self.request(cursor, &mut object);
                    }
                };
                let at = cursor.at;
                self.word.clear();
                self.text(cursor, |head| &mut head.word)?;
                if self.word == expected {
                    return Ok(());
                }
                let message = format!("expected `{expected}`, found `{}`", self.word.escape_debug());
                Err(error(at, Kind::Review, message))
            },
        )?;
        cursor.end()?;
        self.request.resource.clone_from(&self.resource.name);
        // What the last request said is not this one's.
        if !self.has_groups {
            self.user.groups.clear();
        }
        if !self.has_extra {
            self.user.extra.clear();
        }
        let refused = |message: &str| Err(error(0, Kind::Review, message));
        if !found {
            return refused("this AdmissionReview has no `request`");
        }
        if self.operation.is_none() {
            return refused("this request has no `operation`");
        }
        if self.kind.name.is_empty() {
            return refused("this request names no `kind`");
        }
        Ok(())
    }

    fn clear(&mut self) {
        let Head {
            operation,
            kind,
            resource,
            subresource,
            user,
            request,
            settled,
            has_groups,
            has_extra,
            word: _,
        } = self;
        (*has_groups, *has_extra) = (false, false);
        *operation = None;
        *settled = true;
        for text in [
            &mut kind.group,
            &mut kind.version,
            &mut kind.name,
            &mut resource.group,
            &mut resource.version,
            &mut resource.name,
            subresource,
            &mut user.name,
            &mut user.uid,
            &mut request.uid,
            &mut request.name,
            &mut request.namespace,
            &mut request.resource,
        ] {
            text.clear();
        }
        request.dry_run = false;
    }

    fn request(
        &mut self,
        cursor: &mut Cursor<'_>,
        object: &mut impl FnMut(&Head, Which, &mut Cursor<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut objects = false;
        let number = |name: &[u8]| Field::of(name).map(|field| (field as usize, field));
        fields(cursor, number, |field, cursor| {
            match field {
                Field::Object | Field::OldObject => objects = true,
                Field::Kind | Field::Resource | Field::Subresource | Field::Operation if objects => {
                    self.settled = false;
                }
                Field::Kind
                | Field::Resource
                | Field::Subresource
                | Field::Operation
                | Field::Uid
                | Field::Name
                | Field::Namespace
                | Field::UserInfo
                | Field::DryRun => {}
            }
            match field {
                Field::Uid => self.text(cursor, |head| &mut head.request.uid),
                Field::Kind => self.triple(cursor, b"kind", |head| &mut head.kind),
                Field::Resource => self.triple(cursor, b"resource", |head| &mut head.resource),
                Field::Subresource => self.text(cursor, |head| &mut head.subresource),
                Field::Name => self.text(cursor, |head| &mut head.request.name),
                Field::Namespace => self.text(cursor, |head| &mut head.request.namespace),
                Field::Operation => self.operation(cursor),
                Field::UserInfo => self.user(cursor),
                Field::DryRun if matches!(cursor.peek(), b't' | b'f') => {
                    self.request.dry_run = cursor.word()?.unwrap_or_default();
                    Ok(())
                }
                Field::DryRun => cursor.skip(),
                Field::Object => object(self, Which::Object, cursor),
                Field::OldObject => object(self, Which::Old, cursor),
            }
        })
    }

    fn operation(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let at = cursor.at;
        self.word.clear();
        self.text(cursor, |head| &mut head.word)?;
        self.operation = Some(match self.word.as_str() {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            "CONNECT" => Operation::Connect,
            other => {
                let message = format!("`{}` is not an operation", other.escape_debug());
                return Err(error(at, Kind::Review, message));
            }
        });
        Ok(())
    }

    fn triple(
        &mut self,
        cursor: &mut Cursor<'_>,
        name: &[u8],
        out: impl Fn(&mut Head) -> &mut GroupVersionName,
    ) -> Result<(), Stop> {
        fields(
            cursor,
            |found| one_of(found, [b"group", b"version", name]),
            |index, cursor| {
                self.text(cursor, |head| {
                    let out = out(head);
                    match index {
                        0 => &mut out.group,
                        1 => &mut out.version,
                        _ => &mut out.name,
                    }
                })
            },
        )
    }

    fn user(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let known = |name: &[u8]| one_of(name, [b"username", b"uid", b"groups", b"extra"]);
        fields(cursor, known, |index, cursor| match index {
            0 => self.text(cursor, |head| &mut head.user.name),
            1 => self.text(cursor, |head| &mut head.user.uid),
            2 => {
                self.has_groups = true;
                texts(cursor, &mut self.user.groups)
            }
            _ if cursor.peek() != b'{' => cursor.skip(),
            _ => {
                let extra = &mut self.user.extra;
                let mut count = 0;
                let mut more = cursor.enter(b'}')?;
                while more {
                    let key = cursor.key()?;
                    if extra.len() == count {
                        extra.push((String::new(), Vec::new()));
                    }
                    let (before, rest) = extra.split_at_mut(count);
                    if let Some((name, values)) = rest.first_mut() {
                        texts(cursor, values)?;
                        key.read_into(name)?;
                        if before.iter().any(|(other, _)| other == name) {
                            return Err(duplicate(name.as_bytes(), key.at));
                        }
                    }
                    count += 1;
                    more = cursor.more(b'}')?;
                }
                extra.truncate(count);
                self.has_extra = true;
                Ok(())
            }
        })
    }

    /// A text; anything else is skipped.
    fn text<'o>(
        &'o mut self,
        cursor: &mut Cursor<'_>,
        out: impl FnOnce(&'o mut Head) -> &'o mut String,
    ) -> Result<(), Stop> {
        if cursor.peek() != b'"' {
            return cursor.skip();
        }
        let raw = cursor.string()?;
        raw.read_into(out(self))
    }
}

/// The texts of a list, in place of those in `out`, whose buffers are kept; anything else is skipped.
fn texts(cursor: &mut Cursor<'_>, out: &mut Vec<String>) -> Result<(), Stop> {
    if cursor.peek() != b'[' {
        out.clear();
        return cursor.skip();
    }
    let mut count = 0;
    let mut more = cursor.enter(b']')?;
    while more {
        if cursor.peek() == b'"' {
            let text = cursor.string()?;
            if out.len() == count {
                out.push(String::new());
            }
            if let Some(place) = out.get_mut(count) {
                text.read_into(place)?;
            }
            count += 1;
        } else {
            cursor.skip()?;
        }
        more = cursor.more(b']')?;
    }
    out.truncate(count);
    Ok(())
}

/// The position of a name among some.
#[inline]
fn one_of<const N: usize>(name: &[u8], known: [&[u8]; N]) -> Option<(usize, usize)> {
    known.iter().position(|known| *known == name).map(|index| (index, index))
}

/// Calls `read` at the values of known keys that are not `null`; skips the others. `known` says the number of a key and
/// what to call it.
#[inline]
fn fields<T>(
    cursor: &mut Cursor<'_>,
    known: impl Fn(&[u8]) -> Option<(usize, T)>,
    mut read: impl FnMut(T, &mut Cursor<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    if cursor.peek() != b'{' {
        return Err(cursor.expected("an object"));
    }
    let mut seen = 0u64;
    let mut decoded = Vec::new();
    let mut more = cursor.enter(b'}')?;
    while more {
        let key = cursor.key()?;
        let name = key.read(&mut decoded)?;
        match known(name) {
            None => cursor.skip()?,
            Some((number, field)) => {
                if seen >> number & 1 == 1 {
                    return Err(duplicate(name, key.at));
                }
                seen |= 1 << number;
                if cursor.peek() == b'n' {
                    cursor.word()?;
                } else {
                    read(field, cursor)?;
                }
            }
        }
        more = cursor.more(b'}')?;
    }
    Ok(())
}
