//! Letters and digits as callers say them.

/// What may stand at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepts {
    letters: bool,
    digits: bool,
}

impl Accepts {
    pub(super) const BOTH: Self = Self {
        letters: true,
        digits: true,
    };
    pub(super) const DIGITS: Self = Self {
        letters: false,
        digits: true,
    };
    pub(super) const LETTERS: Self = Self {
        letters: true,
        digits: false,
    };
}

/// What was understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is no part of a serial number, or more than there is room for.
    Nothing,
    This(String),
    /// Either: an 8 and an A sound alike.
    Either([String; 2]),
}

const DIGITS: [&str; 10] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];

/// The spelling alphabet of the International Civil Aviation Organization, and how else its words are written.
const ALPHABET: [&str; 26] = [
    "alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett",
    "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
    "uniform", "victor", "whiskey", "x-ray", "yankee", "zulu",
];
const ELSE: [(&str, char); 4] = [
    ("alpha", 'A'),
    ("juliet", 'J'),
    ("whisky", 'W'),
    ("xray", 'X'),
];

/// Where an ambiguous one stands until it is known.
const AMBIGUOUS: char = '*';

/// Understands what was said as at most so many letters and digits.
pub(super) fn understand(said: &str, room: usize, accepts: Accepts) -> Heard {
    let mut out = String::new();
    let words = said.split(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | '/'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        if accepts.letters
            && let Some(letter) = as_in(&words[at - 1..])
        {
            out.push(letter);
            at += 3;
        } else if let Some(character) = of_word(word, accepts) {
            out.push(character);
        } else {
            for character in word.chars().filter(|c| *c != '-') {
                match of_character(character, accepts) {
                    Some(character) => out.push(character),
                    None => return Heard::Nothing,
                }
            }
        }
    }
    if out.is_empty() || out.chars().count() > room {
        return Heard::Nothing;
    }
    if !out.contains(AMBIGUOUS) {
        return Heard::This(out);
    }
    Heard::Either(["A", "8"].map(|is| out.replace(AMBIGUOUS, is)))
}

/// `B as in Berlin`.
fn as_in(words: &[&str]) -> Option<char> {
    let [letter, a, i, example, ..] = words else {
        return None;
    };
    let is_meant = a.eq_ignore_ascii_case("as") && i.eq_ignore_ascii_case("in");
    let first = example.chars().next().filter(char::is_ascii_alphabetic)?;
    (is_meant && letter.chars().count() == 1).then(|| first.to_ascii_uppercase())
}

/// A digit's name, or a word of the spelling alphabet.
fn of_word(word: &str, accepts: Accepts) -> Option<char> {
    let word = word.to_lowercase();
    if accepts.digits {
        let word = match word.as_str() {
            "for" => "four",
            "oh" if !accepts.letters => "zero",
            word => word,
        };
        let digit = DIGITS.iter().position(|digit| *digit == word);
        if let Some(digit) = digit.and_then(|digit| u32::try_from(digit).ok()) {
            return char::from_digit(digit, 10);
        }
    }
    if !accepts.letters {
        return None;
    }
    let other = ELSE.iter().find(|(other, _)| *other == word);
    let in_alphabet = || {
        let at = ALPHABET.iter().position(|is| *is == word)?;
        Some(char::from(b'A' + u8::try_from(at).ok()?))
    };
    other.map(|(_, letter)| *letter).or_else(in_alphabet)
}

fn of_character(character: char, accepts: Accepts) -> Option<char> {
    match (character, accepts.letters, accepts.digits) {
        ('8', true, true) => Some(AMBIGUOUS),
        // Where no digit may stand, it was an A.
        ('8', true, false) => Some('A'),
        (c, _, true) if c.is_ascii_digit() => Some(c),
        (c, true, _) if c.is_ascii_alphabetic() => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn this(said: &str, accepts: Accepts) -> Option<String> {
        match understand(said, 12, accepts) {
            Heard::This(this) => Some(this),
            _ => None,
        }
    }

    #[test]
    fn letters_and_digits_as_they_are_said() {
        for (said, accepts, is) in [
            ("AB12", Accepts::BOTH, "AB12"),
            ("a b, 1-2.", Accepts::BOTH, "ab12"),
            ("alpha bravo one two", Accepts::BOTH, "AB12"),
            ("B as in Berlin, 7", Accepts::BOTH, "B7"),
            ("P as in apple", Accepts::LETTERS, "A"),
            ("for Four FIVE", Accepts::BOTH, "445"),
            ("oh one", Accepts::DIGITS, "01"),
            ("oh", Accepts::BOTH, "oh"),
            ("x-ray whisky", Accepts::LETTERS, "XW"),
            ("8B", Accepts::LETTERS, "AB"),
            ("8 eight", Accepts::DIGITS, "88"),
            ("eight", Accepts::BOTH, "8"),
        ] {
            assert_eq!(this(said, accepts).as_deref(), Some(is), "{said}");
        }
        for (said, accepts) in [
            ("", Accepts::BOTH),
            (" - ", Accepts::BOTH),
            ("12#", Accepts::BOTH),
            ("AB", Accepts::DIGITS),
            ("12", Accepts::LETTERS),
            ("1", Accepts::LETTERS),
            ("1234567890123", Accepts::BOTH),
            ("é", Accepts::BOTH),
        ] {
            assert_eq!(understand(said, 12, accepts), Heard::Nothing, "{said}");
        }
    }

    #[test]
    fn an_eight_may_be_an_a() {
        let either = |a: &str, b: &str| Heard::Either([a.to_owned(), b.to_owned()]);
        assert_eq!(understand("B8", 4, Accepts::BOTH), either("BA", "B8"));
        assert_eq!(understand("88", 4, Accepts::BOTH), either("AA", "88"));
    }

    proptest! {
        #[test]
        fn whatever_is_said_fits_or_is_nothing(said in ".*", room in 0_usize..20) {
            for accepts in [Accepts::BOTH, Accepts::DIGITS, Accepts::LETTERS] {
                let of = match understand(&said, room, accepts) {
                    Heard::Nothing => continue,
                    Heard::This(one) => vec![one],
                    Heard::Either(both) => both.to_vec(),
                };
                for one in of {
                    prop_assert!(!one.is_empty() && one.len() <= room);
                    prop_assert!(one.chars().all(|c| c.is_ascii_alphanumeric()));
                }
            }
        }
    }
}
