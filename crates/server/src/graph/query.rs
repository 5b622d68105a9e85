//! Query options of OData: what to show of a resource, what beside it, and which of many.
//!
//! ```text
//!   /users?$filter=startswith(displayName,'A')&$select=id,displayName&$top=5
//!          matching ─▶ in order ─▶ one page ─▶ what was selected of each
//! ```
//!
//! Options are read with or without their `$`. What a client may ask of a collection differs; its
//! [`Rules`] say what.

mod filter;
mod search;

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde_json::{Value, json};

use super::Refused;
use crate::limits;

pub(crate) use filter::Filter;
use filter::TextMatch;
use search::Search;

/// The options of one request, or of one thing shown beside it.
#[derive(Default)]
pub(crate) struct Query {
    select: Option<Vec<String>>,
    /// What is shown when nothing is selected; else everything.
    usual: Option<&'static [&'static str]>,
    expand: Vec<(String, Query)>,
    pub(crate) filter: Option<Filter>,
    order_by: Vec<Order>,
    top: Option<usize>,
    skip: usize,
    /// Where the page before this one ended.
    from: usize,
    count: bool,
    search: Option<Search>,
    /// The options as they came, but for the page before.
    kept: String,
}

struct Order {
    property: String,
    descending: bool,
}

/// What a collection lets clients ask of it.
pub(crate) struct Rules {
    /// Its type, as refusals name it.
    pub(crate) of: &'static str,
    /// What it can be filtered and ordered by.
    pub(crate) properties: &'static [&'static str],
    /// Whether `contains` is served.
    pub(crate) contains: bool,
    /// How many are shown at a time, unless all are.
    pub(crate) page: Option<PageSize>,
    /// Whether it is a directory. Those have rules of their own: no `$skip`, and whatever is dear
    /// is for those who say `ConsistencyLevel: eventual`.
    pub(crate) directory: bool,
}

/// How many resources are shown at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    pub(crate) usual: usize,
    pub(crate) most: usize,
}

/// What of a collection is shown.
pub(crate) struct Page {
    values: Vec<Value>,
    count: Option<usize>,
    /// The options that ask for the next page.
    next: Option<String>,
}

impl Query {
    /// Reads the options of a request.
    pub(crate) fn read(query: Option<&str>) -> Result<Self, Refused> {
        let mut read = Self::default();
        let Some(query) = query else {
            return Ok(read);
        };
        let mut seen = Vec::new();
        for raw in query.split('&').filter(|raw| !raw.is_empty()) {
            for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
                let known = read.option(&name, &value, 0)?;
                if let Some(known) = known {
                    if seen.contains(&known) {
                        return Err(Refused::query(format!(
                            "Query option '${known}' was specified more than once, but it must be \
                             specified at most once."
                        )));
                    }
                    seen.push(known);
                }
                if known != Some("skiptoken") {
                    if !read.kept.is_empty() {
                        read.kept.push('&');
                    }
                    read.kept.push_str(raw);
                }
            }
        }
        Ok(read)
    }

    /// Takes one option, and says which it was if it is one of ours.
    fn option(
        &mut self,
        name: &str,
        value: &str,
        depth: usize,
    ) -> Result<Option<&'static str>, Refused> {
        let bare = name.strip_prefix('$');
        Ok(Some(
            match bare.unwrap_or(name).to_ascii_lowercase().as_str() {
                "select" => {
                    self.select = Some(names(value));
                    "select"
                }
                "expand" => {
                    self.expand = expansions(value, depth)?;
                    "expand"
                }
                "filter" => {
                    let read = Filter::read(value);
                    let read = read
                        .map_err(|why| Refused::query(format!("Invalid filter clause: {why}.")))?;
                    self.filter = Some(read);
                    "filter"
                }
                "orderby" => {
                    self.order_by = orders(value)?;
                    "orderby"
                }
                "top" => {
                    self.top = Some(number("top", value)?);
                    "top"
                }
                "skip" => {
                    self.skip = number("skip", value)?;
                    "skip"
                }
                "skiptoken" => {
                    self.from = read_skip_token(value)?;
                    "skiptoken"
                }
                "count" => {
                    self.count = match value.to_ascii_lowercase().as_str() {
                        "true" => true,
                        "false" => false,
                        _ => {
                            return Err(Refused::query(
                                "The $count query option must be 'true' or 'false'.",
                            ));
                        }
                    };
                    "count"
                }
                "search" => {
                    let read = Search::read(value);
                    let read = read
                        .map_err(|why| Refused::query(format!("Invalid search clause: {why}.")))?;
                    self.search = Some(read);
                    "search"
                }
                // There is one format.
                "format" => "format",
                _ if bare.is_some() => return Err(Refused::query_option(name)),
                // Without a `$` it is the client's own business.
                _ => return Ok(None),
            },
        ))
    }

    /// Whether this is to be shown beside the resource.
    pub(crate) fn expands(&self, name: &str) -> bool {
        self.expansion(name).is_some()
    }

    /// How this is to be shown beside the resource, if it is.
    pub(crate) fn expansion(&self, name: &str) -> Option<&Self> {
        let mut expand = self.expand.iter();
        let (_, query) = expand.find(|(wanted, _)| wanted.eq_ignore_ascii_case(name))?;
        Some(query)
    }

    /// Leaves of a body what was asked for; annotations and what is shown beside it always stay.
    pub(crate) fn select(&self, body: &mut Value) {
        let Some(body) = body.as_object_mut() else {
            return;
        };
        let is_wanted = |name: &str| match (&self.select, self.usual) {
            (Some(wanted), _) => {
                let mut wanted = wanted.iter();
                wanted.any(|wanted| wanted == "*" || wanted.eq_ignore_ascii_case(name))
            }
            (None, Some(usual)) => usual.contains(&name),
            (None, None) => true,
        };
        body.retain(|name, _| name.starts_with('@') || self.expands(name) || is_wanted(name));
    }

    /// The same, with what is shown of a resource of which nothing is selected.
    #[must_use]
    pub(crate) fn usually(mut self, usual: &'static [&'static str]) -> Self {
        self.usual = Some(usual);
        self
    }

    /// The end of a context that says what was selected: `(id,displayName)`, or nothing.
    pub(crate) fn selected(&self) -> String {
        match &self.select {
            Some(names) if !names.is_empty() => format!("({})", names.join(",")),
            _ => String::new(),
        }
    }

    /// The page of a collection that was asked for.
    pub(crate) fn page(
        &self,
        all: Vec<Value>,
        rules: &Rules,
        headers: &HeaderMap,
    ) -> Result<Page, Refused> {
        let eventual = is_eventual(headers);
        let size = self.page_size(rules)?;
        let mut found = self.matching(all, rules, self.count, headers)?;
        self.check_order(rules, eventual)?;
        found.sort_by(|one, other| self.order(one, other));
        let matching = found.len();
        let start = self.from.max(self.skip).min(matching);
        let end = start.saturating_add(size).min(matching);
        let mut values: Vec<_> = found.drain(start..end).collect();
        for value in &mut values {
            self.select(value);
        }
        let is_paged = rules.page.is_some() && end < matching;
        Ok(Page {
            values,
            // A directory counts for those alone who take an older count; others get none.
            count: (self.count && (eventual || !rules.directory)).then_some(matching),
            next: is_paged.then(|| {
                let token = format!("$skiptoken={}", skip_token(end));
                match self.kept.as_str() {
                    "" => token,
                    kept => format!("{kept}&{token}"),
                }
            }),
        })
    }

    /// How many of a collection are asked for, all pages together (`/$count`).
    pub(crate) fn count(
        &self,
        all: Vec<Value>,
        rules: &Rules,
        headers: &HeaderMap,
    ) -> Result<usize, Refused> {
        if rules.directory && !is_eventual(headers) {
            return Err(Refused::unsupported_count());
        }
        Ok(self.matching(all, rules, true, headers)?.len())
    }

    fn matching(
        &self,
        all: Vec<Value>,
        rules: &Rules,
        counted: bool,
        headers: &HeaderMap,
    ) -> Result<Vec<Value>, Refused> {
        let eventual = is_eventual(headers);
        if let Some(filter) = &self.filter {
            check_filter(filter, rules, eventual && counted)?;
        }
        if let Some(search) = &self.search {
            if !rules.directory {
                return Err(Refused::unsupported_query(format!(
                    "The query option '$search' is not supported for resources of type '{}'.",
                    rules.of
                )));
            }
            if !eventual {
                return Err(Refused::unsupported_query(
                    "Request with $search query parameter only works through MSGraph with a \
                     special request header: 'ConsistencyLevel: eventual'",
                ));
            }
            for property in search.properties() {
                check_property(property, rules)?;
            }
        }
        let matches = |value: &Value| {
            self.filter
                .as_ref()
                .is_none_or(|filter| filter.holds(value))
                && self
                    .search
                    .as_ref()
                    .is_none_or(|search| search.finds(value))
        };
        Ok(all.into_iter().filter(matches).collect())
    }

    fn page_size(&self, rules: &Rules) -> Result<usize, Refused> {
        if rules.directory && self.skip > 0 {
            return Err(Refused::unsupported_option("$skip"));
        }
        let Some(page) = rules.page else {
            return Ok(self.top.unwrap_or(usize::MAX));
        };
        match self.top {
            None => Ok(page.usual),
            Some(size) if (1..=page.most).contains(&size) => Ok(size),
            Some(size) => Err(Refused::unsupported_query(format!(
                "Invalid page size specified: '{size}'. Must be between 1 and {} inclusive.",
                page.most
            ))),
        }
    }

    fn check_order(&self, rules: &Rules, eventual: bool) -> Result<(), Refused> {
        for order in &self.order_by {
            check_property(&order.property, rules)?;
        }
        // Ordering what was filtered first is dear, too.
        if rules.directory && !eventual && !self.order_by.is_empty() && self.filter.is_some() {
            return Err(Refused::unsupported_query(
                "Sorting not supported for current query.",
            ));
        }
        Ok(())
    }

    fn order(&self, one: &Value, other: &Value) -> Ordering {
        for Order {
            property,
            descending,
        } in &self.order_by
        {
            let order = compare(filter::at(one, property), filter::at(other, property));
            let order = if *descending { order.reverse() } else { order };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

impl Page {
    /// What is on it, for what is shown beside a resource.
    pub(crate) fn values(self) -> Vec<Value> {
        self.values
    }

    /// The body of the answer. `url` is the collection's own, without options.
    pub(crate) fn body(self, context: String, url: &str) -> Value {
        let mut body = json!({ "@odata.context": context });
        if let Some(count) = self.count {
            body["@odata.count"] = count.into();
        }
        if let Some(next) = self.next {
            body["@odata.nextLink"] = format!("{url}?{next}").into();
        }
        body["value"] = self.values.into();
        body
    }
}

/// Whether a client takes an answer that is not quite up to date; directories ask for its word.
pub(crate) fn is_eventual(headers: &HeaderMap) -> bool {
    let level = headers.get("consistencylevel");
    level.is_some_and(|level| level.as_bytes().eq_ignore_ascii_case(b"eventual"))
}

fn check_filter(filter: &Filter, rules: &Rules, dear: bool) -> Result<(), Refused> {
    let mut refused = None;
    let mut ends = false;
    filter.each(&mut |condition| {
        if refused.is_some() {
            return;
        }
        let property = condition.property().unwrap_or_default();
        if let Err(why) = check_property(property, rules) {
            refused = Some(why);
            return;
        }
        let Filter::Text { how, .. } = condition else {
            return;
        };
        ends |= *how == TextMatch::EndsWith;
        if *how == TextMatch::Contains && !rules.contains {
            refused = Some(unsupported(property, rules));
        }
    });
    if let Some(refused) = refused {
        return Err(refused);
    }
    if rules.directory && !dear && (filter.denies() || ends) {
        let mut property = "";
        filter.each(&mut |condition| property = condition.property().unwrap_or_default());
        return Err(unsupported(property, rules));
    }
    Ok(())
}

fn check_property(property: &str, rules: &Rules) -> Result<(), Refused> {
    let mut known = rules.properties.iter();
    if known.any(|known| known.eq_ignore_ascii_case(property)) {
        return Ok(());
    }
    Err(Refused::query(format!(
        "Could not find a property named '{}' on type '{}'.",
        property.chars().take(64).collect::<String>(),
        rules.of
    )))
}

fn unsupported(property: &str, rules: &Rules) -> Refused {
    let of = rules.of.rsplit('.').next().unwrap_or_default();
    Refused::unsupported_query(format!(
        "Unsupported or invalid query filter clause specified for property '{property}' of \
         resource '{of}'."
    ))
}

/// Nothing comes before everything, as in SQL.
fn compare(one: &Value, other: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    };
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => {
            let order = one.as_f64().partial_cmp(&other.as_f64());
            order.unwrap_or(Ordering::Equal)
        }
        (Value::String(one), Value::String(other)) => filter::compare_text(one, other),
        _ => rank(one).cmp(&rank(other)),
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(',')
        // `identity/user`: a part of a property is shown with the whole of it.
        .map(|name| name.split('/').next().unwrap_or_default().trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// `participants,sessions($expand=segments;$select=id)`
fn expansions(list: &str, depth: usize) -> Result<Vec<(String, Query)>, Refused> {
    if depth >= limits::EXPAND_DEPTH_MAX {
        return Err(Refused::query(format!(
            "The $expand query option is nested more than {} times.",
            limits::EXPAND_DEPTH_MAX
        )));
    }
    let mut expand = Vec::new();
    for part in outside_parentheses(list, ',') {
        let (name, inner) = match part.split_once('(') {
            Some((name, inner)) => (name, inner.strip_suffix(')').unwrap_or(inner)),
            None => (part, ""),
        };
        let mut query = Query::default();
        for option in outside_parentheses(inner, ';') {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            query.option(name.trim(), value, depth + 1)?;
        }
        let name = name.trim();
        if !name.is_empty() {
            expand.push((name.to_owned(), query));
        }
    }
    Ok(expand)
}

/// The parts of a list, but not of a list within parentheses or quotes.
fn outside_parentheses(list: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut open, mut quoted) = (0, 0_usize, false);
    for (at, found) in list.char_indices() {
        match found {
            '\'' => quoted = !quoted,
            '(' if !quoted => open += 1,
            ')' if !quoted => open = open.saturating_sub(1),
            _ if found == separator && open == 0 && !quoted => {
                parts.push(list[start..at].trim());
                start = at + found.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(list[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn orders(list: &str) -> Result<Vec<Order>, Refused> {
    let read = |part: &str| {
        let mut words = part.split_whitespace();
        let property = words.next()?.to_owned();
        let descending = match words.next() {
            None => false,
            Some(word) if word.eq_ignore_ascii_case("asc") => false,
            Some(word) if word.eq_ignore_ascii_case("desc") => true,
            Some(_) => return None,
        };
        words.next().is_none().then_some(Order {
            property,
            descending,
        })
    };
    let orders: Option<Vec<_>> = list.split(',').map(read).collect();
    orders.ok_or_else(|| {
        Refused::query("The $orderby query option must name properties, each with 'asc' or 'desc'.")
    })
}

fn number(name: &str, value: &str) -> Result<usize, Refused> {
    let number: Option<u32> = value.trim().parse().ok();
    let shown: String = value.chars().take(32).collect();
    number.map(|number| number as usize).ok_or_else(|| {
        Refused::query(format!(
            "Invalid value '{shown}' for ${name} query option found. The ${name} query option \
             requires a non-negative integer value."
        ))
    })
}

/// Where the next page starts, as text that nobody is meant to read.
fn skip_token(position: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("at:{position}"))
}

fn read_skip_token(token: &str) -> Result<usize, Refused> {
    let position = || {
        let bytes = URL_SAFE_NO_PAD.decode(token.trim()).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        text.strip_prefix("at:")?.parse().ok()
    };
    position().ok_or_else(|| Refused::query("The $skiptoken query option is not one of ours."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Rules = Rules {
        of: "microsoft.graph.participant",
        properties: &["id", "state", "number"],
        contains: true,
        page: None,
        directory: false,
    };

    const DIRECTORY: Rules = Rules {
        of: "microsoft.graph.user",
        properties: &["id", "displayName", "mail"],
        contains: false,
        page: Some(PageSize { usual: 2, most: 3 }),
        directory: true,
    };

    fn people() -> Vec<Value> {
        ["Ada", "Bob", "Cleo", "Dan", "Eve"]
            .iter()
            .enumerate()
            .map(|(at, name)| json!({"id": at.to_string(), "displayName": name, "mail": null}))
            .collect()
    }

    fn eventual() -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static("consistencylevel"),
            http::HeaderValue::from_static("Eventual"),
        )])
    }

    fn read(query: &str) -> Query {
        match Query::read(Some(query)) {
            Ok(query) => query,
            Err(why) => panic!("{query}: {why:?}"),
        }
    }

    /// The body, or what is wrong with the request.
    fn body(query: &str, rules: &Rules, headers: &HeaderMap) -> Result<Value, String> {
        let wrong = |why: Refused| format!("{} {} {}", why.status.as_u16(), why.code, why.message);
        let query = Query::read(Some(query)).map_err(wrong)?;
        let page = query.page(people(), rules, headers).map_err(wrong)?;
        Ok(page.body("c".to_owned(), "http://x/users"))
    }

    fn ids(query: &str, rules: &Rules) -> String {
        let body = body(query, rules, &eventual()).expect("served");
        let values = body["value"].as_array().expect("a list");
        values
            .iter()
            .map(|value| value["id"].as_str().expect("an id"))
            .collect()
    }

    fn check_refusal(query: &str, rules: &Rules, headers: &HeaderMap, wanted: &str) {
        assert_eq!(
            body(query, rules, headers),
            Err(wanted.to_owned()),
            "{query}"
        );
    }

    #[test]
    fn selected_properties_and_annotations_stay() {
        let query = read("$select=id,State&x=1");
        let mut body = json!({"@odata.type": "t", "id": "1", "state": "incoming", "source": null});
        query.select(&mut body);
        assert_eq!(
            body,
            json!({"@odata.type": "t", "id": "1", "state": "incoming"})
        );
        assert_eq!(query.selected(), "(id,State)");
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(Query::read(Some("%24fly=1")).is_err());
        assert!(Query::read(Some("fly=1&select=id&$top=5")).is_ok());
    }

    #[test]
    fn an_option_is_given_once() {
        check_refusal(
            "$top=1&top=2",
            &PLAIN,
            &HeaderMap::new(),
            "400 BadRequest Query option '$top' was specified more than once, but it must be \
             specified at most once.",
        );
    }

    #[test]
    fn expansions_have_options_of_their_own() {
        let query = read("$expand=participants,Sessions($select=id;$expand=segments($top=1))");
        assert!(query.expands("Participants"));
        let sessions = query.expansion("sessions").expect("asked for");
        assert!(sessions.expands("segments"));
        assert_eq!(sessions.selected(), "(id)");
        let encoded = read("%24expand=sessions%28%24expand%3Dsegments%29");
        let sessions = encoded.expansion("sessions").expect("asked for");
        assert!(sessions.expands("segments"));
    }

    #[test]
    fn expansions_have_a_bound() {
        let nested = |deep: usize| format!("{}a{}", "a($expand=".repeat(deep), ")".repeat(deep));
        let asked = |deep| Query::read(Some(&format!("$expand={}", nested(deep))));
        assert!(asked(limits::EXPAND_DEPTH_MAX - 1).is_ok());
        assert!(asked(limits::EXPAND_DEPTH_MAX).is_err());
        assert!(asked(5_000).is_err());
    }

    #[test]
    fn parentheses_and_quotes_may_be_escaped_or_not() {
        for query in [
            "$filter=startswith(displayName,'B')",
            "$filter=startswith(displayName,%27B%27)",
            "%24filter=startswith%28displayName%2C%27b%27%29",
            "filter=displayName+eq+'Bob'",
            "$filter=displayName%20eq%20'Bob'",
        ] {
            assert_eq!(ids(query, &DIRECTORY), "1", "{query}");
        }
    }

    #[test]
    fn all_of_a_plain_collection_is_one_page() {
        assert_eq!(ids("", &PLAIN), "01234");
        assert_eq!(ids("$top=2&$skip=1", &PLAIN), "12");
        assert_eq!(ids("$top=0", &PLAIN), "");
        assert_eq!(ids("$orderby=id desc", &PLAIN), "43210");
        let counted = body("$top=1&$count=true", &PLAIN, &HeaderMap::new()).expect("served");
        assert_eq!(counted["@odata.count"], 5);
        assert_eq!(counted.get("@odata.nextLink"), None);
    }

    #[test]
    fn a_directory_is_read_page_by_page() {
        let mut query = "$select=id&$count=true".to_owned();
        let mut seen = Vec::new();
        loop {
            let body = body(&query, &DIRECTORY, &eventual()).expect("served");
            assert_eq!(body["@odata.count"], 5);
            let page = body["value"].as_array().expect("a list");
            seen.push(page.len());
            let Some(next) = body["@odata.nextLink"].as_str() else {
                break;
            };
            query = next
                .strip_prefix("http://x/users?")
                .expect("of the collection")
                .to_owned();
            assert!(
                query.starts_with("$select=id&$count=true&$skiptoken="),
                "{query}"
            );
        }
        assert_eq!(seen, [2, 2, 1]);
    }

    #[test]
    fn pages_have_a_size() {
        assert_eq!(ids("$top=3", &DIRECTORY), "012");
        for size in [0, 4] {
            check_refusal(
                &format!("$top={size}"),
                &DIRECTORY,
                &eventual(),
                &format!(
                    "400 Request_UnsupportedQuery Invalid page size specified: '{size}'. Must be \
                     between 1 and 3 inclusive."
                ),
            );
        }
    }

    #[test]
    fn what_is_dear_is_for_those_who_ask_for_it() {
        let plain = HeaderMap::new();
        let counted = body("$count=true", &DIRECTORY, &plain).expect("served");
        assert_eq!(counted.get("@odata.count"), None);
        check_refusal(
            "$search=\"displayName:a\"",
            &DIRECTORY,
            &plain,
            "400 Request_UnsupportedQuery Request with $search query parameter only works through \
             MSGraph with a special request header: 'ConsistencyLevel: eventual'",
        );
        for filter in [
            "displayName ne 'Ada'",
            "not startswith(displayName,'A')",
            "endswith(displayName,'a')",
        ] {
            let query = format!("$filter={filter}");
            let unsupported = "400 Request_UnsupportedQuery Unsupported or invalid query filter \
                               clause specified for property 'displayName' of resource 'user'.";
            check_refusal(&query, &DIRECTORY, &eventual(), unsupported);
            let dear = format!("{query}&$count=true");
            check_refusal(&dear, &DIRECTORY, &plain, unsupported);
            assert!(body(&dear, &DIRECTORY, &eventual()).is_ok(), "{filter}");
        }
        let sorted = "$filter=startswith(displayName,'A')&$orderby=displayName";
        check_refusal(
            sorted,
            &DIRECTORY,
            &plain,
            "400 Request_UnsupportedQuery Sorting not supported for current query.",
        );
        assert!(body(sorted, &DIRECTORY, &eventual()).is_ok());
        assert_eq!(ids("$search=\"displayName:cl\"", &DIRECTORY), "2");
    }

    #[test]
    fn what_cannot_be_asked_is_named() {
        let headers = eventual();
        for (query, wanted) in [
            (
                "$filter=shoeSize eq 1",
                "400 BadRequest Could not find a property named 'shoeSize' on type \
                 'microsoft.graph.user'.",
            ),
            (
                "$filter=contains(mail,'a')",
                "400 Request_UnsupportedQuery Unsupported or invalid query filter clause \
                 specified for property 'mail' of resource 'user'.",
            ),
            (
                "$filter=mail eq",
                "400 BadRequest Invalid filter clause: a value is expected at its end.",
            ),
            (
                "$orderby=shoeSize",
                "400 BadRequest Could not find a property named 'shoeSize' on type \
                 'microsoft.graph.user'.",
            ),
            (
                "$orderby=mail up",
                "400 BadRequest The $orderby query option must name properties, each with 'asc' \
                 or 'desc'.",
            ),
            (
                "$top=-1",
                "400 BadRequest Invalid value '-1' for $top query option found. The $top query \
                 option requires a non-negative integer value.",
            ),
            (
                "$skip=1",
                "400 Request_BadRequest '$skip' is not supported by the service.",
            ),
            (
                "$skiptoken=x",
                "400 BadRequest The $skiptoken query option is not one of ours.",
            ),
            (
                "$count=maybe",
                "400 BadRequest The $count query option must be 'true' or 'false'.",
            ),
        ] {
            check_refusal(query, &DIRECTORY, &headers, wanted);
        }
        check_refusal(
            "$search=\"id:x\"",
            &PLAIN,
            &headers,
            "400 Request_UnsupportedQuery The query option '$search' is not supported for \
             resources of type 'microsoft.graph.participant'.",
        );
    }
}
