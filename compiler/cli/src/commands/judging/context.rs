//! From verdicts to findings: who broke which rule, and where that stands in the manifest.

use std::sync::Arc;

use kpol_manifest::{JsonPath, Segment};
use kpol_vm::{
    evaluate::{self, Evaluator},
    json::Json,
};

use crate::{
    judge::{Judged, Verdicts},
    load::Loaded,
    manifests::{Located, ManifestFile, Object},
    report::{Finding, Outcome, Place, Problem, Report},
    why,
};

/// What was judged by what.
pub(in crate::commands) struct Context<'e> {
    pub(in crate::commands) loaded: &'e Loaded,
    pub(in crate::commands) evaluator: &'e Evaluator,
    pub(in crate::commands) files: &'e [ManifestFile],
    pub(in crate::commands) objects: &'e [Object<'e>],
}

impl Context<'_> {
    /// What could not be judged, and what is odd.
    pub(super) fn problems(&self, verdicts: &Verdicts, report: &mut Report) {
        for problem in &verdicts.problems {
            let Some(object) = self.objects.get(problem.object) else { continue };
            let Some(place) = self.place(object, &problem.path) else { continue };
            let mut said = Problem::at(place, format!("{}{}", subject(object), problem.message));
            said.help = problem.help.clone();
            if problem.is_error {
                report.problems.push(said);
            } else {
                report.notes.push(said);
            }
        }
        for judged in &verdicts.judged {
            let Some(object) = self.objects.get(judged.object) else { continue };
            report.notes.extend(self.omitted(object, judged));
        }
    }

    /// The object that was judged: that of the request, if it came in an AdmissionReview.
    pub(in crate::commands) fn judged<'o>(&self, object: &Object<'o>, judged: &Judged) -> Option<&'o Json> {
        judged.prefix.0.iter().try_fold(object.json, |json, segment| match segment {
            Segment::Key(key) => json.get(key),
            Segment::Index(index) => json.elements().get(*index),
        })
    }

    /// That an object breaks a rule more often than is listed.
    fn omitted(&self, object: &Object<'_>, judged: &Judged) -> Option<Problem> {
        let omitted = Some(judged.outcome.omitted).filter(|omitted| *omitted > 0)?;
        let message = format!("{}: {omitted} more findings are not listed", judged.title);
        Some(Problem::at(self.place(object, &judged.prefix)?, message))
    }

    /// What a verdict found.
    pub(in crate::commands) fn findings(
        &self,
        object: &Object<'_>,
        judged: &Judged,
        why: bool,
    ) -> Vec<Finding> {
        judged.outcome.findings.iter().map(|finding| self.finding(object, judged, finding, why)).collect()
    }

    /// One hit.
    pub(in crate::commands) fn finding(
        &self,
        object: &Object<'_>,
        judged: &Judged,
        found: &evaluate::Finding,
        why: bool,
    ) -> Finding {
        // What a mutation has made stands nowhere in the file.
        let written = judged.mutated.is_none();
        let located: Vec<(String, Option<Located>)> = found
            .blames
            .iter()
            .map(|blame| {
                let path: JsonPath = blame.parse().unwrap_or_default();
                let located = object.locate(self.files, &judged.prefix.join(&path));
                (blame.clone(), (written && !located.range.is_empty()).then_some(located))
            })
            .collect();
        // The best place is one that is written, else the nearest to what is not.
        let mut best: Option<&Located> = None;
        for candidate in located.iter().filter_map(|(_, located)| located.as_ref()) {
            if best.is_none_or(|best| (candidate.exact, candidate.depth) > (best.exact, best.depth)) {
                best = Some(candidate);
            }
        }
        let place = match best {
            Some(best) => self
                .files
                .get(object.file)
                .map(|file| Place { text: Arc::clone(&file.text), range: best.range.clone() }),
            None => self.place(object, &judged.prefix),
        };
        let blames =
            located.into_iter().map(|(path, located)| (path, located.map(|located| located.range))).collect();
        let rule = self.evaluator.module().rules.get(found.rule.index());
        Finding {
            rule: found.rule_name.clone(),
            doc: found.meta.doc.clone(),
            severity: found.meta.severity,
            verb: found.verb,
            mode: found.mode,
            outcome: Outcome::of(found.effect, found.excepted.is_some()),
            message: found.message.clone(),
            fix: found.fix.clone(),
            object: judged.title.clone(),
            file: self.file(object),
            place,
            blames,
            mitre: found.meta.mitre.clone(),
            cis: found.meta.cis.clone(),
            tags: found.meta.tags.clone(),
            refs: found.meta.refs.clone(),
            exception: exception_words(found),
            why: match rule {
                Some(rule) if why => Some(why::tree(&self.loaded.compiled, found.rule, rule, &found.why)),
                Some(_) | None => None,
            },
        }
    }

    /// Where a path of an object is.
    pub(in crate::commands) fn place(&self, object: &Object<'_>, path: &JsonPath) -> Option<Place> {
        place(self.files, object, path)
    }

    /// The name of an object's file.
    pub(in crate::commands) fn file(&self, object: &Object<'_>) -> String {
        self.files.get(object.file).map(|file| file.text.name.clone()).unwrap_or_default()
    }
}

pub(super) fn place(files: &[ManifestFile], object: &Object<'_>, path: &JsonPath) -> Option<Place> {
    let file = files.get(object.file)?;
    Some(Place { text: Arc::clone(&file.text), range: object.locate(files, path).range })
}

/// Whose problem it is; what is no object has no name.
fn subject(object: &Object<'_>) -> String {
    match object.json.get("kind").and_then(Json::as_str) {
        Some("AdmissionReview") => "AdmissionReview: ".to_owned(),
        Some(_) => format!("{}: ", object.title()),
        None => String::new(),
    }
}

fn exception_words(finding: &evaluate::Finding) -> Option<String> {
    match (&finding.excepted, &finding.expired) {
        (Some(name), _) => Some(format!("excepted by `{name}`")),
        (None, Some(name)) => Some(format!("`{name}` would have excepted it, but has ended")),
        (None, None) => None,
    }
}
