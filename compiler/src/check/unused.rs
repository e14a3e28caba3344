//! Names that nothing uses: imports, lets, defines and params of the entry files.

use kpol_grammar::{ast::ItemKind, span::FileId};

use crate::{
    diagnostics as d,
    elab::Ctx,
    program::{DefId, item_name},
};

/// Reports unused names. A package without rules is a vocabulary: its names are for others.
pub(crate) fn names(ctx: &mut Ctx<'_>, is_entry: &dyn Fn(FileId) -> bool) {
    let program = ctx.program;
    for index in 0..program.files.len() {
        let file = FileId(index as u32);
        // In a broken file the use may be what could not be read.
        if !is_entry(file) || ctx.is_broken(file) {
            continue;
        }
        for (name, span) in program.imports(file) {
            if !ctx.used_imports.contains(&(file, name.clone())) {
                ctx.diagnostics.push(d::unused_import(*span, name));
            }
        }
        if !has_rules(ctx, program.package(file)) || is_package_broken(ctx, program.package(file)) {
            continue;
        }
        let items = program.files.get(index).map_or(&[][..], |file| &file.items);
        for (item_index, item) in items.iter().enumerate() {
            let def = DefId { file, item: item_index };
            let what = match &item.kind {
                ItemKind::Param { .. } => "param",
                ItemKind::Let { .. } => "let",
                ItemKind::Define { .. } => "define",
                _ => continue,
            };
            if let Some(name) = item_name(item).filter(|_| !ctx.used.contains(&def)) {
                ctx.diagnostics.push(d::unused_name(name.span, what, &name.text));
            }
        }
    }
}

fn is_package_broken(ctx: &Ctx<'_>, package: &str) -> bool {
    (0..ctx.program.files.len())
        .map(|index| FileId(index as u32))
        .any(|file| ctx.program.package(file) == package && ctx.is_broken(file))
}

fn has_rules(ctx: &Ctx<'_>, package: &str) -> bool {
    ctx.program.packages.get(package).into_iter().flatten().any(|(_, def)| {
        matches!(
            ctx.program.item(*def).map(|item| &item.kind),
            Some(ItemKind::Rule(_) | ItemKind::Mutate(_) | ItemKind::Correlate(_))
        )
    })
}
