//! One finding and what it is about, as plain data.

use std::fmt;

use kpol_vm::{evaluate, ir::Mode};
use serde::{Deserialize, Serialize};

/// The most bytes of a message, a fix or a name that are kept.
const MAX_TEXT: usize = 1 << 10;
/// The most blamed paths that are kept of one finding.
const MAX_BLAMES: usize = 16;
/// What ends a text that was cut.
const CUT: &str = "…";

/// What became of a hit of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It is, or would be, refused.
    Deny,
    /// Who asks is warned.
    Warn,
    /// It is written down.
    Record,
    /// An exception excuses it: it is no violation.
    Excepted,
}

impl Effect {
    /// From the worst on.
    pub const ALL: [Effect; 4] = [Effect::Deny, Effect::Warn, Effect::Record, Effect::Excepted];

    /// What the engine's effect is to a reader of reports.
    #[must_use]
    pub fn of(effect: evaluate::Effect, excepted: bool) -> Effect {
        match effect {
            _ if excepted => Effect::Excepted,
            evaluate::Effect::Record => Effect::Record,
            evaluate::Effect::Warn | evaluate::Effect::Alert => Effect::Warn,
            evaluate::Effect::Deny | evaluate::Effect::Kill => Effect::Deny,
        }
    }

    /// `denied`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Effect::Deny => "denied",
            Effect::Warn => "warned",
            Effect::Record => "recorded",
            Effect::Excepted => "excepted",
        }
    }
}

/// `deny`: a mode as an author writes it.
pub(super) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Dryrun => "dryrun",
        Mode::Warn => "warn",
        Mode::Deny => "deny",
        Mode::Alert => "alert",
        Mode::Enforce => "enforce",
    }
}

/// An object that was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resource {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// Empty: it has none, or a manifest does not say which.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it is written, if it comes from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "(no name)" } else { &self.name };
        match self.namespace.as_str() {
            "" => write!(f, "{} {name}", self.kind),
            namespace => write!(f, "{} {namespace}/{name}", self.kind),
        }
    }
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// As the user knows it.
    pub file: String,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One hit of one rule on one object. Severity and controls are the rule's: [`super::Report`] knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule with its package.
    pub rule: String,
    /// What became of it.
    pub effect: Effect,
    /// How hard the rule holds there.
    pub mode: Mode,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The exception that excuses it, or one that did and has ended, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// The object.
    pub resource: Resource,
    /// The JSON paths in the object that are to blame: `spec.containers[0].image`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blames: Vec<String>,
}

impl Finding {
    /// The same with bounded texts: some KiB, whatever a policy makes of an object.
    #[must_use]
    pub(super) fn bounded(mut self) -> Finding {
        self.blames.truncate(MAX_BLAMES);
        let texts = self.fix.iter_mut().chain(&mut self.exception).chain(&mut self.blames);
        texts.chain([&mut self.message]).for_each(cut);
        self.resource.cut();
        self
    }

    /// The bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let texts = [&self.rule, &self.message].into_iter().chain(&self.fix).chain(&self.exception);
        size_of::<Finding>()
            + texts.chain(&self.blames).map(String::len).sum::<usize>()
            + self.resource.bytes()
    }
}

impl Resource {
    pub(super) fn cut(&mut self) {
        let Resource { api_version, kind, namespace, name, source } = self;
        [api_version, kind, namespace, name].into_iter().for_each(cut);
        if let Some(source) = source {
            cut(&mut source.file);
        }
    }

    fn bytes(&self) -> usize {
        let Resource { api_version, kind, namespace, name, source } = self;
        let texts = [api_version, kind, namespace, name].into_iter();
        texts.chain(source.as_ref().map(|source| &source.file)).map(String::len).sum()
    }
}

/// At most [`MAX_TEXT`] bytes of a text.
pub(super) fn cut(text: &mut String) {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT - CUT.len()));
        text.push_str(CUT);
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_and_stay_text() {
        let mut text = "ä".repeat(MAX_TEXT);
        cut(&mut text);
        assert!(text.len() <= MAX_TEXT && text.ends_with("ä…"), "{}", text.len());
        let mut short = "short".to_owned();
        cut(&mut short);
        assert_eq!(short, "short");
    }

    #[test]
    fn an_object_has_one_name_everywhere() {
        let mut resource = Resource { kind: "Pod".into(), name: "web".into(), ..Resource::default() };
        assert_eq!(resource.to_string(), "Pod web");
        resource.namespace = "shop".into();
        assert_eq!(resource.to_string(), "Pod shop/web");
    }
}
