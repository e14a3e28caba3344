//! A program as a tree whose leaves are its text: so that it can be printed, and made smaller piece by piece.

use std::ops::Range;

use kpol_vm::types::Type;

/// What stands for what: a node may take the place of another one of its sort.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sort {
    /// An expression of a type.
    Expr(Type),
    /// A clause of a block: it can be left out.
    Stmt,
    /// A declaration: it can be left out.
    Item,
    /// Anything else.
    Other,
}

/// A piece of a program.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) sort: Sort,
    pub(crate) pieces: Vec<Piece>,
}

/// What a node is made of.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Node(Node),
    /// Any number of nodes, with this between them.
    Many(Vec<Node>, &'static str),
}

/// One way to make a tree smaller. Nodes are numbered in the order in which they begin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    /// Without this element of a [`Piece::Many`].
    Remove(usize),
    /// A node's part in its place: the part's number below it.
    Hoist(usize, usize),
    /// A literal in its place.
    Plain(usize, usize),
}

impl Node {
    pub(crate) fn new(sort: Sort, pieces: Vec<Piece>) -> Node {
        Node { sort, pieces }
    }

    pub(crate) fn text(ty: &Type, text: impl Into<String>) -> Node {
        Node::new(Sort::Expr(ty.clone()), vec![Piece::Text(text.into())])
    }

    /// `(# and #)` with the nodes in the places of `#`.
    pub(crate) fn with(sort: Sort, template: &str, nodes: Vec<Node>) -> Node {
        let mut nodes = nodes.into_iter();
        let mut pieces = Vec::new();
        for (index, text) in template.split('#').enumerate() {
            if index > 0 {
                pieces.push(Piece::Node(nodes.next().expect("a node for each #")));
            }
            pieces.push(Piece::Text(text.to_owned()));
        }
        Node { sort, pieces }
    }

    /// The text, and where each node stands in it.
    pub(crate) fn print(&self) -> (String, Vec<Range<usize>>) {
        let (mut out, mut places) = (String::new(), Vec::new());
        self.write(&mut out, &mut places);
        (out, places)
    }

    fn write(&self, out: &mut String, places: &mut Vec<Range<usize>>) {
        let (number, start) = (places.len(), out.len());
        places.push(0..0);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Node(node) => node.write(out, places),
                Piece::Many(nodes, between) => {
                    for (index, node) in nodes.iter().enumerate() {
                        out.push_str(if index > 0 { between } else { "" });
                        node.write(out, places);
                    }
                }
            }
        }
        places[number] = start..out.len();
    }

    fn parts(&self) -> impl Iterator<Item = &Node> {
        self.pieces.iter().flat_map(|piece| match piece {
            Piece::Text(_) => &[][..],
            Piece::Node(node) => std::slice::from_ref(node),
            Piece::Many(nodes, _) => nodes,
        })
    }

    /// Every way to make it smaller, the boldest first.
    pub(crate) fn edits(&self) -> Vec<Edit> {
        let (mut removes, mut others) = (Vec::new(), Vec::new());
        self.collect(&mut 0, false, &mut removes, &mut others);
        removes.extend(others);
        removes
    }

    fn collect(&self, next: &mut usize, many: bool, removes: &mut Vec<Edit>, others: &mut Vec<Edit>) {
        let number = *next;
        *next += 1;
        if many {
            removes.push(Edit::Remove(number));
        }
        if let Sort::Expr(ty) = &self.sort {
            let own = self.print().0;
            let literals = plain(ty);
            // What is a literal already is not made one again.
            if !literals.contains(&own.as_str()) {
                others.extend((0..literals.len()).map(|which| Edit::Plain(number, which)));
            }
            let mut same = 0;
            self.below(&mut |node| same += usize::from(node.sort == self.sort));
            others.extend((0..same.min(8)).map(|which| Edit::Hoist(number, which)));
        }
        for piece in &self.pieces {
            match piece {
                Piece::Text(_) => {}
                Piece::Node(node) => node.collect(next, false, removes, others),
                Piece::Many(nodes, _) => {
                    nodes.iter().for_each(|node| node.collect(next, true, removes, others));
                }
            }
        }
    }

    /// Every node below this one.
    fn below<'n>(&'n self, each: &mut dyn FnMut(&'n Node)) {
        for part in self.parts() {
            each(part);
            part.below(each);
        }
    }

    /// Changes the tree as an edit says.
    pub(crate) fn apply(&mut self, edit: Edit) {
        self.edit(&mut 0, edit);
    }

    fn edit(&mut self, next: &mut usize, edit: Edit) {
        let number = *next;
        *next += 1;
        match edit {
            Edit::Plain(at, which) if at == number => {
                if let Sort::Expr(ty) = &self.sort {
                    *self = Node::text(ty, plain(ty)[which]);
                }
                return;
            }
            Edit::Hoist(at, which) if at == number => {
                let mut same = Vec::new();
                self.below(&mut |node| same.extend((node.sort == self.sort).then_some(node)));
                *self = same[which].clone();
                return;
            }
            _ => {}
        }
        for piece in &mut self.pieces {
            match piece {
                Piece::Text(_) => {}
                Piece::Node(node) => node.edit(next, edit),
                Piece::Many(nodes, _) => {
                    let mut index = 0;
                    while index < nodes.len() {
                        if matches!(edit, Edit::Remove(at) if at == *next) {
                            nodes.remove(index);
                            *next = usize::MAX / 2;
                            return;
                        }
                        nodes[index].edit(next, edit);
                        index += 1;
                    }
                }
            }
        }
    }

    /// The innermost clause or declaration at a place of the text that can be left out.
    pub(crate) fn removable(&self, places: &[Range<usize>], at: usize) -> Option<usize> {
        let mut found = None;
        let mut number = 0;
        self.below(&mut |node| {
            number += 1;
            if matches!(node.sort, Sort::Stmt | Sort::Item) && places[number].contains(&at) {
                found = Some(number);
            }
        });
        found
    }
}

/// The smallest literals of a type.
fn plain(ty: &Type) -> &'static [&'static str] {
    match ty {
        Type::Bool => &["true", "false"],
        Type::Int | Type::Port => &["0"],
        Type::Str => &["\"a\"", "\"\""],
        Type::Quantity => &["1Gi"],
        Type::Duration => &["1h"],
        Type::List(_) | Type::Set(_) => &["[]"],
        _ => &[],
    }
}
