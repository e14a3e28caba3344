//! The objects of a cluster, page by page.
//!
//! No more than one page is held at a time, and of it only what is being looked at.

use std::collections::BTreeSet;

use kpol::{Bundle, Operation};
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
    core::Status,
};

use crate::kind::Kind;

/// Pages of one kind, at most: a server that never ends a list must not keep an audit for ever.
const MAX_PAGES: usize = 100_000;
/// The code of a page that has grown too old. [Source](https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses).
const GONE: u16 = 410;
/// The code of a kind that the server does not have.
const NOT_FOUND: u16 = 404;

/// The kinds that the rules of bundles judge when an object is created or updated, each once: an audit asks what would be said
/// if everything were applied anew.
#[must_use]
pub fn kinds<'b>(bundles: impl IntoIterator<Item = &'b Bundle>) -> Vec<Kind> {
    let mut kinds = BTreeSet::new();
    for target in bundles.into_iter().flat_map(|bundle| bundle.judges().collect::<Vec<_>>()) {
        let is_written = target.operations().is_empty()
            || target.operations().iter().any(|operation| matches!(operation, Operation::Create));
        if target.subresource().is_none() && is_written {
            kinds.insert(Kind {
                group: target.group().into(),
                version: target.version().into(),
                kind: target.kind().into(),
                plural: target.resource().into(),
            });
        }
    }
    kinds.into_iter().collect()
}

/// How a list ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was seen.
    Whole,
    /// The server does not have the kind.
    NotServed,
    /// The rest could not be read.
    Broken(String),
}

/// A list that is being read.
pub struct Pages {
    api: Api<DynamicObject>,
    limit: u32,
    token: Option<String>,
    page: usize,
    over: Option<End>,
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").field("page", &self.page).field("over", &self.over).finish_non_exhaustive()
    }
}

/// A page: objects, and how many more there are, as far as the server says.
#[derive(Debug)]
pub struct Page {
    /// The objects.
    pub objects: Vec<DynamicObject>,
    /// Those behind it.
    pub remaining: u64,
}

impl Pages {
    /// All objects of a kind, `limit` at a time.
    #[must_use]
    pub fn new(client: Client, kind: &Kind, limit: u32) -> Pages {
        Pages { api: Api::all_with(client, &kind.resource()), limit, token: None, page: 0, over: None }
    }

    /// The next page; `Err` says how the list ended.
    ///
    /// # Errors
    /// After the last page, [`End::Whole`]; else why there is none.
    pub async fn next(&mut self) -> Result<Page, End> {
        if let Some(end) = &self.over {
            return Err(end.clone());
        }
        let mut params = ListParams::default().limit(self.limit);
        if let Some(token) = &self.token {
            params = params.continue_token(token);
        }
        self.page += 1;
        match self.api.list(&params).await {
            Ok(list) => {
                self.token = list.metadata.continue_.filter(|token| !token.is_empty());
                if self.token.is_none() {
                    self.over = Some(End::Whole);
                } else if self.page >= MAX_PAGES {
                    self.over = Some(End::Broken(format!("more than {MAX_PAGES} pages")));
                }
                let remaining = list.metadata.remaining_item_count.unwrap_or_default();
                Ok(Page { objects: list.items, remaining: u64::try_from(remaining).unwrap_or_default() })
            }
            Err(error) => {
                let end = end(&error, self.page);
                self.over = Some(end.clone());
                Err(end)
            }
        }
    }
}

fn end(error: &kube::Error, page: usize) -> End {
    if let kube::Error::Api(status) = error {
        return end_of_status(status, page);
    }
    End::Broken(error.to_string())
}

fn end_of_status(status: &Status, page: usize) -> End {
    match status.code {
        NOT_FOUND if page == 1 => End::NotServed,
        GONE => End::Broken("the list grew too old while it was read; use larger pages".into()),
        _ => End::Broken(status.message.clone()),
    }
}

#[cfg(test)]
#[path = "list/tests.rs"]
mod tests;
