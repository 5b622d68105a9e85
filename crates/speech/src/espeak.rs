//! eSpeak NG, run as a program. Its library is under a licence that a product like this cannot link.

use tokio::sync::OnceCell;

use crate::child::Children;
use crate::{Audio, SpeechFault};

const SETTING: &str = "speech.espeak";

#[derive(Debug)]
pub(crate) struct Espeak {
    program: String,
    children: Children,
    /// The languages it has voices for, in lower case.
    languages: OnceCell<Vec<String>>,
}

impl Espeak {
    pub(crate) fn new(program: String) -> Self {
        Self {
            program,
            children: Children::default(),
            languages: OnceCell::new(),
        }
    }

    /// Speaks the content of a `speak` element. A voice it does not have is the one of the language.
    pub(crate) async fn speak(
        &self,
        markup: &str,
        locale: &str,
        voice: Option<&str>,
    ) -> Result<Audio, SpeechFault> {
        let known = self.languages.get_or_try_init(|| self.list()).await?;
        let language = voice_of(known, locale, voice);
        let document = format!("<speak>{markup}</speak>");
        let arguments = ["-m", "-b", "1", "-v", language, "--stdin", "--stdout"];
        let file = self.run(&arguments, document.as_bytes()).await?;
        Audio::from_wav(&file).ok_or_else(|| SpeechFault::Failed {
            program: self.program.clone(),
            why: "what it wrote is no sound".to_owned(),
        })
    }

    async fn list(&self) -> Result<Vec<String>, SpeechFault> {
        let listed = self.run(&["--voices"], &[]).await?;
        let listed = String::from_utf8_lossy(&listed);
        // A heading, then one voice a line, its language second.
        let lines = listed.lines().skip(1);
        let languages = lines.filter_map(|line| line.split_whitespace().nth(1));
        Ok(languages.map(str::to_ascii_lowercase).collect())
    }

    async fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, SpeechFault> {
        let children = &self.children;
        children.run(&self.program, SETTING, arguments, input).await
    }
}

/// Which of the known languages speaks for a voice of somebody else's (`en-GB-SoniaNeural`, `Microsoft
/// Server Speech Text to Speech Voice (en-GB, Susan)`), a language, or at least English.
fn voice_of<'a>(known: &'a [String], locale: &str, voice: Option<&str>) -> &'a str {
    let in_brackets = voice.and_then(|voice| voice.split_once('('));
    let named = in_brackets.map(|(_, rest)| rest).or(voice);
    let of_voice = named.map(|name| {
        let end = name.find([',', ')', ' ']).unwrap_or(name.len());
        let parts: Vec<&str> = name[..end].splitn(3, '-').collect();
        match parts[..] {
            [language, region, ..] => format!("{language}-{region}"),
            _ => name[..end].to_owned(),
        }
    });
    let wanted = of_voice.into_iter().chain([locale.to_owned()]);
    let wanted = wanted.map(|tag| tag.to_ascii_lowercase());
    let matching = |tag: String| -> Option<&'a str> {
        let language = tag.split('-').next().unwrap_or_default().to_owned();
        let exactly = |wanted: &str| known.iter().find(|one| *one == wanted);
        let begins = || {
            let start = format!("{language}-");
            known.iter().find(|one| one.starts_with(&start))
        };
        let found = exactly(&tag).or_else(|| exactly(&language)).or_else(begins);
        found.map(String::as_str)
    };
    wanted.filter_map(matching).next().unwrap_or("en-us")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_nobody_has_is_the_voice_of_its_language() {
        let known = ["en-us", "en-gb", "de", "pt", "pt-br"].map(str::to_owned);
        for (locale, voice, spoken_by) in [
            ("en-US", None, "en-us"),
            ("de-AT", None, "de"),
            ("en-AU", None, "en-us"),
            ("xx-YY", None, "en-us"),
            ("en-US", Some("en-GB-SoniaNeural"), "en-gb"),
            ("en-US", Some("de-DE-KatjaNeural"), "de"),
            (
                "de-DE",
                Some("Microsoft Server Speech Text to Speech Voice (pt-BR, Daniel)"),
                "pt-br",
            ),
            ("de-DE", Some("Nobody"), "de"),
            ("de-DE", Some("alloy (en"), "en-us"),
        ] {
            assert_eq!(
                voice_of(&known, locale, voice),
                spoken_by,
                "{locale} {voice:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let espeak = Espeak::new("/nowhere/espeak-ng".to_owned());
        let why = espeak
            .speak("hello", "en-US", None)
            .await
            .expect_err("none");
        assert!(why.to_string().contains("`speech.espeak`"), "{why}");
    }

    #[tokio::test]
    async fn a_program_that_fails_is_quoted() {
        let espeak = Espeak::new("false".to_owned());
        let why = espeak
            .speak("hello", "en-US", None)
            .await
            .expect_err("none");
        assert!(matches!(why, SpeechFault::Failed { .. }), "{why}");
    }
}
