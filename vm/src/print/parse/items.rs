//! Reads roots, params, rules and the other items of a module.

use super::{
    Parse, Reader,
    code::{code, id, local},
    constant,
    lex::Cursor,
    root, ty,
};
use crate::{
    evaluate::operation_word,
    ir::{
        Bind, ChangeKind, Clause, ClauseId, Condition, Cost, Exception, Meta, Mode, Module, MutStmt,
        Mutation, Operation, Param, ParamId, Place, PlaceBase, RootId, Rule, RuleId, Severity, Stmt, Target,
        Template, TemplatePart, Verb, Watch,
    },
    print::items::{change_word, mode_word, severity_word, verb_word},
};

pub(super) fn item(reader: &mut Reader<'_>, line: &mut Cursor<'_>, module: &mut Module) -> Parse<()> {
    match line.any_word()? {
        "root" => module.roots.push(root(reader, line)?),
        "watch" => {
            let root = RootId(line.number_after("r")?);
            let (group, version) = (line.text()?, line.text()?);
            module.watches.push(Watch { root, group, version, kind: line.text()?, plural: line.text()? });
            line.end()?;
        }
        "builtin" => {
            line.sigil('^')?;
            module.builtins.push(line.text()?);
            line.end()?;
        }
        "param" => module.params.push(param(reader, line)?),
        "rule" => module.rules.push(rule(reader, line)?),
        "mutation" => module.mutations.push(mutation(reader, line)?),
        "bind" => module.binds.push(bind(reader)?),
        "exception" => module.exceptions.push(exception(reader, line)?),
        word => return Err(line.error(format!("there is no item `{word}`"))),
    }
    Ok(())
}

/// The value whose word stands next.
fn one_of<T: Copy>(line: &mut Cursor<'_>, all: &[T], word: impl Fn(T) -> &'static str) -> Parse<T> {
    let found = line.any_word()?;
    all.iter()
        .copied()
        .find(|item| word(*item) == found)
        .ok_or_else(|| line.error(format!("`{found}` is unknown")))
}

fn param(reader: &mut Reader<'_>, line: &mut Cursor<'_>) -> Parse<Param> {
    line.sigil('@')?;
    let name = line.text()?;
    line.punct(':')?;
    let ty = ty(line, 0)?;
    let default = if line.eat('=') { Some(constant(line, 0)?) } else { None };
    let mut param = Param { name, doc: String::new(), ty, default };
    while let Some(line) = reader.next(1) {
        let mut line = line.cursor();
        line.word("doc")?;
        param.doc = line.text()?;
    }
    Ok(param)
}

/// The lines of metadata and targets.
fn head(
    reader: &mut Reader<'_>,
    meta: &mut Meta,
    targets: &mut Vec<Target>,
    rule: Option<&mut Rule>,
) -> Parse<()> {
    let mut rule = rule;
    while let Some(
        word @ ("doc" | "severity" | "mitre" | "cis" | "tags" | "refs" | "owner" | "target"
        | "exceptions_need" | "cost"),
    ) = reader.peek(1)
    {
        let Some(line) = reader.next(1) else { return Ok(()) };
        let mut line = line.cursor();
        line.word(word)?;
        match (word, &mut rule) {
            ("doc", _) => meta.doc = line.text()?,
            ("severity", _) => {
                let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
                meta.severity = Some(one_of(&mut line, &all, severity_word)?);
            }
            ("mitre", _) => meta.mitre = line.rest(Cursor::text)?,
            ("cis", _) => meta.cis = line.rest(Cursor::text)?,
            ("tags", _) => meta.tags = line.rest(Cursor::text)?,
            ("refs", _) => meta.refs = line.rest(Cursor::text)?,
            ("owner", _) => meta.owner = Some(line.text()?),
            ("exceptions_need", Some(rule)) => rule.exceptions_need = line.rest(Cursor::text)?,
            ("cost", Some(rule)) => rule.cost = Cost { worst: line.number()?, formula: line.text()? },
            ("target", _) => targets.push(target(&mut line)?),
            _ => return Err(line.error("a mutation has no such line")),
        }
        line.end()?;
    }
    Ok(())
}

fn target(line: &mut Cursor<'_>) -> Parse<Target> {
    if line.eat_word("event") {
        return Ok(Target::Event { name: line.text()?, root: RootId(line.number_after("r")?) });
    }
    line.word("kind")?;
    let (group, version) = (line.text()?, line.text()?);
    let (kind, plural) = (line.text()?, line.text()?);
    let subresource = if line.eat('/') { Some(line.text()?) } else { None };
    line.punct('(')?;
    let all = [Operation::Create, Operation::Update, Operation::Delete, Operation::Connect];
    let operations = line.items(')', |line| one_of(line, &all, operation_word))?;
    line.word("object")?;
    let object = RootId(line.number_after("r")?);
    let pod = if line.eat_word("pod") {
        let root = RootId(line.number_after("r")?);
        line.punct('[')?;
        Some((root, line.items(']', Cursor::text)?))
    } else {
        None
    };
    Ok(Target::Kind { group, version, kind, plural, subresource, operations, object, pod })
}

fn rule(reader: &mut Reader<'_>, line: &mut Cursor<'_>) -> Parse<Rule> {
    line.sigil('#')?;
    let mut rule = Rule {
        name: line.text()?,
        meta: Meta::default(),
        targets: Vec::new(),
        code: crate::ir::Code::default(),
        body: Vec::new(),
        clauses: Vec::new(),
        exceptions_need: Vec::new(),
        cost: Cost::default(),
    };
    line.end()?;
    let (mut meta, mut targets) = (Meta::default(), Vec::new());
    head(reader, &mut meta, &mut targets, Some(&mut rule))?;
    (rule.meta, rule.targets) = (meta, targets);
    rule.code = code(reader, 1)?;
    if let Some(line) = reader.next(1) {
        line.cursor().word("body")?;
        rule.body = block(reader, 2)?;
    }
    while let Some(line) = reader.next(1) {
        rule.clauses.push(clause(&mut line.cursor())?);
    }
    Ok(rule)
}

fn mutation(reader: &mut Reader<'_>, line: &mut Cursor<'_>) -> Parse<Mutation> {
    line.number::<u32>()?;
    let name = line.text()?;
    line.end()?;
    let (mut meta, mut targets) = (Meta::default(), Vec::new());
    head(reader, &mut meta, &mut targets, None)?;
    let code = code(reader, 1)?;
    let mut body = Vec::new();
    if let Some(line) = reader.next(1) {
        line.cursor().word("body")?;
        body = mut_block(reader, 2)?;
    }
    Ok(Mutation { name, meta, targets, code, body })
}

fn block(reader: &mut Reader<'_>, depth: usize) -> Parse<Vec<Stmt>> {
    let mut stmts = Vec::new();
    while let Some(line) = reader.next(depth) {
        let mut line = line.cursor();
        line.bounded(depth)?;
        let stmt = match line.any_word()? {
            "where" => Stmt::Where(id(&mut line)?),
            "let" => {
                let local = local(&mut line)?;
                line.punct('=')?;
                Stmt::Let(local, id(&mut line)?)
            }
            "for" => {
                let local = local(&mut line)?;
                line.word("in")?;
                let list = id(&mut line)?;
                Stmt::For { local, list, body: block(reader, depth + 1)? }
            }
            "verdict" => {
                let clause = ClauseId(line.sigil('!')?);
                let cond = if line.eat_word("when") { Some(id(&mut line)?) } else { None };
                Stmt::Verdict { clause, cond }
            }
            word => return Err(line.error(format!("there is no statement `{word}`"))),
        };
        line.end()?;
        stmts.push(stmt);
    }
    Ok(stmts)
}

fn mut_block(reader: &mut Reader<'_>, depth: usize) -> Parse<Vec<MutStmt>> {
    let mut stmts = Vec::new();
    while let Some(line) = reader.next(depth) {
        let first = line.first_word();
        let mut line = line.cursor();
        line.bounded(depth)?;
        let stmt = match first {
            Some("where") => {
                line.word("where")?;
                MutStmt::Where(id(&mut line)?)
            }
            Some("let") => {
                line.word("let")?;
                let local = local(&mut line)?;
                line.punct('=')?;
                MutStmt::Let(local, id(&mut line)?)
            }
            Some("for") => {
                line.word("for")?;
                let local = local(&mut line)?;
                line.word("in")?;
                let list = id(&mut line)?;
                MutStmt::For { local, list, body: mut_block(reader, depth + 1)? }
            }
            Some(_) | None => change(&mut line)?,
        };
        line.end()?;
        stmts.push(stmt);
    }
    Ok(stmts)
}

fn change(line: &mut Cursor<'_>) -> Parse<MutStmt> {
    let all = [ChangeKind::Default, ChangeKind::Overwrite, ChangeKind::Add, ChangeKind::Remove];
    let kind = one_of(line, &all, change_word)?;
    let base = if line.is('$') {
        PlaceBase::Local(local(line)?)
    } else if line.eat_word("pod") {
        PlaceBase::Pod
    } else {
        line.word("object")?;
        PlaceBase::Object
    };
    line.punct('[')?;
    let keys = line.items(']', Cursor::text)?;
    let value = if line.is('%') { Some(id(line)?) } else { None };
    Ok(MutStmt::Change { kind, place: Place { base, keys }, value })
}

fn clause(line: &mut Cursor<'_>) -> Parse<Clause> {
    line.word("clause")?;
    line.sigil('!')?;
    let all = [Verb::Deny, Verb::Warn, Verb::Audit, Verb::Alert, Verb::Kill];
    let verb = one_of(line, &all, verb_word)?;
    let message = template(line)?;
    let fix = if line.eat_word("fix") { Some(template(line)?) } else { None };
    line.end()?;
    Ok(Clause { verb, message, fix })
}

fn template(line: &mut Cursor<'_>) -> Parse<Template> {
    line.punct('[')?;
    let part = |line: &mut Cursor<'_>| {
        if line.is('%') { id(line).map(TemplatePart::Hole) } else { line.text().map(TemplatePart::Text) }
    };
    Ok(Template { parts: line.items(']', part)? })
}

fn bind(reader: &mut Reader<'_>) -> Parse<Bind> {
    let mut bind = Bind { rules: Vec::new(), mode: None, conditions: Vec::new(), with: Vec::new() };
    while let Some(line) = reader.next(1) {
        let mut line = line.cursor();
        match line.any_word()? {
            "mode" => {
                let all = [Mode::Dryrun, Mode::Warn, Mode::Deny, Mode::Alert, Mode::Enforce];
                bind.mode = Some(one_of(&mut line, &all, mode_word)?);
            }
            "with" => {
                let param = ParamId(line.sigil('@')?);
                line.punct('=')?;
                bind.with.push((param, constant(&mut line, 0)?));
            }
            "on" => {
                bind.rules.push(RuleId(line.sigil('#')?));
                bind.conditions.push(condition(reader)?);
            }
            word => return Err(line.error(format!("a bind has no `{word}`"))),
        }
        line.end()?;
    }
    Ok(bind)
}

fn exception(reader: &mut Reader<'_>, line: &mut Cursor<'_>) -> Parse<Exception> {
    let mut exception = Exception {
        name: line.text()?,
        rules: Vec::new(),
        conditions: Vec::new(),
        reason: String::new(),
        owner: String::new(),
        until: None,
    };
    line.end()?;
    while let Some(line) = reader.next(1) {
        let mut line = line.cursor();
        match line.any_word()? {
            "reason" => exception.reason = line.text()?,
            "owner" => exception.owner = line.text()?,
            "until" => exception.until = Some(line.text()?),
            "on" => {
                exception.rules.push(RuleId(line.sigil('#')?));
                exception.conditions.push(condition(reader)?);
            }
            word => return Err(line.error(format!("an exception has no `{word}`"))),
        }
        line.end()?;
    }
    Ok(exception)
}

fn condition(reader: &mut Reader<'_>) -> Parse<Condition> {
    let mut condition = Condition { code: code(reader, 2)?, cond: None };
    if let Some(line) = reader.next(2) {
        let mut line = line.cursor();
        line.word("where")?;
        condition.cond = Some(id(&mut line)?);
        line.end()?;
    }
    Ok(condition)
}
