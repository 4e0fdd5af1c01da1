//! Lists a whole collection, page by page.

use super::cached::CachedObject;
use super::responses::{Bounded, Refusal};
use super::store::{Store, Which};
use checklist::Reason;
use clients::Failure;
use serde::Deserialize;
use std::time::Duration;

/// Objects per page. A page of large pods is below two megabytes; if a page is too large, the next try asks for fewer.
const PAGE: usize = 100;
/// Maximum number of objects of one kind in one namespace. More would endanger the memory of the exporter.
const MAX_OBJECTS: usize = 200_000;
/// Maximum number of empty pages in one list. A server may now and then return an empty page that has a next one.
const MAX_EMPTY_PAGES: usize = 100;
/// Deadline of a list. A list of [`MAX_OBJECTS`] takes about a minute.
const LIST_WITHIN: Duration = Duration::from_mins(5);

/// Encodes text for the query of a URL.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Lists a whole collection. If the continue token expires (410), the list starts over, once.
pub(super) async fn list<K: CachedObject>(api: &Bounded, path: &str, which: &Which) -> Result<Store<K>, Failure> {
    let listed = tokio::time::timeout(LIST_WITHIN, pages(api, path, which)).await;
    listed.map_err(|_| Failure::new(Reason::Timeout, format!("listing {path} timed out")))?
}

async fn pages<K: CachedObject>(api: &Bounded, path: &str, which: &Which) -> Result<Store<K>, Failure> {
    let mut store = Store::new(&api.room);
    let mut token = String::new();
    let (mut expired, mut empty, mut limit) = (false, 0, PAGE);
    let separator = if path.contains('?') { '&' } else { '?' };
    loop {
        let continued = if token.is_empty() { String::new() } else { format!("&continue={}", encoded(&token)) };
        let page = match api.get::<Page<K::Wire>>(&format!("{path}{separator}limit={limit}{continued}")).await {
            Ok(page) => page,
            Err(Refusal { code: Some(410), .. }) if !expired => {
                (expired, token) = (true, String::new());
                store = Store::new(&api.room);
                continue;
            }
            Err(Refusal { code: None, failure }) if failure.reason == Reason::Limit && limit > 1 => {
                limit /= 10;
                continue;
            }
            Err(refusal) => return Err(refusal.into()),
        };
        let items = page.items.unwrap_or_default();
        empty += usize::from(items.is_empty());
        for raw in items {
            store.put(raw, which)?;
        }
        store.version = page.metadata.resource_version.into();
        if store.objects.len() > MAX_OBJECTS {
            return Err(Failure::new(Reason::Limit, format!("{path} has more than {MAX_OBJECTS} objects")));
        }
        if empty > MAX_EMPTY_PAGES {
            return Err(Failure::new(Reason::Protocol, format!("{path} keeps returning pages without objects")));
        }
        let next = page.metadata.next.filter(|next| !next.is_empty());
        if next.is_none() && page.metadata.remaining_item_count.is_none_or(|count| count <= 0) {
            return Ok(store);
        }
        token = next.filter(|next| *next != token).ok_or_else(|| {
            let what = format!("the list of {path} is incomplete: the server does not say how to ask for the rest");
            Failure::new(Reason::Protocol, what)
        })?;
    }
}

#[derive(Deserialize)]
struct Page<R> {
    metadata: ListMetadata,
    /// `null` if empty, as Go writes it.
    items: Option<Vec<R>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMetadata {
    resource_version: String,
    #[serde(rename = "continue")]
    next: Option<String>,
    /// Number of objects behind this page.
    remaining_item_count: Option<i64>,
}
