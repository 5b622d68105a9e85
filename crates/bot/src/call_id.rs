//! The ids a bot knows, in one spelling, so that they compare.

use std::fmt;
use std::sync::Arc;

use offhook_terms::LegId;

/// The id of a Graph call: one leg of this application.
///
/// A GUID is kept in lower case with dashes, whichever of its spellings came.
///
/// ```
/// use offhook_bot::CallId;
///
/// // As the API names it; what it looks like is the platform's business.
/// let call = CallId::new("57dab8b1-894c-409a-b240-bd8beae78896");
/// assert_eq!(call.as_str().len(), 36);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(Arc<str>);

/// The id of an operation, spelled like a [`CallId`].
///
/// ```
/// use offhook_bot::{CallId, GraphClient, OperationId};
///
/// # async fn example(client: GraphClient, call: CallId) -> Result<(), Box<dyn std::error::Error>> {
/// let operation = client.operation(&call, &OperationId::new("0fe0623f-d628-42ed-b4bd-8ac290072cc5")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(Arc<str>);

/// `57DAB8B1894C409AB240BD8BEAE78896` and `57dab8b1-894c-409a-b240-bd8beae78896` are the same.
fn normal(text: &str) -> Arc<str> {
    let text = text.trim();
    match text.parse::<LegId>() {
        Ok(guid) => guid.to_string().into(),
        Err(_) => text.to_ascii_lowercase().into(),
    }
}

macro_rules! spelled {
    ($name:ident) => {
        impl $name {
            /// The id in the one spelling.
            pub fn new(text: &str) -> Self {
                Self(normal(text))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

spelled!(CallId);
spelled!(OperationId);

/// The segment after `name` in a path or URL, wherever it is: some examples have no leading slash,
/// some have `/app` before it, some a host.
pub(crate) fn segment_after<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let mut segments = path.split(['/', '?', '#']).filter(|part| !part.is_empty());
    while let Some(segment) = segments.next() {
        if segment.eq_ignore_ascii_case(name) {
            return segments.next();
        }
        // OData's other spelling: calls('{id}').
        if segment.len() > name.len() && segment.is_char_boundary(name.len()) {
            let (head, key) = segment.split_at(name.len());
            let key = key
                .strip_prefix("('")
                .and_then(|key| key.strip_suffix("')"));
            if let (true, Some(key)) = (head.eq_ignore_ascii_case(name), key) {
                return Some(key);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_the_same_call() {
        assert_eq!(
            CallId::new("57DAB8B1894C409AB240BD8BEAE78896"),
            CallId::new("57dab8b1-894c-409a-b240-bd8beae78896")
        );
        assert_eq!(CallId::new(" Not-A-Guid ").as_str(), "not-a-guid");
    }

    #[test]
    fn the_segment_is_found_in_every_form_of_path() {
        for path in [
            "/communications/calls/x",
            "communications/calls/x/operations/y",
            "/app/Calls/x/participants",
            "https://graph.example.org/v1.0//communications/calls/x?a=b",
            "/communications/calls('x')/operations",
        ] {
            assert_eq!(segment_after(path, "calls"), Some("x"), "{path}");
        }
        for path in [
            "",
            "/communications/calls",
            "/calls/",
            "/communications/callsé/x",
        ] {
            assert_eq!(segment_after(path, "calls"), None, "{path}");
        }
    }
}
