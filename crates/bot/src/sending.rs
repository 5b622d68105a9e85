//! One request, sent as often as it takes.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::AUTHORIZATION;
use reqwest::{Client, RequestBuilder};

use crate::graph::{GraphFault, small_body};
use crate::retry;
use crate::token::AccessToken;

/// What a request was answered with.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// How long to wait before asking again, if that was said.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// When a request is sent again that was not answered at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It does no harm twice.
    Again,
    /// When it certainly did nothing: it never was connected.
    AgainIfUnconnected,
    Fails,
}

/// Why there is no answer.
pub(crate) enum NotAnswered {
    /// No token was granted.
    Token(GraphFault),
    Transport(GraphFault),
}

impl NotAnswered {
    pub(crate) fn into_inner(self) -> GraphFault {
        match self {
            Self::Token(fault) | Self::Transport(fault) => fault,
        }
    }
}

/// Sends what `request` makes, and again where it may be.
pub(crate) async fn send(
    request: impl Fn() -> RequestBuilder,
    unanswered: Unanswered,
) -> Result<Answer, GraphFault> {
    go_on_sending(request, unanswered, &mut 0).await
}

/// The same with a token, and with a fresh one if that is not believed.
pub(crate) async fn send_with(
    token: &AccessToken,
    logs_in_over: &Client,
    request: impl Fn() -> RequestBuilder,
    unanswered: Unanswered,
) -> Result<Answer, NotAnswered> {
    let (mut tried, mut token_replaced) = (0, false);
    loop {
        let granted = token.get(logs_in_over).await;
        let granted = granted.map_err(NotAnswered::Token)?;
        let bearer = format!("Bearer {}", granted.reveal());
        let signed = || request().header(AUTHORIZATION, &bearer);
        let answer = go_on_sending(signed, unanswered, &mut tried).await;
        let answer = answer.map_err(NotAnswered::Transport)?;
        if answer.status != StatusCode::UNAUTHORIZED || token_replaced {
            return Ok(answer);
        }
        // Keys rotate and secrets are replaced: one fresh token is worth a try.
        token_replaced = true;
        token.refused(&granted);
    }
}

/// `tried` counts on: all tries of a request have one bound.
async fn go_on_sending(
    request: impl Fn() -> RequestBuilder,
    unanswered: Unanswered,
    tried: &mut u32,
) -> Result<Answer, GraphFault> {
    loop {
        *tried += 1;
        let response = match request().send().await {
            Ok(response) => response,
            Err(error) => {
                let again = match unanswered {
                    Unanswered::Again => true,
                    Unanswered::AgainIfUnconnected => error.is_connect(),
                    Unanswered::Fails => false,
                };
                let Some(wait) = retry::wait(*tried, None).filter(|_| again) else {
                    return Err(GraphFault::transport(error));
                };
                tokio::time::sleep(wait).await;
                continue;
            }
        };
        let status = response.status();
        let retry_after = retry::retry_after(response.headers());
        if retry::means_later(status)
            && let Some(wait) = retry::wait(*tried, retry_after)
        {
            tokio::time::sleep(wait).await;
            continue;
        }
        return Ok(Answer {
            status,
            retry_after,
            body: small_body(response).await?,
        });
    }
}
