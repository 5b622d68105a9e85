//! The platform's own counters, as it tells them at `/metrics`.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How far the time between two packets was from 20 ms.
pub(crate) const DEVIATION: &str = "rtp_send_deviation_seconds";

/// From deciding what a bot is told to sending it.
pub(crate) const NOTIFICATION_DELAY: &str = "notification_delay_seconds";

/// The body of `GET http://HOST/PATH`, where `at` is `HOST`.
pub(crate) fn get(at: &str, path: &str) -> Result<String, String> {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(at)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = asked().map_err(|error| format!("http://{at}{path}: {error}"))?;
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    body.ok_or(format!("http://{at}{path} gave no answer."))
}

/// Everything counted at one moment.
#[derive(Clone)]
pub(crate) struct Metrics {
    values: HashMap<String, f64>,
    /// How many were under each bound, in seconds, ascending; by the name of the histogram.
    histograms: HashMap<String, Vec<(f64, f64)>>,
}

impl Metrics {
    pub(crate) fn ask(at: &str) -> Result<Self, String> {
        Ok(Self::read(&get(at, "/metrics")?))
    }

    fn read(text: &str) -> Self {
        let mut values = HashMap::new();
        let mut histograms: HashMap<String, Vec<(f64, f64)>> = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let value = value.parse().unwrap_or(0.0);
            if let Some((name, bound)) = name.split_once("_bucket{le=\"") {
                let bound = bound.trim_end_matches("\"}").parse();
                let bounds = histograms.entry(name.to_owned()).or_default();
                bounds.push((bound.unwrap_or(f64::INFINITY), value));
            } else {
                values.insert(name.to_owned(), value);
            }
        }
        Self { values, histograms }
    }

    /// A counter or gauge of the platform, named without `offhook_`.
    pub(crate) fn value(&self, name: &str) -> f64 {
        let found = self.values.get(&format!("offhook_{name}"));
        found.copied().unwrap_or_default()
    }

    /// The bound in milliseconds under which this share of what was measured since then fell, in a
    /// histogram of the platform, named without `offhook_`.
    pub(crate) fn share_ms(&self, histogram: &str, since: &Self, share: f64) -> f64 {
        let name = format!("offhook_{histogram}");
        let of = |metrics: &Self| metrics.histograms.get(&name).cloned().unwrap_or_default();
        let (now, then) = (of(self), of(since));
        let before = |at: usize| then.get(at).map_or(0.0, |(_, count)| *count);
        let all = now.last().map_or(0.0, |(_, count)| *count) - before(now.len().saturating_sub(1));
        let mut bounds = now.iter().enumerate();
        let bound = bounds.find(|(at, (_, count))| count - before(*at) >= all * share);
        bound.map_or(0.0, |(_, (bound, _))| bound * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_came_since() {
        const BUCKET: &str = "offhook_rtp_send_deviation_seconds_bucket{le=\"";
        let text = |a, b, c| {
            Metrics::read(&format!(
                "offhook_rooms 3\n{BUCKET}0.001\"}} {a}\n{BUCKET}0.002\"}} {b}\n{BUCKET}+Inf\"}} {c}\n"
            ))
        };
        let (before, after) = (text(0, 90, 100), text(99, 190, 200));
        assert_eq!(after.value("rooms"), 3.0);
        let share = |share| after.share_ms(DEVIATION, &before, share);
        assert_eq!((share(0.5), share(0.995)), (1.0, 2.0));
        let all = before.share_ms(DEVIATION, &text(0, 0, 0), 1.0);
        assert_eq!(all, f64::INFINITY);
        assert_eq!(after.share_ms("nothing", &before, 0.5), 0.0);
    }
}
