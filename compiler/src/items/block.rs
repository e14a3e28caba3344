//! What rules and mutations share: `where`, `let` and `for`.

use kpol_grammar::ast;
use kpol_vm::ir::{ExprId, LocalId};

use crate::{diagnostics as d, elab::Elab};

impl Elab<'_, '_> {
    /// `let x = EXPR` in a block.
    pub(crate) fn let_in(&mut self, binding: &ast::LetIn) -> Option<(LocalId, ExprId)> {
        let value = self.infer(&binding.value);
        let Some(value) = value else {
            // The name exists all the same, so that its uses are not reported too.
            self.lose(binding.name.span);
            self.poison(&binding.name);
            return None;
        };
        let local = self.bind(&binding.name, value.ty, value.opt, true)?;
        self.let_values.insert(local, value.id);
        Some((local, value.id))
    }

    /// The head of `for x in xs`; the caller elaborates the body, ends the scope, and takes one from `loops`.
    pub(crate) fn for_head(&mut self, var: &ast::Name, range: &ast::Expr) -> Option<(LocalId, ExprId)> {
        self.loops += 1;
        if self.loops > kpol_vm::verify::MAX_LOOPS {
            return self.overflow(d::too_deep(var.span));
        }
        let Some((list, element)) = self.range(range) else {
            self.poison(var);
            self.lose(range.span);
            return None;
        };
        let local = self.bind(var, element, false, false)?;
        Some((local, list.id))
    }

    /// A name whose value is unknown because of an error that is already reported: uses of it say nothing.
    pub(crate) fn poison(&mut self, name: &ast::Name) {
        self.poisoned.insert(name.text.clone());
    }

    /// `where EXPR`.
    pub(crate) fn where_clause(&mut self, cond: &ast::Expr) -> Option<ExprId> {
        let value = self.cond(cond);
        self.raise_floor(cond);
        value.map(|value| value.id)
    }
}
