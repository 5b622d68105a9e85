//! The body of a request, as far as it may go.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::limits;

/// More than is read, or broken off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Reads a body. What is too much is taken and dropped, up to a bound: many clients look for an
/// answer only when they have sent everything, and would never see why they are refused.
pub(crate) async fn read(mut body: Body) -> Result<Bytes, TooLarge> {
    let mut kept = BytesMut::new();
    let mut taken = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| TooLarge)?.into_data() else {
            continue;
        };
        taken += data.len();
        if taken > limits::REQUEST_BODY_TAKEN_MAX {
            return Err(TooLarge);
        }
        if taken <= limits::REQUEST_BODY_BYTES_MAX {
            kept.extend_from_slice(&data);
        } else {
            kept = BytesMut::new();
        }
    }
    if taken > limits::REQUEST_BODY_BYTES_MAX {
        return Err(TooLarge);
    }
    Ok(kept.freeze())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A body in pieces of 64 KiB, and how many of them were taken.
    fn pieces(count: usize) -> (Body, Arc<AtomicUsize>) {
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        let pieces = (0..count).map(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from(vec![b'x'; 64 * 1024]))
        });
        (Body::from_stream(futures::stream::iter(pieces)), taken)
    }

    #[tokio::test]
    async fn a_body_that_fits_is_read() {
        let (body, _) = pieces(4);
        let read = read(body).await.expect("it fits");
        assert_eq!(read.len(), limits::REQUEST_BODY_BYTES_MAX);
    }

    #[tokio::test]
    async fn ten_megabytes_are_taken_so_that_the_refusal_is_seen() {
        let (body, taken) = pieces(160);
        assert_eq!(read(body).await, Err(TooLarge));
        assert_eq!(taken.load(Ordering::Relaxed), 160);
    }

    #[tokio::test]
    async fn nobody_is_listened_to_for_ever() {
        let (body, taken) = pieces(10_000);
        assert_eq!(read(body).await, Err(TooLarge));
        let most = limits::REQUEST_BODY_TAKEN_MAX / (64 * 1024) + 1;
        assert_eq!(taken.load(Ordering::Relaxed), most);
    }
}
