//! Metadata clauses: words that are checked against lists, so that reports can be trusted.

use kpol_grammar::ast::{self, MetaKind};
use kpol_stdlib::{controls, mitre};
use kpol_vm::ir::{Meta, Severity};

use crate::{diagnostics as d, elab::Ctx, program::doc_text};

/// The metadata of a declaration.
pub(crate) fn meta<'m>(
    ctx: &mut Ctx<'_>,
    docs: &[ast::Doc],
    clauses: impl Iterator<Item = &'m ast::Meta>,
) -> Meta {
    let mut meta = Meta { doc: doc_text(docs), ..Meta::default() };
    for clause in clauses {
        match &clause.kind {
            MetaKind::Severity(name) => {
                if meta.severity.is_some() {
                    ctx.diagnostics.push(d::said_twice(clause.span, "severity"));
                }
                meta.severity = severity(ctx, name);
            }
            MetaKind::Mitre(ids) => {
                for id in ids {
                    if mitre::technique(&id.text).is_none() {
                        let known = mitre::techniques().iter().map(|t| t.id);
                        ctx.diagnostics.push(d::unknown_technique(id.span, &id.text, known));
                    }
                }
                meta.mitre.extend(texts(ids));
            }
            MetaKind::Cis(ids) => {
                for id in ids.iter().filter(|id| controls::cis_numbers(&id.text).is_empty()) {
                    ctx.diagnostics.push(d::unknown_cis(id.span, &id.text));
                }
                meta.cis.extend(texts(ids));
            }
            MetaKind::Tags(tags) => {
                for tag in tags.iter().filter(|tag| is_reserved(&tag.text)) {
                    if controls::control(&tag.text).is_none() {
                        let known = controls::controls().iter().map(|control| control.id);
                        ctx.diagnostics.push(d::unknown_control(tag.span, &tag.text, known));
                    }
                }
                meta.tags.extend(texts(tags));
            }
            MetaKind::Refs(refs) => meta.refs.extend(texts(refs)),
            MetaKind::Owner(owner) => {
                if meta.owner.replace(owner.text.clone()).is_some() {
                    ctx.diagnostics.push(d::said_twice(clause.span, "owner"));
                }
            }
        }
    }
    meta
}

/// Tags of these families name controls and nothing else.
fn is_reserved(tag: &str) -> bool {
    ["pss.", "cis.", "nsa."].iter().any(|family| tag.starts_with(family))
}

fn texts(literals: &[ast::StrLit]) -> impl Iterator<Item = String> + '_ {
    literals.iter().map(|literal| literal.text.clone())
}

fn severity(ctx: &mut Ctx<'_>, name: &ast::Name) -> Option<Severity> {
    match name.text.as_str() {
        "low" => Some(Severity::Low),
        "medium" => Some(Severity::Medium),
        "high" => Some(Severity::High),
        "critical" => Some(Severity::Critical),
        _ => {
            let known = ["low", "medium", "high", "critical"].into_iter();
            ctx.diagnostics.push(d::unknown_word(name, "severity", known));
            None
        }
    }
}
