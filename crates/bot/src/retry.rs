//! When a command is sent again, and after how long.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use crate::limits::{RETRIES_MAX, RETRY_AFTER_FIRST, RETRY_WAIT_MAX};

/// The statuses that mean "later": nothing was done.
pub(crate) fn means_later(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// `Retry-After` in whole seconds. The form with a date is not used by this API.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    seconds.parse().ok().map(Duration::from_secs)
}

/// How long to wait before the next try, `None` to give up. `tried` counts from 1.
pub(crate) fn wait(tried: u32, asked: Option<Duration>) -> Option<Duration> {
    if tried > RETRIES_MAX {
        return None;
    }
    let wait = asked.unwrap_or(RETRY_AFTER_FIRST * 2u32.saturating_pow(tried - 1));
    (wait <= RETRY_WAIT_MAX).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let waits: Vec<_> = (1..).map_while(|tried| wait(tried, None)).collect();
        assert_eq!(waits, [500, 1000, 2000].map(Duration::from_millis));
    }

    #[test]
    fn what_the_platform_asks_is_honoured_within_reason() {
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(wait(1, seconds(7)), seconds(7));
        assert_eq!(wait(1, seconds(3600)), None);
        assert_eq!(wait(4, seconds(1)), None);
    }
}
