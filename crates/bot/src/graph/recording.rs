//! A recorded answer on its way down, chunk by chunk, never more than was allowed.

use bytes::Bytes;
use http::StatusCode;
use http::header::AUTHORIZATION;
use offhook_terms::Private;

use super::GraphFault;
use crate::limits::DOWNLOAD_STALLS_AFTER;
use crate::retry;

/// A recorded answer on its way down.
///
/// ```
/// use offhook_bot::{GraphClient, Private};
///
/// # async fn example(client: GraphClient, location: &str, token: Private<String>) -> Result<(), Box<dyn std::error::Error>> {
/// // Both come with the operation that ended; no more than ten megabytes are wanted.
/// let mut recording = client.recording(location, &token, 10_000_000).await?;
/// let mut file = Vec::new();
/// while let Some(chunk) = recording.chunk().await? {
///     file.extend_from_slice(&chunk);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recording {
    response: reqwest::Response,
    limit: u64,
    read: u64,
}

pub(super) async fn start(
    http: &reqwest::Client,
    location: &str,
    token: &Private<String>,
    limit: u64,
) -> Result<Recording, GraphFault> {
    let sent = http
        .get(location)
        .header(AUTHORIZATION, format!("Bearer {}", token.reveal()))
        .send();
    let response = within(sent).await?.map_err(GraphFault::transport)?;
    let status = response.status();
    if status != StatusCode::OK {
        let asked = retry::retry_after(response.headers());
        let body = within(super::client::small_body(response)).await??;
        return Err(GraphFault::of(status, asked, &body));
    }
    if response.content_length().is_some_and(|bytes| bytes > limit) {
        return Err(GraphFault::TooLarge { limit });
    }
    Ok(Recording {
        response,
        limit,
        read: 0,
    })
}

impl Recording {
    /// The next piece, `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, GraphFault> {
        let chunk = within(self.response.chunk()).await?;
        let chunk = chunk.map_err(GraphFault::transport)?;
        self.read += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if self.read > self.limit {
            return Err(GraphFault::TooLarge { limit: self.limit });
        }
        Ok(chunk)
    }
}

async fn within<T>(step: impl Future<Output = T>) -> Result<T, GraphFault> {
    tokio::time::timeout(DOWNLOAD_STALLS_AFTER, step)
        .await
        .map_err(|_| GraphFault::Transport("the download stalled".into()))
}
