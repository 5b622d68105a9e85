//! Query options: which properties to show, and what to show beside them.

use serde_json::Value;

use super::Refused;

/// The options we know, of those there are.
#[derive(Debug, Default)]
pub(super) struct Query {
    select: Option<Vec<String>>,
    pub(super) expand: Vec<String>,
}

/// Options that mean nothing for the resources we have, and do no harm.
const HARMLESS: [&str; 8] = [
    "filter",
    "orderby",
    "top",
    "skip",
    "skiptoken",
    "count",
    "search",
    "format",
];

impl Query {
    /// Reads the options, with or without their `$`.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Refused> {
        let mut read = Self::default();
        let Some(query) = query else {
            return Ok(read);
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let bare = name.strip_prefix('$');
            match bare.unwrap_or(&name).to_ascii_lowercase().as_str() {
                "select" => read.select = Some(names(&value)),
                "expand" => read.expand = names(&value),
                known if HARMLESS.contains(&known) => {}
                _ if bare.is_some() => return Err(Refused::query_option(&name)),
                // Without a `$` it is the client's own business.
                _ => {}
            }
        }
        Ok(read)
    }

    /// Whether this is to be shown beside the resource.
    pub(super) fn expands(&self, name: &str) -> bool {
        self.expand
            .iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(name))
    }

    /// Leaves of a body what was asked for; annotations always stay.
    pub(super) fn select(&self, body: &mut Value) {
        let (Some(wanted), Some(body)) = (&self.select, body.as_object_mut()) else {
            return;
        };
        if wanted.iter().any(|name| name == "*") {
            return;
        }
        body.retain(|name, _| {
            name.starts_with('@')
                || wanted
                    .iter()
                    .any(|wanted| wanted.eq_ignore_ascii_case(name))
        });
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(',')
        // `participants($select=id)`: what is inside is more than we can do.
        .map(|name| name.split('(').next().unwrap_or_default().trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selected_properties_and_annotations_stay() {
        let query = Query::read(Some("$select=id,State&x=1")).expect("known options");
        let mut body = json!({"@odata.type": "t", "id": "1", "state": "incoming", "source": null});
        query.select(&mut body);
        assert_eq!(
            body,
            json!({"@odata.type": "t", "id": "1", "state": "incoming"})
        );
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(Query::read(Some("%24fly=1")).is_err());
        assert!(Query::read(Some("fly=1&select=id&$top=5")).is_ok());
        assert!(
            Query::read(Some("$expand=participants,operations"))
                .is_ok_and(|query| query.expands("Operations"))
        );
    }
}
