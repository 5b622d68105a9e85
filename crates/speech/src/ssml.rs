//! Reading what is to be spoken, however it is written.
//!
//! Bots build documents by pasting strings together: ampersands stand for themselves, namespaces are
//! wrong, elements are anybody's. Whatever can be spoken is spoken: an element nobody knows is its
//! content, and what is no document at all is its words. Nothing is fetched or expanded here.
//!
//! ```text
//!   <speak>Hello <break time="1s"/> <voice name="…">Ada</voice></speak>
//!     ──▶ Words("Hello"), Silence(1 s), Words("Ada", voice)
//! ```

use std::time::Duration;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::limits;

/// What is to be said, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// Its pieces.
    pub stretches: Vec<Stretch>,
}

/// A piece that is one thing.
#[derive(Clone, PartialEq, Eq)]
pub enum Stretch {
    /// Words in one voice.
    Words {
        /// Well-formed content of a `speak` element.
        markup: String,
        /// Whose voice, as the document names it.
        voice: Option<String>,
        /// The language, if the document says so.
        locale: Option<String>,
    },
    /// Nothing, for so long.
    Silence(Duration),
    /// A sound that somebody else has to fetch.
    Audio {
        /// Where it is.
        uri: String,
        /// What is said instead if it cannot be had.
        otherwise: Vec<Stretch>,
    },
}

/// Words and addresses are nobody's business.
impl std::fmt::Debug for Stretch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Words { .. } => f.write_str("Words"),
            Self::Silence(duration) => f.debug_tuple("Silence").field(duration).finish(),
            Self::Audio { otherwise, .. } => f.debug_tuple("Audio").field(otherwise).finish(),
        }
    }
}

/// Text as it stands.
pub fn plain(text: &str) -> Script {
    let markup = escape(text.trim());
    let is_empty = markup.is_empty();
    Script {
        stretches: match is_empty {
            true => Vec::new(),
            false => vec![Stretch::Words {
                markup,
                voice: None,
                locale: None,
            }],
        },
    }
}

/// A document in the Speech Synthesis Markup Language (W3C SSML 1.1), or what is left of one.
pub fn read(document: &str) -> Script {
    let document = with_escaped_ampersands(document.trim_start_matches('\u{feff}'));
    let mut walk = Walk::default();
    match walk.walk(&document) {
        Ok(()) => {
            walk.end_stretch();
            Script {
                stretches: walk.done(),
            }
        }
        Err(NoDocument) => plain(&unescape(&without_tags(&document))),
    }
}

/// It cannot be read as a document.
struct NoDocument;

/// Elements that a synthesiser is given as they are, with the attributes it may know.
const KEPT: [(&str, &[&str]); 7] = [
    ("prosody", &["rate", "pitch", "volume", "range", "contour"]),
    ("say-as", &["interpret-as", "format", "detail"]),
    ("emphasis", &["level"]),
    ("phoneme", &["alphabet", "ph"]),
    ("sub", &["alias"]),
    ("p", &[]),
    ("s", &[]),
];

#[derive(Default)]
struct Walk {
    levels: Vec<Level>,
    /// The piece being read.
    markup: String,
    has_words: bool,
    stretches: Vec<Stretch>,
    /// Sounds that are open, each with what was read before it.
    sounds: Vec<(String, Vec<Stretch>)>,
}

/// An element that is open.
#[derive(Default, Clone)]
struct Level {
    /// How it is begun again in the next piece.
    tag: Option<(String, &'static str)>,
    voice: Option<String>,
    locale: Option<String>,
    is_sound: bool,
}

impl Walk {
    fn walk(&mut self, document: &str) -> Result<(), NoDocument> {
        let mut reader = Reader::from_str(document);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        loop {
            match reader.read_event().map_err(|_| NoDocument)? {
                Event::Start(element) => self.open(&element)?,
                Event::Empty(element) => {
                    self.open(&element)?;
                    self.close();
                }
                Event::End(_) => self.close(),
                Event::Text(text) => self.text(&String::from_utf8_lossy(&text)),
                Event::CData(data) => {
                    let data = data.into_inner();
                    self.text(&escape(&String::from_utf8_lossy(&data)));
                }
                Event::GeneralRef(name) => {
                    // Only those that mean a character by themselves; nothing is looked up.
                    let name = String::from_utf8_lossy(&name).into_owned();
                    let entity = format!("&{name};");
                    if is_character(&name) {
                        self.text(&entity);
                    }
                }
                Event::Eof => return Ok(()),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), NoDocument> {
        if self.levels.len() >= limits::DEPTH_MAX {
            return Err(NoDocument);
        }
        let mut level = Level {
            voice: self.levels.last().and_then(|level| level.voice.clone()),
            locale: self.levels.last().and_then(|level| level.locale.clone()),
            ..Level::default()
        };
        let name = element.local_name();
        let name = String::from_utf8_lossy(name.as_ref()).to_ascii_lowercase();
        let value = |wanted: &str| {
            let mut attributes = element.html_attributes();
            let mut all = attributes.with_checks(false).flatten();
            let found = all.find(|one| one.key.as_ref().eq_ignore_ascii_case(wanted.as_bytes()))?;
            let value = found.normalized_value(XmlVersion::Implicit1_0);
            let raw = || String::from_utf8_lossy(&found.value).into_owned();
            Some(value.map_or_else(|_| raw(), |value| value.into_owned()))
        };
        let locale = value("xml:lang").filter(|tag| is_tag(tag));
        match name.as_str() {
            "break" => {
                let length = break_of(value("time").as_deref(), value("strength").as_deref());
                self.end_stretch();
                self.put(Stretch::Silence(length));
            }
            "voice" => {
                self.end_stretch();
                level.voice = value("name").or(level.voice);
                level.locale = locale.or(level.locale);
            }
            "speak" | "lang" => {
                self.end_stretch();
                level.locale = locale.or(level.locale);
            }
            "audio" => {
                self.end_stretch();
                let before = std::mem::take(&mut self.stretches);
                self.sounds.push((value("src").unwrap_or_default(), before));
                level.is_sound = true;
            }
            "p" | "s" if locale.is_some() => {
                self.end_stretch();
                level.locale = locale;
            }
            // What is said of the document, not in it.
            "metadata" | "meta" | "lexicon" => {}
            other => {
                if let Some((name, attributes)) = KEPT.iter().find(|(name, _)| *name == other) {
                    let mut tag = format!("<{name}");
                    for attribute in *attributes {
                        if let Some(value) = value(attribute) {
                            tag.push_str(&format!(" {attribute}=\"{}\"", escape(&value)));
                        }
                    }
                    tag.push('>');
                    self.markup.push_str(&tag);
                    level.tag = Some((tag, name));
                }
            }
        }
        self.levels.push(level);
        Ok(())
    }

    fn close(&mut self) {
        let Some(level) = self.levels.last() else {
            return;
        };
        let outer = self.levels.len().checked_sub(2).map(|at| &self.levels[at]);
        let is_other = |level: &Level| (level.voice.clone(), level.locale.clone());
        let changes = is_other(level) != outer.map(is_other).unwrap_or_default();
        if level.is_sound || changes {
            self.end_stretch();
        }
        let Some(level) = self.levels.pop() else {
            return;
        };
        if let Some((_, name)) = level.tag {
            self.markup.push_str(&format!("</{name}>"));
        }
        if level.is_sound
            && let Some((uri, before)) = self.sounds.pop()
        {
            let otherwise = std::mem::replace(&mut self.stretches, before);
            self.put(Stretch::Audio { uri, otherwise });
        }
    }

    fn text(&mut self, escaped: &str) {
        self.has_words |= !escaped.trim().is_empty();
        self.markup.push_str(escaped);
    }

    /// What was read so far is a piece of its own.
    fn end_stretch(&mut self) {
        let open = self.levels.iter().filter_map(|level| level.tag.as_ref());
        let again: String = open.clone().map(|(tag, _)| tag.as_str()).collect();
        let mut markup = std::mem::replace(&mut self.markup, again);
        if std::mem::take(&mut self.has_words) {
            for (_, name) in open.rev() {
                markup.push_str(&format!("</{name}>"));
            }
            let level = self.levels.last().cloned().unwrap_or_default();
            self.put(Stretch::Words {
                markup: markup.trim().to_owned(),
                voice: level.voice,
                locale: level.locale,
            });
        }
    }

    /// What is beyond the bound is not said.
    fn put(&mut self, stretch: Stretch) {
        let before = self.sounds.iter().map(|(_, before)| before.len());
        if self.stretches.len() + before.sum::<usize>() < limits::STRETCHES_MAX {
            self.stretches.push(stretch);
        }
    }

    /// With elements that were never closed.
    fn done(mut self) -> Vec<Stretch> {
        while !self.levels.is_empty() {
            self.close();
        }
        self.end_stretch();
        self.stretches
    }
}

/// How long a break is (Speech service: break).
fn break_of(time: Option<&str>, strength: Option<&str>) -> Duration {
    let time = time.map(|time| time.trim().to_ascii_lowercase());
    let length = time.and_then(|time| {
        let (number, unit) = match time.strip_suffix("ms") {
            Some(number) => (number.to_owned(), 0.001),
            None => (time.strip_suffix('s')?.to_owned(), 1.0),
        };
        let number: f64 = number.trim().parse().ok()?;
        Duration::try_from_secs_f64(number * unit).ok()
    });
    let strength = || match strength.map(str::trim) {
        Some("none") => 0,
        Some("x-weak") => 250,
        Some("weak") => 500,
        Some("strong") => 1_000,
        Some("x-strong") => 1_250,
        _ => 750,
    };
    let length = length.unwrap_or_else(|| Duration::from_millis(strength()));
    length.min(limits::BREAK_MAX)
}

fn is_tag(tag: &str) -> bool {
    (2..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether `&name;` is a character (XML 1.0 §4.1, §4.6).
fn is_character(name: &str) -> bool {
    if matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") {
        return true;
    }
    let code = match name.strip_prefix("#x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => name
            .strip_prefix('#')
            .and_then(|digits| digits.parse().ok()),
    };
    code.and_then(char::from_u32)
        .is_some_and(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'))
}

/// An ampersand that begins nothing stands for itself.
fn with_escaped_ampersands(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(at) = rest.find('&') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        let name = after.split_once(';').map(|(name, _)| name);
        let begins = name.is_some_and(|name| {
            (1..=10).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
        });
        if !begins {
            out.push_str("amp;");
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn without_tags(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut in_tag = false;
    for c in document.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                out.push(' ');
            }
            c if !in_tag => out.push(c),
            _ => {}
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let pairs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    pairs
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The words in the content of a `speak` element.
pub(crate) fn words_of(markup: &str) -> String {
    let text = unescape(&without_tags(markup));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters that a document cannot have are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
#[path = "ssml_tests.rs"]
mod tests;
