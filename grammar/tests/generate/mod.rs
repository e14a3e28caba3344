//! Trees of every shape that the grammar has.

use kpol_grammar::ast::*;
use kpol_grammar::span::Span;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

fn span() -> Span {
    Span::default()
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof!["[a-z_][a-z0-9_]{0,6}", Just("object".to_owned()), Just("a_rather_long_name".to_owned())]
        .prop_filter("a word of the language", |text| {
            !kpol_grammar::token::Token::KEYWORDS.iter().any(|word| word.fixed_text() == Some(text))
                && !matches!(text.as_str(), "null" | "nil" | "r" | "rx")
        })
        .prop_map(|text| Name { text, span: span() })
}

/// Behind a dot any word may stand.
fn any_name() -> impl Strategy<Value = Name> {
    prop_oneof![
        3 => name(),
        1 => prop::sample::select(kpol_grammar::token::Token::KEYWORDS)
            .prop_map(|word| Name { text: word.fixed_text().unwrap().to_owned(), span: span() }),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    (name(), vec(any_name(), 0..3))
        .prop_map(|(first, rest)| Path { names: std::iter::once(first).chain(rest).collect(), span: span() })
}

fn string() -> impl Strategy<Value = StrLit> {
    let plain = prop_oneof![4 => "[a-z {}./]{0,12}", 1 => any::<String>()].prop_map(|text| StrLit {
        text,
        span: span(),
        ..StrLit::default()
    });
    let triple =
        "[a-z\n\\\\]{0,12}".prop_map(|text| StrLit { text, triple: true, span: span(), ..StrLit::default() });
    prop_oneof![8 => plain, 1 => triple]
}

fn unit() -> impl Strategy<Value = UnitNum> {
    "[0-9]{1,3}(\\.[0-9])?(ms|s|m|h|d|Ki|Mi|Gi|k|M|G)".prop_map(|text| UnitNum { text, span: span() })
}

fn date() -> impl Strategy<Value = DateLit> {
    "[0-9]{4}-[0-9]{2}-[0-9]{2}".prop_map(|text| DateLit { text, span: span() })
}

fn number() -> impl Strategy<Value = Literal> {
    prop_oneof![(0..i64::MAX).prop_map(Literal::Int), unit().prop_map(Literal::Unit)]
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        string().prop_map(Literal::Str),
        "([a-z.*]|\\\\d|\\\\\"){0,8}".prop_map(|text| Literal::Regex(StrLit {
            text,
            span: span(),
            ..StrLit::default()
        })),
        number(),
        date().prop_map(Literal::Date),
        any::<bool>().prop_map(Literal::Bool),
    ]
}

fn op() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp::*;
    prop::sample::select(vec![
        Or, And, Eq, Ne, Lt, Le, Gt, Ge, In, NotIn, Under, NotUnder, Like, NotLike, Matches, NotMatches,
        StartsWith, EndsWith, Contains, Default, Add, Sub,
    ])
}

fn level(expr: &Expr) -> u8 {
    match &expr.kind {
        ExprKind::If { .. } => 0,
        ExprKind::Binary { op, .. } => op_level(*op),
        ExprKind::Not(_) => 3,
        ExprKind::Has(_) | ExprKind::Neg(_) => 7,
        _ => 8,
    }
}

fn op_level(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And => 2,
        BinaryOp::Default => 5,
        BinaryOp::Add | BinaryOp::Sub => 6,
        _ => 4,
    }
}

fn e(kind: ExprKind) -> Expr {
    Expr { kind, span: span() }
}

/// In parentheses if it must be.
fn at(least: u8, expr: Expr) -> Box<Expr> {
    Box::new(if level(&expr) < least { e(ExprKind::Paren(Box::new(expr))) } else { expr })
}

pub(crate) fn expr() -> impl Strategy<Value = Expr> + Clone {
    let leaf = prop_oneof![
        2 => name().prop_map(|name| e(ExprKind::Var(name))),
        1 => literal().prop_map(|literal| e(ExprKind::Literal(literal))),
        1 => path().prop_map(|path| {
            let mut names = path.names.into_iter();
            let first = e(ExprKind::Var(names.next().unwrap()));
            names.fold(first, |base, name| e(ExprKind::Field { base: Box::new(base), name }))
        }),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let i = || inner.clone();
        let quant = prop::sample::select(vec![Quant::Any, Quant::All, Quant::None, Quant::Count]);
        prop_oneof![
            6 => (op(), i(), i()).prop_map(|(op, a, b)| {
                let own = op_level(op);
                let left = if own == 4 { 5 } else { own };
                e(ExprKind::Binary { op, op_span: span(), lhs: at(left, a), rhs: at(own + 1, b) })
            }),
            1 => (i(), i(), i()).prop_map(|(a, b, c)| e(ExprKind::If {
                cond: at(1, a), then: Box::new(b), otherwise: Box::new(c),
            })),
            1 => i().prop_map(|a| e(ExprKind::Not(at(3, a)))),
            1 => i().prop_map(|a| e(ExprKind::Has(at(8, a)))),
            1 => i().prop_map(|a| e(ExprKind::Neg(at(7, a)))),
            1 => (i(), any_name()).prop_map(|(a, name)| e(ExprKind::Field { base: at(8, a), name })),
            1 => (i(), i()).prop_map(|(a, b)| e(ExprKind::Index { base: at(8, a), index: Box::new(b) })),
            1 => (i(), vec(i(), 0..4)).prop_map(|(a, args)| e(ExprKind::Call { callee: at(8, a), args })),
            1 => i().prop_map(|a| e(ExprKind::Paren(Box::new(a)))),
            1 => vec(i(), 0..5).prop_map(|items| e(ExprKind::List(items))),
            1 => vec(literal().prop_map(|l| e(ExprKind::Literal(l))), 0..20).prop_map(|items| e(ExprKind::List(items))),
            1 => (i(), name(), i(), of(i())).prop_map(|(head, var, range, filter)| e(ExprKind::Comprehension {
                head: Box::new(head), var, range: at(6, range), filter: filter.map(Box::new),
            })),
            1 => (quant, name(), i(), i()).prop_map(|(quant, var, range, body)| e(ExprKind::Quantified {
                quant, var, range: at(6, range), body: Box::new(body),
            })),
        ]
    })
}

fn range() -> impl Strategy<Value = Expr> {
    expr().prop_map(|expr| *at(6, expr))
}

fn place() -> impl Strategy<Value = Expr> {
    expr().prop_map(|expr| *at(8, expr))
}

fn ty() -> impl Strategy<Value = TypeExpr> {
    let make = |name, args, optional| TypeExpr { name, args, optional, span: span() };
    (path(), any::<bool>()).prop_map(move |(name, optional)| make(name, Vec::new(), optional)).prop_recursive(
        2,
        4,
        2,
        move |inner| {
            (path(), vec(inner, 0..3), any::<bool>())
                .prop_map(move |(name, args, optional)| make(name, args, optional))
        },
    )
}

fn on() -> impl Strategy<Value = On> {
    let target = (path(), of(name()), vec(any_name(), 0..3))
        .prop_map(|(path, subresource, operations)| Target { path, subresource, operations, span: span() });
    vec(target, 1..3).prop_map(|targets| On { targets, span: span() })
}

fn object() -> impl Strategy<Value = Object> {
    let key = prop_oneof![
        any_name().prop_map(|name| Key { text: name.text, quoted: false, span: span() }),
        string().prop_map(|text| Key { text: text.text, quoted: true, span: span() }),
    ];
    let value = prop_oneof![
        literal().prop_map(|literal| ObjectValue::Literal { literal, negative: false, span: span() }),
        number().prop_map(|literal| ObjectValue::Literal { literal, negative: true, span: span() }),
    ];
    let value = value.prop_recursive(3, 12, 3, move |inner| {
        let pair = (vec(key.clone(), 1..3), inner.clone()).prop_map(|(keys, value)| Pair {
            keys,
            value,
            span: span(),
        });
        prop_oneof![
            vec(inner, 0..4).prop_map(|items| ObjectValue::List { items, span: span() }),
            vec(pair, 0..4).prop_map(|pairs| ObjectValue::Object(Object { pairs, span: span() })),
        ]
    });
    (vec((name(), value), 0..3)).prop_map(|pairs| Object {
        pairs: pairs
            .into_iter()
            .map(|(name, value)| Pair {
                keys: vec![Key { text: name.text, quoted: false, span: span() }],
                value,
                span: span(),
            })
            .collect(),
        span: span(),
    })
}

fn meta() -> impl Strategy<Value = Meta> {
    let texts = || vec(string(), 1..4);
    prop_oneof![
        any_name().prop_map(MetaKind::Severity),
        texts().prop_map(MetaKind::Mitre),
        texts().prop_map(MetaKind::Cis),
        texts().prop_map(MetaKind::Tags),
        texts().prop_map(MetaKind::Refs),
        string().prop_map(MetaKind::Owner),
    ]
    .prop_map(|kind| Meta { kind, span: span() })
}

fn verb() -> impl Strategy<Value = Verb> {
    prop::sample::select(vec![Verb::Deny, Verb::Warn, Verb::Audit, Verb::Alert, Verb::Kill])
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let cond = (any::<bool>(), expr()).prop_map(|(unless, expr)| Condition { unless, expr, span: span() });
    (verb(), of(cond), string(), of(string())).prop_map(|(verb, cond, message, fix)| Verdict {
        verb,
        verb_span: span(),
        cond,
        message,
        fix,
        span: span(),
    })
}

fn let_in() -> impl Strategy<Value = LetIn> {
    (name(), expr()).prop_map(|(name, value)| LetIn { name, value, span: span() })
}

fn block_clause() -> impl Strategy<Value = BlockClause> {
    let leaf = prop_oneof![
        expr().prop_map(|cond| BlockClause::Where { cond, span: span() }),
        let_in().prop_map(BlockClause::Let),
        verdict().prop_map(BlockClause::Verdict),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        (name(), range(), vec(inner, 0..3))
            .prop_map(|(var, range, body)| BlockClause::For(For { var, range, body, span: span() }))
    })
}

fn rule_clause() -> impl Strategy<Value = RuleClause> {
    prop_oneof![
        meta().prop_map(RuleClause::Meta),
        vec(path(), 1..3).prop_map(|paths| RuleClause::ExceptionsNeed { paths, span: span() }),
        Just(RuleClause::VerifyAtRuntime { span: span() }),
        block_clause().prop_map(RuleClause::Block),
    ]
}

fn mutate_clause() -> impl Strategy<Value = MutateClause> {
    let change = prop_oneof![
        (place(), expr()).prop_map(|(place, value)| ChangeKind::Default { place, value }),
        (place(), expr()).prop_map(|(place, value)| ChangeKind::Overwrite { place, value }),
        (expr(), place()).prop_map(|(value, place)| ChangeKind::Add { value, place }),
        place().prop_map(|place| ChangeKind::Remove { place }),
    ];
    let leaf = prop_oneof![
        expr().prop_map(|cond| MutateClause::Where { cond, span: span() }),
        let_in().prop_map(MutateClause::Let),
        change.prop_map(|kind| MutateClause::Change(Change { kind, span: span() })),
    ];
    let inner = leaf.prop_recursive(2, 6, 3, |inner| {
        (name(), range(), vec(inner, 0..3))
            .prop_map(|(var, range, body)| MutateClause::For(For { var, range, body, span: span() }))
    });
    prop_oneof![1 => meta().prop_map(MutateClause::Meta), 4 => inner]
}

fn correlate_clause() -> impl Strategy<Value = CorrelateClause> {
    let count =
        (0..i64::MAX, of(path())).prop_map(|(at_least, distinct)| Count { at_least, distinct, span: span() });
    prop_oneof![
        meta().prop_map(CorrelateClause::Meta),
        (unit(), vec(path(), 1..3)).prop_map(|(duration, by)| CorrelateClause::Within {
            duration,
            by,
            span: span()
        }),
        (name(), on(), of(expr()), of(count)).prop_map(|(name, on, when, count)| {
            CorrelateClause::Step(Step { name, on, when, count, span: span() })
        }),
        (on(), of(expr())).prop_map(|(on, when)| CorrelateClause::Reset { on, when, span: span() }),
        verdict().prop_map(|verdict| CorrelateClause::Verdict(Verdict { cond: None, ..verdict })),
    ]
}

fn with() -> impl Strategy<Value = With> {
    (name(), expr()).prop_map(|(name, value)| With { name, value, span: span() })
}

fn bind_clause() -> impl Strategy<Value = BindClause> {
    prop_oneof![
        any_name().prop_map(|mode| BindClause::Mode { mode, span: span() }),
        expr().prop_map(|cond| BindClause::Where { cond, span: span() }),
        with().prop_map(BindClause::With),
    ]
}

fn exception_clause() -> impl Strategy<Value = ExceptionClause> {
    prop_oneof![
        expr().prop_map(|cond| ExceptionClause::Where { cond, span: span() }),
        string().prop_map(|text| ExceptionClause::Reason { text, span: span() }),
        string().prop_map(|text| ExceptionClause::Owner { text, span: span() }),
        date().prop_map(|date| ExceptionClause::Until { date, span: span() }),
    ]
}

fn test_clause() -> impl Strategy<Value = TestClause> {
    prop_oneof![
        (path(), object()).prop_map(|(kind, object)| TestClause::Given { kind, object, span: span() }),
        string().prop_map(|text| TestClause::GivenYaml { text, span: span() }),
        string().prop_map(|file| TestClause::GivenManifest { file, span: span() }),
        (unit(), path(), object()).prop_map(|(time, event, object)| TestClause::At {
            time,
            event,
            object,
            span: span()
        }),
        with().prop_map(TestClause::With),
        vec((path(), object()), 0..3).prop_map(|objects| TestClause::WithObjects { objects, span: span() }),
        (any_name(), of(string()), of(string())).prop_map(|(verdict, message, blames)| TestClause::Expect {
            verdict,
            message,
            blames,
            span: span()
        }),
    ]
}

fn docs() -> impl Strategy<Value = Vec<Doc>> {
    vec("(/?[a-z]{1,8}| [a-z ]{0,8}[a-z])?".prop_map(|text| Doc { text, span: span() }), 0..3)
}

fn item() -> impl Strategy<Value = Item> {
    let param = (name(), ty()).prop_map(|(name, ty)| DefineParam { name, ty });
    let kind =
        prop_oneof![
            (name(), ty(), of(expr())).prop_map(|(name, ty, default)| ItemKind::Param { name, ty, default }),
            (name(), of(ty()), expr()).prop_map(|(name, ty, value)| ItemKind::Let { name, ty, value }),
            (name(), of(vec(param, 0..3)), of(on()), expr())
                .prop_map(|(name, params, on, body)| ItemKind::Define { name, params, on, body }),
            (name(), on(), vec(rule_clause(), 0..5)).prop_map(|(name, on, clauses)| ItemKind::Rule(Rule {
                name,
                on,
                clauses
            })),
            (name(), on(), vec(mutate_clause(), 0..4))
                .prop_map(|(name, on, clauses)| ItemKind::Mutate(Mutate { name, on, clauses })),
            (name(), vec(correlate_clause(), 0..4))
                .prop_map(|(name, clauses)| ItemKind::Correlate(Correlate { name, clauses })),
            (vec(path(), 1..3), vec(bind_clause(), 0..3))
                .prop_map(|(rules, clauses)| ItemKind::Bind(Bind { rules, clauses })),
            (name(), vec(path(), 1..3), vec(exception_clause(), 0..4))
                .prop_map(|(name, rules, clauses)| ItemKind::Exception(Exception { name, rules, clauses })),
            (path(), string(), vec(test_clause(), 0..4))
                .prop_map(|(rule, name, clauses)| ItemKind::Test(Test { rule, name, clauses })),
        ];
    (docs(), kind).prop_map(|(docs, kind)| Item { docs, kind, span: span() })
}

fn import() -> impl Strategy<Value = Use> {
    prop_oneof![
        (path(), of(name())).prop_map(|(path, alias)| Use::Module { path, alias, span: span() }),
        (path(), vec(name(), 1..4)).prop_map(|(path, names)| Use::Names { path, names, span: span() }),
        (name(), string()).prop_map(|(name, from)| Use::Kind { name, from, span: span() }),
    ]
}

/// A tree that is shown as text when a test fails.
#[derive(Clone)]
pub(crate) struct Tree(pub(crate) File);

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&kpol_grammar::print(&self.0))
    }
}

pub(crate) fn file() -> impl Strategy<Value = Tree> {
    (docs(), of(path()), vec(import(), 0..3), vec(item(), 0..4))
        .prop_map(|(docs, package, uses, items)| Tree(File { docs, package, uses, items }))
}
