//! Session timers (RFC 4028): a call that nobody refreshes ends by itself.

use std::time::Duration;

use sipx_sip::Headers;
use sipx_sip::headers::{Require, Supported};
use sipx_sip::session::{self, Answer, MinSe, Refresher, Session, SessionExpires};
use tokio::time::Instant;

use crate::Config;

/// A peer's `Session-Expires` or `Min-SE` did not parse.
pub(crate) struct Malformed;

/// What we answer to the session timer of a request.
pub(crate) fn answer(headers: &Headers, config: &Config) -> Result<Answer, Malformed> {
    let requested = headers
        .typed::<SessionExpires>()
        .transpose()
        .map_err(|_| Malformed)?;
    let least = headers
        .typed::<MinSe>()
        .transpose()
        .map_err(|_| Malformed)?
        .map(|least| least.0);
    let supports = headers
        .typed_all::<Supported>()
        .flatten()
        .any(|list| list.contains("timer"))
        || headers
            .typed_all::<Require>()
            .flatten()
            .any(|list| list.contains("timer"));
    if requested.is_none() {
        if !supports || config.session_expires.is_zero() {
            return Ok(Answer::None);
        }
        return Ok(Answer::Accept(session::Accepted {
            interval: ours(config).max(least.unwrap_or_default()),
            refresher: Refresher::Uas,
            require: true,
        }));
    }
    Ok(session::answer(
        supports,
        requested,
        least,
        config.session_expires_min,
    ))
}

/// The interval we ask for.
pub(crate) fn ours(config: &Config) -> Duration {
    config.session_expires.max(session::ABSOLUTE_MIN_INTERVAL)
}

/// A timer that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Running {
    terms: Session,
    since: Instant,
    refreshing: bool,
}

impl Running {
    /// The terms of a 2xx we sent.
    pub(crate) fn accepted(answer: Answer, now: Instant) -> Option<Self> {
        match answer {
            Answer::Accept(accepted) => Some(Self {
                terms: Session {
                    interval: accepted.interval,
                    we_refresh: accepted.refresher == Refresher::Uas,
                },
                since: now,
                refreshing: false,
            }),
            Answer::None | Answer::TooBrief(_) => None,
        }
    }

    /// The terms of a 2xx we received to a request that asked for `asked`.
    pub(crate) fn adopted(
        headers: &Headers,
        asked: Option<Duration>,
        now: Instant,
    ) -> Option<Self> {
        let agreed = headers.typed::<SessionExpires>().and_then(Result::ok);
        let terms = session::adopt(agreed, asked)?;
        Some(Self {
            terms,
            since: now,
            refreshing: false,
        })
    }

    pub(crate) fn interval(&self) -> Duration {
        self.terms.interval
    }

    /// When something must be done: refresh if that is our part, else give the call up.
    pub(crate) fn due(&self) -> Instant {
        if self.refreshing {
            return self.since
                + Session {
                    we_refresh: false,
                    ..self.terms
                }
                .act_after();
        }
        self.since + self.terms.act_after()
    }

    /// At [`Self::due`]: true when it is time to refresh, false when it is over.
    pub(crate) fn should_refresh(&mut self) -> bool {
        let refresh = self.terms.we_refresh && !self.refreshing;
        self.refreshing = true;
        refresh
    }
}

/// The `Session-Expires` we send as the answering side.
pub(crate) fn accepted_header(answer: Answer) -> Option<(String, bool)> {
    match answer {
        Answer::Accept(accepted) => {
            let value = SessionExpires {
                interval: accepted.interval,
                refresher: Some(accepted.refresher),
            };
            Some((value.to_string(), accepted.require))
        }
        Answer::None | Answer::TooBrief(_) => None,
    }
}
