//! `kpolc explain`: everything that has a name, in words.
//!
//! ```text
//! SUBJECT ──▶ a list? a code? a kind, record, event, builtin or control? else a rule of the policies
//! ```

mod catalog;
mod reads;
mod rule;

use kpol_stdlib::{catalog::Catalog, controls};

use crate::{
    CliError, Exit, Io,
    args::{ExplainArgs, Global},
    codes,
    commands::schema,
    render::{Paint, Role, page, table},
};

pub(crate) fn run(args: &ExplainArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let paint = Paint::new(io.colored_stdout(global.color));
    let subject = args.subject.as_deref().unwrap_or("codes");
    let text = match named(subject, paint) {
        None if subject == "rules" => rule::list(&args.paths, io)?,
        Some(text) => text,
        None => rule::explain(subject, &args.paths, paint, io)?,
    };
    io.out(&text);
    Ok(Exit::Clean)
}

/// The answer for everything that is not a rule of a policy.
fn named(subject: &str, paint: Paint) -> Option<String> {
    let catalog = Catalog::new();
    match subject {
        "codes" => return Some(code_list(paint)),
        "kinds" => return Some(schema::kinds(&catalog)),
        "builtins" => return Some(catalog::builtins(&catalog)),
        "events" => return Some(catalog::events(&catalog)),
        "controls" => return Some(catalog::controls()),
        kpol_compiler::WORKLOAD => return Some(catalog::workload(&catalog)),
        _ => {}
    }
    let upper = subject.to_uppercase();
    if let Some(info) = codes::code(&upper) {
        let head = paint.on(Role::Strong, format!("{}: {}\n\n", info.code, info.title));
        let head = if info.page.starts_with("# ") { String::new() } else { head };
        return Some(head + &page(info.page, paint));
    }
    catalog::event(&catalog, subject, paint)
        .or_else(|| catalog::builtin(&catalog, subject, paint))
        .or_else(|| catalog::record(&catalog, subject, paint))
        .or_else(|| controls::control(subject).map(|control| catalog::control(control, paint)))
        .or_else(|| catalog::numbered(subject, paint))
        .or_else(|| {
            kpol_stdlib::mitre::technique(&upper).map(|technique| catalog::technique(technique, paint))
        })
}

fn code_list(paint: Paint) -> String {
    let mut rows: Vec<[String; 2]> =
        codes::all().map(|info| [info.code.to_owned(), info.title.to_owned()]).collect();
    rows.sort();
    let list = table(&rows);
    format!("{list}\n{}\n", paint.on(Role::Dim, "`kpolc explain CODE` has the page of each"))
}

/// Everything that a subject can be but for rules, for suggestions.
fn known() -> Vec<String> {
    let catalog = Catalog::new();
    let mut names: Vec<String> =
        ["codes", "rules", "kinds", "builtins", "events", "controls"].map(str::to_owned).to_vec();
    names.extend(codes::all().map(|info| info.code.to_owned()));
    names.extend(catalog.schema().record_names().map(str::to_owned));
    names.extend(catalog.builtins().iter().map(|builtin| builtin.name.to_owned()));
    names.extend(catalog.events().map(|event| event.name.to_owned()));
    names.extend(controls::controls().iter().map(|control| control.id.to_owned()));
    names
}
