//! The words of a setting: durations, port ranges, addresses and ids as people write them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use offhook_terms::Private;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use url::Url;

/// UDP ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

impl FromStr for PortRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "two ports as in \"20000-29999\", the smaller first";
        let (from, to) = text.split_once('-').ok_or(WANTED)?;
        let from = from.trim().parse().map_err(|_| WANTED)?;
        let to = to.trim().parse().map_err(|_| WANTED)?;
        if from == 0 || from > to {
            return Err(WANTED);
        }
        Ok(Self { from, to })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = text(from)?;
        text.parse()
            .map_err(|wanted| D::Error::invalid_value(Unexpected::Str(&text), &wanted))
    }
}

/// `"90s"`, `"10m"`, `"2h"`, `"30d"`, `"500ms"`.
pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = text(from)?;
    parse_duration(&text).ok_or_else(|| {
        D::Error::invalid_value(
            Unexpected::Str(&text),
            &"a number with its unit (ms, s, m, h or d), as in \"10m\"",
        )
    })
}

/// A duration that may be left out.
pub(super) fn duration_opt<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

/// A folder, or a place somewhere else by its URL, that may be left out.
pub(super) fn place_opt<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let text = text(from)?;
    let place = match text.contains("://") {
        true => Url::parse(&text).ok(),
        false => std::path::absolute(&text)
            .ok()
            .and_then(|folder| Url::from_directory_path(folder).ok()),
    };
    place.map(Some).ok_or_else(|| {
        let wanted = "a folder or a URL, as in \"/var/recordings\" or \"s3://bucket/calls\"";
        D::Error::invalid_value(Unexpected::Str(&text), &wanted)
    })
}

/// Texts that nobody is shown, by their names.
pub(super) fn privates<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, Private<String>>, D::Error> {
    let read = BTreeMap::<String, String>::deserialize(from)?;
    let all = read.into_iter();
    Ok(all
        .map(|(name, value)| (name, Private::new(value)))
        .collect())
}

fn parse_duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    let ms_each: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(ms_each).map(Duration::from_millis)
}

/// Text, also when the environment made a number of it: `OFFHOOK_…__SIP_USER=1001` is a name.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
        fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }
        fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
        fn visit_u128<E: Error>(self, number: u128) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    from.deserialize_any(Text)
}

/// Text that may be left out.
pub(super) fn text_opt<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from).map(Some)
}

/// `"127.0.0.1:5060"`.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = text(from)?;
    let wanted = "an address and a port, as in \"127.0.0.1:5060\" or \"[::1]:5060\"";
    text.parse()
        .map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &wanted))
}

/// A path may look like a number, too.
pub(super) fn path<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    text(from).map(PathBuf::from)
}

pub(super) fn private_opt<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Private<String>>, D::Error> {
    text(from).map(|text| Some(Private::new(text)))
}

pub(super) fn private_list<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Private<Vec<String>>, D::Error> {
    Vec::deserialize(from).map(Private::new)
}

pub(super) fn id_opt<'de, D: Deserializer<'de>, I: FromStr>(
    from: D,
) -> Result<Option<I>, D::Error> {
    let text = text(from)?;
    match text.parse() {
        Ok(id) => Ok(Some(id)),
        Err(_) => Err(D::Error::invalid_value(
            Unexpected::Str(&text),
            &"a GUID, as in \"57dab8b1-894c-409a-b240-bd8beae78896\"",
        )),
    }
}

pub(super) fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    let text = text(from)?;
    Url::parse(&text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            D::Error::invalid_value(
                Unexpected::Str(&text),
                &"an http or https URL, as in \"https://bot.example.org/callback\"",
            )
        })
}

/// The address of a WebSocket, which may be left out.
pub(super) fn websocket_opt<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let text = text(from)?;
    let url = Url::parse(&text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host());
    url.map(Some)
        .ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"a ws or wss URL"))
}

pub(super) fn url_opt<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    url(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("0s"), Some(Duration::ZERO));
        assert_eq!(parse_duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("2 h"), Some(Duration::from_secs(7200)));
        for bad in [
            "",
            "10",
            "m",
            "-1s",
            "1y",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_port_range_has_two_ends_in_order() {
        assert_eq!(
            "20000-20100".parse(),
            Ok(PortRange {
                from: 20_000,
                to: 20_100
            })
        );
        for bad in ["", "1", "5-4", "0-9", "1-70000", "a-b"] {
            assert!(bad.parse::<PortRange>().is_err(), "{bad}");
        }
    }
}
