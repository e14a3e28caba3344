//! Which rules a request or event meets: found by one look-up, worked out at load.
//!
//! ```text
//! group, kind, version, subresource, operation ──▶ Route { rules in order, the facts that they read }
//! ```
//!
//! What rules are loaded for other kinds costs a request nothing but a larger table to look into.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{
    Review,
    plan::{Matched, NeedAt, Plan, needs_at},
    run,
};
use crate::ir::{Module, Operation, RuleId, Target};

/// A rule on a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) rule: RuleId,
    /// The position of the target that fits.
    pub(super) target: u32,
    /// Whether it has binds.
    pub(super) is_bound: bool,
}

/// What requests of one kind, version, subresource and operation, or one sort of event, meet.
#[derive(Debug, Default)]
pub(super) struct Route {
    /// Rules in the module's order.
    pub(super) items: Vec<Item>,
    /// Rules that know other versions of the kind only.
    pub(super) other_versions: Vec<RuleId>,
    /// The facts that the rules read, with their binds' and exceptions' conditions.
    pub(super) needs: Vec<NeedAt>,
    /// Whether rules see the pod template at different places, so that facts are taken anew for each rule.
    pub(super) mixed: bool,
    /// The classes of [`Routes::classes`] that the rules are of; none if it is mixed.
    pub(super) classes: Vec<usize>,
}

/// All routes of a module.
#[derive(Debug, Default)]
pub(super) struct Routes {
    all: Vec<Route>,
    requests: FxHashMap<Box<str>, usize>,
    events: FxHashMap<Box<str>, usize>,
    none: Route,
    /// Rules that the same requests and events meet.
    pub(super) classes: Vec<Vec<usize>>,
}

/// Where a request goes; written into a buffer that is kept.
fn key(review: &Review<'_>, out: &mut String) {
    out.clear();
    for part in [review.group, review.kind, review.version, review.subresource.unwrap_or_default()] {
        out.push_str(part);
        out.push('\n');
    }
    out.push_str(super::operation_word(review.operation));
}

impl Routes {
    pub(super) fn new(module: &Module, plan: &Plan) -> Routes {
        let mut routes = Routes::default();
        let mut name = String::new();
        for target in module.rules.iter().flat_map(|rule| &rule.targets) {
            match target {
                Target::Kind { group, version, kind, subresource, operations, .. } => {
                    use Operation::{Connect, Create, Delete, Update};
                    let operations =
                        if operations.is_empty() { &[Create, Update, Connect][..] } else { operations };
                    for operation in [Create, Update, Delete, Connect] {
                        if !operations.contains(&operation) {
                            continue;
                        }
                        let review = Review {
                            operation,
                            group,
                            version,
                            kind,
                            subresource: subresource.as_deref(),
                            ..Review::default()
                        };
                        key(&review, &mut name);
                        if !routes.requests.contains_key(name.as_str()) {
                            let route = Route::new(module, plan, plan.rules(module, &review));
                            routes.requests.insert(name.as_str().into(), routes.all.len());
                            routes.all.push(route);
                        }
                    }
                }
                Target::Event { name, .. } => {
                    if !routes.events.contains_key(name.as_str()) {
                        let items = plan.event_rules(name).to_vec();
                        let matched = Matched { items, other_versions: Vec::new() };
                        routes.events.insert(name.as_str().into(), routes.all.len());
                        routes.all.push(Route::new(module, plan, matched));
                    }
                }
            }
        }
        routes.classify();
        routes
    }

    fn classify(&mut self) {
        let mut of_rule: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, route) in self.all.iter().enumerate().filter(|(_, route)| !route.mixed) {
            for item in &route.items {
                of_rule.entry(item.rule.index()).or_default().push(number);
            }
        }
        let mut classes: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (rule, routes) in of_rule {
            classes.entry(routes).or_default().push(rule);
        }
        for (routes, rules) in classes {
            for number in routes {
                self.all.get_mut(number).into_iter().for_each(|route| route.classes.push(self.classes.len()));
            }
            self.classes.push(rules);
        }
    }

    /// The route of a request, if rules are for it. `buffer` is kept between requests.
    pub(super) fn find(&self, review: &Review<'_>, buffer: &mut String) -> Option<&Route> {
        self.number(review, buffer).and_then(|number| self.get(number))
    }

    /// Its number, by which it is found again.
    pub(super) fn number(&self, review: &Review<'_>, buffer: &mut String) -> Option<usize> {
        key(review, buffer);
        self.requests.get(buffer.as_str()).copied()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Route> {
        self.all.get(number)
    }

    pub(super) fn event(&self, name: &str) -> &Route {
        self.events.get(name).and_then(|number| self.get(*number)).unwrap_or(&self.none)
    }
}

impl Route {
    pub(super) fn new(module: &Module, plan: &Plan, matched: Matched) -> Route {
        let mut needs: Vec<NeedAt> = Vec::new();
        let mut mixed = false;
        for (rule, target) in &matched.items {
            let target = module.rules.get(*rule).and_then(|rule| rule.targets.get(*target));
            let of_rule = plan.rule_needs.get(*rule).map_or(&[][..], Vec::as_slice);
            for need in needs_at(of_rule, run::pod_keys(target)) {
                match needs.iter().find(|known| known.0 == need.0) {
                    Some(known) => mixed |= *known != need,
                    None => needs.push(need),
                }
            }
        }
        let id = |index: usize| u32::try_from(index).ok().map(RuleId);
        let other_versions = matched.other_versions.into_iter().filter_map(id).collect();
        let item = |(rule, target): (usize, usize)| {
            if plan.is_off.get(rule).copied().unwrap_or(false) {
                return None;
            }
            let is_bound = plan.binds.get(rule).is_some_and(|binds| !binds.is_empty());
            Some(Item { rule: id(rule)?, target: u32::try_from(target).ok()?, is_bound })
        };
        let items = matched.items.into_iter().filter_map(item).collect();
        Route { items, other_versions, needs, mixed, classes: Vec::new() }
    }
}
