//! Responses, built from the request they answer.

use bytes::Bytes;
use sipx_sip::headers::To;
use sipx_sip::{Header, HeaderName, Headers, Request, Response, ResponseBuilder, StatusCode};

/// The only body we take.
pub(crate) const SDP: &str = "application/sdp";

/// A random number that names our end of a dialog; its hexadecimal form is our tag.
pub(crate) type Tag = u64;

pub(crate) fn tag_text(tag: Tag) -> String {
    format!("{tag:016x}")
}

/// Our tag as a peer repeats it, if it can be one of ours.
pub(crate) fn parse_tag(text: &[u8]) -> Option<Tag> {
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.len() == 16)?;
    Tag::from_str_radix(text, 16).ok()
}

/// A response being built. A value that would break a line is left out, never sent.
pub(crate) struct Reply(Response);

impl Reply {
    /// Starts a response; `None` when the request lacks what every response must repeat.
    pub(crate) fn to(request: &Request, status: u16) -> Option<Self> {
        Self::phrased(request, status, "")
    }

    /// Starts a response with its own phrase; an empty one gives the usual.
    pub(crate) fn phrased(request: &Request, status: u16, phrase: &str) -> Option<Self> {
        let code = StatusCode::new(status)?;
        let usual = usual_phrase(status);
        let phrase = if phrase.is_empty() { usual } else { phrase };
        let builder = ResponseBuilder::to_request(request, code, phrase.to_owned())
            .or_else(|_| ResponseBuilder::to_request(request, code, usual))
            .ok()?;
        Some(Self(builder.build()))
    }

    /// Adds our tag to `To`, unless the request already carried one (RFC 3261 §8.2.6.2).
    pub(crate) fn tagged(mut self, tag: Tag) -> Self {
        let headers = &mut self.0.headers;
        let has_tag = headers
            .typed::<To>()
            .is_some_and(|to| to.is_ok_and(|to| to.tag().is_some()));
        if !has_tag && let Some(to) = headers.value(&HeaderName::To) {
            let mut value = to.into_owned();
            value.extend_from_slice(b";tag=");
            value.extend_from_slice(tag_text(tag).as_bytes());
            headers.remove_all(&HeaderName::To);
            push(headers, HeaderName::To, value);
        }
        self
    }

    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<Bytes>) -> Self {
        push(&mut self.0.headers, name, value);
        self
    }

    pub(crate) fn maybe(self, name: HeaderName, value: Option<impl Into<Bytes>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Repeats the request's `Record-Route` values, in order (RFC 3261 §12.1.1).
    pub(crate) fn recording(mut self, request: &Request) -> Self {
        for route in request.headers.get_all(&HeaderName::RecordRoute) {
            self.0.headers.push(route.clone());
        }
        self
    }

    pub(crate) fn sdp(mut self, body: &[u8]) -> Self {
        self.0.headers.remove_all(&HeaderName::ContentLength);
        if !body.is_empty() {
            push(&mut self.0.headers, HeaderName::ContentType, SDP);
        }
        push(
            &mut self.0.headers,
            HeaderName::ContentLength,
            body.len().to_string(),
        );
        self.0.set_body(Bytes::copy_from_slice(body));
        self
    }

    pub(crate) fn done(self) -> Response {
        self.0
    }
}

/// Adds a header, unless its value could break the line it stands on.
pub(crate) fn push(headers: &mut Headers, name: HeaderName, value: impl Into<Bytes>) {
    match Header::build(name, value) {
        Ok(header) => headers.push(header),
        Err(error) => tracing::debug!(%error, "left out a header that cannot be written"),
    }
}

/// A `Reason` header for people: the SIP cause and what happened (RFC 3326).
pub(crate) fn reason_header(cause: u16, text: &str) -> String {
    format!("SIP;cause={cause};text=\"{}\"", quotable(text))
}

/// A `Warning` with a text (RFC 3261 §20.43). We go by a pseudonym, because our own host name is
/// nobody's business.
pub(crate) fn warning_header(code: u16, text: &str) -> String {
    format!("{code} offhook \"{}\"", quotable(text))
}

/// What can stand between quotation marks.
fn quotable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .map(|c| if matches!(c, '"' | '\\') { '\'' } else { c })
        .collect()
}

/// The phrase RFC 3261 §21 gives a status.
pub(crate) fn usual_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        300..=399 => "Moved",
        _ => "Refused",
    }
}
