//! What a request to a bot carries, and when it was sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::clock;

/// The time from deciding what a bot is told to the moment its body is handed to the connection.
/// Tries after the first are not in it.
pub(crate) const NOTIFICATION_DELAY: &str = "offhook_notification_delay_seconds";

/// A body that is in memory, and may be asked when it went out.
#[derive(Default)]
pub(crate) struct Payload {
    left: Bytes,
    /// Since when each of the notifications in it has waited.
    waiting_since: Option<Arc<[Instant]>>,
}

impl Payload {
    /// A body whose sending ends the wait of what is in it.
    pub(crate) fn measured(body: Bytes, waiting_since: Arc<[Instant]>) -> Self {
        Self {
            left: body,
            waiting_since: Some(waiting_since),
        }
    }
}

impl From<Bytes> for Payload {
    fn from(body: Bytes) -> Self {
        Self {
            left: body,
            waiting_since: None,
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    /// Asked for by the connection when it has written the head of the request.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(waiting_since) = self.waiting_since.take() {
            let now = clock::now();
            let delay = metrics::histogram!(NOTIFICATION_DELAY);
            for since in waiting_since.iter() {
                delay.record(now.duration_since(*since));
            }
        }
        let whole = std::mem::take(&mut self.left);
        Poll::Ready((!whole.is_empty()).then(|| Ok(Frame::data(whole))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_is_sent_whole_and_its_length_is_known() {
        let since = clock::now();
        for payload in [
            Payload::from(Bytes::from_static(b"told")),
            Payload::measured(Bytes::from_static(b"told"), [since, since].into()),
        ] {
            assert_eq!(payload.size_hint().exact(), Some(4));
            assert!(!payload.is_end_stream());
            let sent = payload.collect().await.expect("never fails").to_bytes();
            assert_eq!(sent, "told");
        }
        assert!(Payload::default().is_end_stream());
    }
}
