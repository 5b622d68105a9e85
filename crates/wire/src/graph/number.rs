//! Integers that some documented examples quote: read both, write numbers.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Quoted {
    Number(i64),
    Text(String),
}

pub(super) fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let wide = match Quoted::deserialize(from)? {
        Quoted::Number(number) => Some(number),
        Quoted::Text(text) => text.trim().parse().ok(),
    };
    wide.and_then(|wide| i32::try_from(wide).ok())
        .ok_or_else(|| serde::de::Error::custom("a 32-bit integer, plain or quoted"))
}
