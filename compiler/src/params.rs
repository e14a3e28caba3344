//! Values of params given as text: `--param allowed=["NET_BIND_SERVICE"]`, `--param registry=ghcr.io/acme`.

use kpol_grammar::{
    diagnostic::{Diagnostic, Severity},
    parse_expr,
    span::FileId,
};
use kpol_vm::{
    ir::{Const, Param, Ty},
    types::Type,
};

use crate::{
    Compiled, Options,
    diagnostics::nearest,
    elab::{Ctx, literal::text_const},
    items::decl,
    module::ModuleBuilder,
    program::Program,
};

/// Why a given value is none.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamError {
    /// The module has no such param.
    Unknown {
        /// The name as given.
        name: String,
        /// One that may be meant.
        nearest: Option<String>,
    },
    /// Several packages have a param of that name.
    Ambiguous {
        /// Their full names.
        candidates: Vec<String>,
    },
    /// The text is no value of the param's type.
    Value {
        /// The type.
        ty: String,
        /// Why; spans lie in the text.
        diagnostics: Vec<Diagnostic>,
    },
}

impl std::fmt::Display for ParamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ParamError::Unknown { name, nearest: Some(near) } => {
                write!(f, "there is no param `{name}`; did you mean `{near}`?")
            }
            ParamError::Unknown { name, nearest: None } => write!(f, "there is no param `{name}`"),
            ParamError::Ambiguous { candidates } => write!(f, "this can be {}", candidates.join(" or ")),
            ParamError::Value { ty, diagnostics } => {
                write!(f, "not a value of type `{ty}`")?;
                if let Some(first) = diagnostics.first() {
                    let label =
                        first.labels.first().map(|label| label.text.as_str()).filter(|text| !text.is_empty());
                    write!(f, ": {}", first.message)?;
                    if let Some(label) = label {
                        write!(f, " ({label})")?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ParamError {}

/// The param that `name` means (its full name, or its last part if that is unique) with the value that `text` is.
/// A text that is no expression is taken as it is where the type is written as text, and split at commas for sets.
///
/// # Errors
/// When no param is meant, or several, or the text is no value of its type.
pub fn param_value(compiled: &Compiled, name: &str, text: &str) -> Result<(String, Const), ParamError> {
    let params: &[Param] = compiled.module.as_ref().map_or(&[], |module| &module.params);
    let param = find(params, name)?;
    let value = expression(compiled, text, &param.ty)
        .or_else(|diagnostics| plain(&param.ty, text).ok_or(diagnostics))
        .or_else(|diagnostics| match &param.ty {
            // `80,443` for `[80, 443]`.
            Ty::List(_) | Ty::Set(_) if !text.contains('[') => {
                expression(compiled, &format!("[{text}]"), &param.ty)
            }
            _ => Err(diagnostics),
        })
        .map_err(|diagnostics| ParamError::Value { ty: shown(&param.ty), diagnostics })?;
    Ok((param.name.clone(), value))
}

fn find<'p>(params: &'p [Param], name: &str) -> Result<&'p Param, ParamError> {
    if let Some(param) = params.iter().find(|param| param.name == name) {
        return Ok(param);
    }
    let last =
        |param: &&Param| param.name.rsplit_once('.').map_or(param.name.as_str(), |(_, last)| last) == name;
    let found: Vec<&Param> = params.iter().filter(last).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let known = params
                .iter()
                .map(|param| param.name.rsplit_once('.').map_or(param.name.as_str(), |(_, l)| l));
            Err(ParamError::Unknown {
                name: name.to_owned(),
                nearest: nearest(name, known).map(str::to_owned),
            })
        }
        several => Err(ParamError::Ambiguous {
            candidates: several.iter().map(|param| param.name.clone()).collect(),
        }),
    }
}

fn expression(compiled: &Compiled, text: &str, ty: &Ty) -> Result<Const, Vec<Diagnostic>> {
    let expr = parse_expr(FileId(0), text)?;
    let mut diagnostics = Vec::new();
    let program = Program::new(&[], &mut diagnostics);
    let options = Options::default();
    let mut ctx = Ctx {
        program: &program,
        catalog: &compiled.catalog,
        options: &options,
        diagnostics,
        used: Default::default(),
        used_imports: Default::default(),
        lost: None,
    };
    let value = decl::constant(&mut ctx, &mut ModuleBuilder::default(), FileId(0), &expr, ty);
    let failed = ctx.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    value.filter(|_| !failed).ok_or(ctx.diagnostics)
}

/// Text without quotes.
fn plain(ty: &Ty, text: &str) -> Option<Const> {
    match ty {
        Ty::Scalar(Type::Bool | Type::Int | Type::Port) => None,
        Ty::Scalar(Type::Dyn) => {
            serde_json::from_str::<serde_json::Value>(text).ok().map(|json| Const::Dyn(json.to_string()))
        }
        Ty::Scalar(scalar) => text_const(scalar, text).ok(),
        Ty::List(element) | Ty::Set(element) if !text.contains(['[', '"']) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Const::List(items.map(|item| plain(element, item)).collect::<Option<_>>()?))
        }
        Ty::Map(value) => json_map(value, text),
        Ty::List(_) | Ty::Set(_) | Ty::Record(..) => None,
    }
}

/// `{"a": "b"}`: the language has no literal for maps, JSON has.
fn json_map(value: &Ty, text: &str) -> Option<Const> {
    let entries: std::collections::BTreeMap<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let member = |json: &serde_json::Value| match (json, value) {
        (serde_json::Value::Bool(flag), Ty::Scalar(Type::Bool)) => Some(Const::Bool(*flag)),
        (serde_json::Value::Number(number), Ty::Scalar(Type::Int | Type::Port)) => {
            number.as_i64().map(Const::Int)
        }
        (serde_json::Value::String(text), ty) => plain(ty, text),
        (json, Ty::Scalar(Type::Dyn)) => Some(Const::Dyn(json.to_string())),
        _ => None,
    };
    let entries = entries.iter().map(|(key, json)| Some((key.clone(), member(json)?)));
    Some(Const::Map(entries.collect::<Option<_>>()?))
}

fn shown(ty: &Ty) -> String {
    match ty {
        Ty::Scalar(scalar) => scalar.to_string(),
        Ty::List(element) => format!("list<{}>", shown(element)),
        Ty::Set(element) => format!("set<{}>", shown(element)),
        Ty::Map(value) => format!("map<string, {}>", shown(value)),
        Ty::Record(..) => "record".to_owned(),
    }
}
