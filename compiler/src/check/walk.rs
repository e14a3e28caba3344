//! Walking the statements of a body.

use kpol_vm::ir::Stmt;

/// Calls `visit` with every statement, outer ones first.
pub(crate) fn each_stmt<'s>(body: &'s [Stmt], visit: &mut impl FnMut(&'s Stmt)) {
    for stmt in body {
        visit(stmt);
        if let Stmt::For { body, .. } = stmt {
            each_stmt(body, visit);
        }
    }
}
