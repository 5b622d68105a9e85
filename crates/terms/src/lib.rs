//! The words every crate of Offhook shares: identities, [`Private`] values and [`Tone`]s.
//!
//! Nothing here depends on anything, and nothing here decides: a word lives in this crate only
//! when two crates that may not know each other must agree on it.
//!
//! ```
//! use offhook_terms::{CallId, Private};
//!
//! let id: CallId = "57DAB8B1894C409AB240BD8BEAE78896".parse().unwrap();
//! assert_eq!(id.to_string(), "57dab8b1-894c-409a-b240-bd8beae78896");
//! assert_eq!(format!("{:?}", Private::new("+14255550100")), "<private>");
//! ```

use std::fmt;
use std::str::FromStr;

/// Text was not a GUID: thirty-two hexadecimal digits, dashes anywhere or nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 32 hexadecimal digits, with or without dashes")
    }
}

impl std::error::Error for NotAnId {}

fn parse_guid(text: &str) -> Result<u128, NotAnId> {
    let mut bits: u128 = 0;
    let mut digits = 0;
    for byte in text.bytes().filter(|byte| *byte != b'-') {
        let value = (byte as char).to_digit(16).ok_or(NotAnId)?;
        digits += 1;
        if digits > 32 {
            return Err(NotAnId);
        }
        bits = (bits << 4) | u128::from(value);
    }
    if digits == 32 { Ok(bits) } else { Err(NotAnId) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u128);

        impl $name {
            /// An id from 128 random bits, stamped as a version 4 GUID (RFC 9562 §5.4).
            pub const fn from_random(bits: u128) -> Self {
                Self((bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62))
            }

            /// An id from exactly these bits; for ids kept elsewhere, and for tests.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The bits of the GUID, most significant digit first.
            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        /// Lower case with dashes, the form we send.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let b = self.0;
                write!(f, "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", b >> 96, (b >> 80) & 0xffff,
                    (b >> 64) & 0xffff, (b >> 48) & 0xffff, b & 0xffff_ffff_ffff)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        /// Any case, with or without dashes: both forms are in use for the same id.
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse_guid(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A conversation we host. Graph calls it the call chain.
    CallId,
    /// One party's connection to a call. A bot knows its own leg as *the call*.
    LegId,
    /// Something asked for that ends later: a prompt, a recording of an answer.
    OperationId,
    /// A person of the workplace, who may have phones.
    PersonId,
    /// A meeting of the workplace.
    MeetingId,
    /// A bot's registration; the *app id* of its protocols.
    AppId,
}

/// A value that must never reach a log: a number, a name, a token, a transcript, a tone.
///
/// Printing one is safe by construction; reading one is a word you can search for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Marks a value as private.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the wire and for the person it belongs to; never for a log.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// Gives up the mark.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<private>")
    }
}

impl<T> fmt::Display for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<private>")
    }
}

impl<T> From<T> for Private<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// One key press (RFC 4733 §3.2, events 0 to 15). Not called a digit: there are `*` and `#`.
///
/// Its `Debug` is hidden, because keys pressed on a call are account numbers and passwords.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tone(u8);

impl Tone {
    const SYMBOLS: &'static [u8; 16] = b"0123456789*#ABCD";

    /// The tone of an RFC 4733 event code, if it is one of the sixteen keys.
    pub const fn from_event(code: u8) -> Option<Self> {
        if code < 16 { Some(Self(code)) } else { None }
    }

    /// The RFC 4733 event code, 0 to 15.
    pub const fn event(self) -> u8 {
        self.0
    }

    /// The tone of a key's symbol; letters in either case.
    pub fn from_symbol(symbol: char) -> Option<Self> {
        let wanted = symbol.to_ascii_uppercase();
        let at = Self::SYMBOLS.iter().position(|s| *s as char == wanted)?;
        Some(Self(at as u8))
    }

    /// What is printed on the key.
    pub fn symbol(self) -> char {
        Self::SYMBOLS[usize::from(self.0)] as char
    }
}

impl fmt::Debug for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tone(<private>)")
    }
}
