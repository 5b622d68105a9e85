//! The platform's own counters, as it tells them at `/metrics`.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const DEVIATION: &str = "offhook_rtp_send_deviation_seconds_bucket{le=\"";

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
    /// How many deviations were under each bound, in seconds; ascending.
    deviations: Vec<(f64, f64)>,
}

impl Metrics {
    pub(crate) fn ask(at: &str) -> Result<Self, String> {
        Ok(Self::read(&get(at, "/metrics")?))
    }

    fn read(text: &str) -> Self {
        let mut values = HashMap::new();
        let mut deviations = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let value = value.parse().unwrap_or(0.0);
            if let Some(bound) = name.strip_prefix(DEVIATION) {
                let bound = bound.trim_end_matches("\"}");
                deviations.push((bound.parse().unwrap_or(f64::INFINITY), value));
            } else {
                values.insert(name.to_owned(), value);
            }
        }
        Self { values, deviations }
    }

    /// A counter or gauge of the platform, named without `offhook_`.
    pub(crate) fn value(&self, name: &str) -> f64 {
        let found = self.values.get(&format!("offhook_{name}"));
        found.copied().unwrap_or_default()
    }

    /// The bound in milliseconds under which this share of the deviations since then fell.
    pub(crate) fn deviation_ms(&self, since: &Self, share: f64) -> f64 {
        let before = |at: usize| since.deviations.get(at).map_or(0.0, |(_, count)| *count);
        let all = self.deviations.last().map_or(0.0, |(_, count)| *count)
            - before(self.deviations.len().saturating_sub(1));
        let mut bounds = self.deviations.iter().enumerate();
        let bound = bounds.find(|(at, (_, count))| count - before(*at) >= all * share);
        bound.map_or(0.0, |(_, (bound, _))| bound * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_came_since() {
        let text = |a, b, c| {
            Metrics::read(&format!(
                "offhook_rooms 3\n{DEVIATION}0.001\"}} {a}\n{DEVIATION}0.002\"}} {b}\n{DEVIATION}+Inf\"}} {c}\n"
            ))
        };
        let (before, after) = (text(0, 90, 100), text(99, 190, 200));
        assert_eq!(after.value("rooms"), 3.0);
        assert_eq!(after.deviation_ms(&before, 0.5), 1.0);
        assert_eq!(after.deviation_ms(&before, 0.995), 2.0);
        assert_eq!(before.deviation_ms(&text(0, 0, 0), 1.0), f64::INFINITY);
    }
}
