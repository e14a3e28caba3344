//! Messages: text with holes, each a path that prints a value.

use kpol_grammar::{TemplatePart as Part, ast, template};
use kpol_vm::{
    ir::{Template, TemplatePart, Ty},
    types::Type,
};

use crate::{
    diagnostics as d,
    elab::{Elab, Typed},
};

/// The fields that stand for a whole record in a message, best first.
const NAMING: &[&str] = &["name", "address", "id", "path"];

impl Elab<'_, '_> {
    /// A message of a verdict.
    pub(crate) fn message(&mut self, text: &ast::StrLit) -> Option<Template> {
        let parts = match template(text) {
            Ok(parts) => parts,
            Err(diagnostic) => {
                self.report(diagnostic);
                return None;
            }
        };
        let mut out = Template::default();
        let mut complete = true;
        for part in parts {
            match part {
                Part::Text(text) => out.parts.push(TemplatePart::Text(text)),
                Part::Hole(expr) => match self.infer(&expr).and_then(|v| self.printable(v, &expr)) {
                    Some(value) => out.parts.push(TemplatePart::Hole(value.id)),
                    None => {
                        self.lose(expr.span);
                        complete = false;
                    }
                },
            }
        }
        complete.then_some(out)
    }

    /// A record prints the field that names it.
    fn printable(&mut self, value: Typed, hole: &ast::Expr) -> Option<Typed> {
        let Ty::Record(root, id) = value.ty else { return Some(value) };
        let record = self.module.record(root, id)?.clone();
        let naming = NAMING.iter().find(|name| {
            record.field(name).is_some_and(|field| {
                !matches!(
                    &field.ty,
                    Type::Record(_) | Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Dyn
                )
            })
        });
        match naming {
            Some(name) => {
                let name = ast::Name { text: (*name).to_owned(), span: hole.span };
                self.field(value, &name, hole.span)
            }
            None => {
                self.report(d::unprintable(hole.span, &record.name));
                None
            }
        }
    }
}
