//! What a bot says: words, or a document in SSML.

use offhook_terms::Private;
use offhook_wire::activity::{Activity, kind};

/// What may interrupt something that is said (`inputHint`).
///
/// ```
/// use offhook_bot::turns::{InputHint, Say};
///
/// let story = Say::text("Once upon a time there was a telephone.").hint(InputHint::IgnoringInput);
/// assert_eq!(InputHint::IgnoringInput.name(), "ignoringInput");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputHint {
    /// The caller may answer at any time.
    #[default]
    AcceptingInput,
    /// An answer is wanted.
    ExpectingInput,
    /// Nothing interrupts it.
    IgnoringInput,
}

impl InputHint {
    /// As the Activity protocol writes it.
    ///
    /// ```
    /// use offhook_bot::turns::InputHint;
    /// assert_eq!(InputHint::ExpectingInput.name(), "expectingInput");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::AcceptingInput => "acceptingInput",
            Self::ExpectingInput => "expectingInput",
            Self::IgnoringInput => "ignoringInput",
        }
    }
}

/// Something to say. A text is one; so is a document that is put together:
///
/// ```
/// use offhook_bot::turns::Say;
/// use std::time::Duration;
///
/// let say = Say::ssml("en-GB")
///     .voice("en-GB-SoniaNeural")
///     .text("Fish & chips")
///     .pause(Duration::from_millis(300))
///     .spelt("A1")
///     .build();
/// assert_eq!(
///     say.activity().speak.unwrap().reveal(),
///     r#"<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-GB"><voice name="en-GB-SoniaNeural">Fish &amp; chips<break time="300ms"/><say-as interpret-as="characters">A1</say-as></voice></speak>"#,
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Say {
    text: Option<Private<String>>,
    speak: Option<Private<String>>,
    hint: InputHint,
}

impl Say {
    /// Words.
    pub fn text(words: impl Into<String>) -> Self {
        Self {
            text: Some(Private::new(words.into())),
            speak: None,
            hint: InputHint::default(),
        }
    }

    /// The beginning of a document in SSML, in this language (a BCP 47 tag).
    pub fn ssml(language: &str) -> Ssml {
        Ssml {
            language: language.to_owned(),
            voice: None,
            body: String::new(),
            words: String::new(),
        }
    }

    /// What may interrupt it.
    #[must_use]
    pub fn hint(mut self, hint: InputHint) -> Self {
        self.hint = hint;
        self
    }

    /// An answer is wanted.
    #[must_use]
    pub fn expecting_input(self) -> Self {
        self.hint(InputHint::ExpectingInput)
    }

    /// As an activity.
    pub fn activity(self) -> Activity {
        Activity {
            text: self.text,
            speak: self.speak,
            input_hint: Some(self.hint.name().to_owned()),
            ..Activity::new(kind::MESSAGE)
        }
    }
}

impl<T: Into<String>> From<T> for Say {
    fn from(words: T) -> Self {
        Self::text(words)
    }
}

/// A document in SSML that is being put together. What is handed in is escaped.
///
/// ```
/// use offhook_bot::turns::Say;
/// use std::time::Duration;
///
/// let number = Say::ssml("en-US")
///     .text("Your number is")
///     .pause(Duration::from_millis(300))
///     .spelt("4711")
///     .build();
/// assert!(number.activity().speak.is_some());
/// ```
#[derive(Clone)]
pub struct Ssml {
    language: String,
    voice: Option<String>,
    body: String,
    /// The same for eyes.
    words: String,
}

impl std::fmt::Debug for Ssml {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ssml").finish_non_exhaustive()
    }
}

impl Ssml {
    /// The voice of all of it.
    #[must_use]
    pub fn voice(mut self, name: &str) -> Self {
        self.voice = Some(name.to_owned());
        self
    }

    /// Words.
    #[must_use]
    pub fn text(mut self, words: &str) -> Self {
        self.body.push_str(&escape(words));
        self.words.push_str(words);
        self
    }

    /// Silence.
    #[must_use]
    pub fn pause(mut self, how_long: std::time::Duration) -> Self {
        let pause = format!("<break time=\"{}ms\"/>", how_long.as_millis());
        self.body.push_str(&pause);
        self
    }

    /// Letters and digits, one by one.
    #[must_use]
    pub fn spelt(mut self, characters: &str) -> Self {
        let spelt = escape(characters);
        let spelt = format!("<say-as interpret-as=\"characters\">{spelt}</say-as>");
        self.body.push_str(&spelt);
        self.words.push_str(characters);
        self
    }

    /// A sound file, and what is said where it cannot be fetched.
    #[must_use]
    pub fn audio(mut self, address: &str, instead: &str) -> Self {
        let audio = format!(
            "<audio src=\"{}\">{}</audio>",
            escape(address),
            escape(instead)
        );
        self.body.push_str(&audio);
        self.words.push_str(instead);
        self
    }

    /// The whole document.
    pub fn build(self) -> Say {
        let language = escape(&self.language);
        let body = match &self.voice {
            Some(voice) => format!("<voice name=\"{}\">{}</voice>", escape(voice), self.body),
            None => self.body,
        };
        let document = format!(
            "<speak version=\"1.0\" xmlns=\"http://www.w3.org/2001/10/synthesis\" xml:lang=\"{language}\">{body}</speak>"
        );
        Say {
            text: Some(Private::new(self.words)),
            speak: Some(Private::new(document)),
            hint: InputHint::default(),
        }
    }
}

/// A text as XML writes it, in elements and in attributes. What XML cannot hold is left out.
///
/// ```
/// assert_eq!(offhook_bot::turns::escape("a<b & \"c\"\u{1}"), "a&lt;b &amp; &quot;c&quot;");
/// ```
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(letter),
            '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(letter),
        }
    }
    out
}
