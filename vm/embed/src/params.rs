//! Params by name and JSON value, as constants of their types.

use kpol_vm::{
    ir::{Const, Param, Ty},
    scalar::check_literal,
    types::Type,
    value::{Value as Run, canonical, const_fits},
};
use serde_json::Value;

use crate::error::Unready;

/// The given values, under the full names of their params.
pub(crate) fn resolve(
    given: &[(String, Value)],
    declared: &[Param],
) -> Result<Vec<(String, Const)>, Unready> {
    let mut resolved: Vec<(String, Const)> = Vec::with_capacity(given.len());
    for (name, value) in given {
        let param = find(declared, name)?;
        if resolved.iter().any(|(other, _)| *other == param.name) {
            return Err(Unready::Twice(param.name.clone()));
        }
        let constant = constant(&param.ty, value).map_err(|why| Unready::Value {
            name: param.name.clone(),
            value: value.to_string().chars().take(80).collect(),
            why,
        })?;
        resolved.push((param.name.clone(), constant));
    }
    Ok(resolved)
}

/// The last part of a name: what stands behind its package.
pub(crate) fn last(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

fn find<'p>(declared: &'p [Param], name: &str) -> Result<&'p Param, Unready> {
    if let Some(param) = declared.iter().find(|param| param.name == name) {
        return Ok(param);
    }
    let found: Vec<&Param> = declared.iter().filter(|param| last(&param.name) == name).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Unready::Unknown(name.to_owned())),
        several => Err(Unready::Ambiguous {
            name: name.to_owned(),
            candidates: several.iter().map(|param| param.name.clone()).collect(),
        }),
    }
}

fn constant(ty: &Ty, value: &Value) -> Result<Const, String> {
    match (ty, value) {
        (Ty::List(element) | Ty::Set(element), Value::Array(items)) => {
            Ok(Const::List(items.iter().map(|item| constant(element, item)).collect::<Result<_, _>>()?))
        }
        (Ty::Map(element), Value::Object(entries)) => {
            let mut map = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                map.push((key.clone(), constant(element, value)?));
            }
            map.sort_by(|a: &(String, Const), b| a.0.cmp(&b.0));
            Ok(Const::Map(map))
        }
        (Ty::Scalar(scalar), value) => {
            let constant = scalar_constant(scalar, value)?;
            if const_fits(&constant, ty) { Ok(constant) } else { Err(expected(scalar)) }
        }
        (Ty::List(_), _) => Err("it is a list".to_owned()),
        (Ty::Set(_), _) => Err("it is a set, and is given as a list".to_owned()),
        (Ty::Map(_), _) => Err("it is a map, and is given as an object".to_owned()),
        (Ty::Record(..), _) => Err("no value can be given for a record".to_owned()),
    }
}

fn scalar_constant(ty: &Type, value: &Value) -> Result<Const, String> {
    match (ty, value) {
        (_, Value::Null) => Err("it has a value".to_owned()),
        (Type::Dyn, value) => Ok(Const::Dyn(value.to_string())),
        (Type::Bool, Value::Bool(flag)) => Ok(Const::Bool(*flag)),
        (Type::Int | Type::Port, Value::Number(number)) => {
            number.as_i64().map(Const::Int).ok_or_else(|| expected(ty))
        }
        // `cpu: 2` as in a manifest.
        (Type::Quantity, Value::Number(number)) => text_constant(ty, &number.to_string()),
        (Type::Bool | Type::Int, _) => Err(expected(ty)),
        (_, Value::String(text)) => text_constant(ty, text),
        (_, Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Err(expected(ty)),
    }
}

fn text_constant(ty: &Type, text: &str) -> Result<Const, String> {
    check_literal(ty, text).map_err(|error| error.to_string())?;
    if ty.is_text() {
        return Ok(Const::Text(text.to_owned()));
    }
    let value = Run::from_text(ty, text).ok_or_else(|| expected(ty))?;
    canonical(&Ty::Scalar(ty.clone()), &value).ok_or_else(|| expected(ty))
}

fn expected(ty: &Type) -> String {
    format!("it is of type `{ty}`")
}
