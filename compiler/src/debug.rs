//! Where the parts of a module stand in the sources. Kept beside the IR: an engine never needs it.

use kpol_grammar::span::Span;

/// The spans of one rule, mutation, bind or exception.
#[derive(Clone, Debug, Default)]
pub struct CodeDebug {
    /// The name in its declaration.
    pub name: Span,
    /// What an author sees of each expression of its code: of an expanded define, the place of its use.
    pub exprs: Vec<Span>,
    /// Where each expression is written, also inside an expanded define.
    pub origins: Vec<Span>,
    /// The span of each clause.
    pub clauses: Vec<Span>,
    /// The span of each clause's message.
    pub messages: Vec<Span>,
}

/// The spans of a module.
#[derive(Clone, Debug, Default)]
pub struct Debug {
    /// By rule.
    pub rules: Vec<CodeDebug>,
    /// By mutation.
    pub mutations: Vec<CodeDebug>,
    /// By exception.
    pub exceptions: Vec<Span>,
    /// By param.
    pub params: Vec<Span>,
}
