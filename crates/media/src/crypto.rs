//! The `a=crypto` lines of descriptions (RFC 4568).
//!
//! ```text
//!   a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20
//!            tag suite                        key and salt in base64                    lifetime
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::srtp::{KEY_BYTES, Key, Suite};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) tag: u32,
    pub(crate) suite: Suite,
    pub(crate) key: Key,
}

impl Line {
    /// Reads the value of an attribute. `None` for what cannot be done here: another suite, several
    /// keys, a key that is named in every packet, less than full protection.
    pub(crate) fn read(value: &str) -> Option<Self> {
        let mut words = value.split_whitespace();
        let tag = words.next()?;
        let tag = tag.parse().ok().filter(|_| tag.len() <= 9)?;
        let name = words.next()?;
        let suite = Suite::ALL.into_iter().find(|suite| suite.name() == name)?;
        let key = words.next()?.strip_prefix("inline:")?;
        // How many packets to expect out of order is the receiver's own business; every other session
        // parameter changes what is sent.
        if words.any(|parameter| !parameter.starts_with("WSH=")) {
            return None;
        }
        let mut parts = key.split('|');
        let bytes = parts.next()?.trim_end_matches('=');
        // A lifetime has no colon; the number and length of a key's name have.
        if key.contains(';') || parts.any(|part| part.contains(':')) {
            return None;
        }
        let bytes = STANDARD_NO_PAD.decode(bytes).ok()?;
        let key: [u8; KEY_BYTES] = bytes.try_into().ok()?;
        Some(Self {
            tag,
            suite,
            key: Key::from_bytes(key),
        })
    }

    /// The value of an attribute. It holds the key.
    pub(crate) fn write(&self) -> String {
        let key = STANDARD.encode(self.key.bytes());
        format!("{} {} inline:{key}", self.tag, self.suite.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR";

    #[test]
    fn the_lines_of_the_standard_are_read() {
        for (value, suite) in [
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20"),
                Suite::AesCm128HmacSha1_80,
            ),
            (
                format!("17 AES_CM_128_HMAC_SHA1_32 inline:{KEY} WSH=64"),
                Suite::AesCm128HmacSha1_32,
            ),
        ] {
            let line = Line::read(&value).unwrap();
            assert_eq!(line.suite, suite);
            assert_eq!(Line::read(&line.write()), Some(line));
            assert!(!format!("{line:?}").contains("PS1u"));
        }
    }

    #[test]
    fn what_cannot_be_done_is_not_read() {
        for value in [
            "".to_owned(),
            "1".to_owned(),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            "1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=".to_owned(),
            "1 AES_CM_128_HMAC_SHA1_80 inline:%%%".to_owned(),
            format!("1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
        ] {
            assert_eq!(Line::read(&value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,100}", tail in ".{0,60}") {
            let _ = Line::read(&text);
            let _ = Line::read(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{tail}"));
        }
    }
}
