//! Pocketsphinx, run as a program, with a grammar of what will probably be said. Without one it writes
//! down what it thinks it heard, which is seldom what was said.

use std::collections::HashSet;

use offhook_terms::Private;
use tokio::sync::OnceCell;

use crate::child::Children;
use crate::recogniser::{Request, Words};
use crate::{Audio, SpeechFault, limits};

const SETTING: &str = "speech.pocketsphinx";

#[derive(Debug)]
pub(crate) struct Pocketsphinx {
    program: String,
    /// The folder of the model and its dictionary.
    model: String,
    children: Children,
    /// The words it knows.
    dictionary: OnceCell<HashSet<String>>,
}

impl Pocketsphinx {
    pub(crate) fn new(program: String, model: String) -> Self {
        Self {
            program,
            model,
            children: Children::default(),
            dictionary: OnceCell::new(),
        }
    }

    pub(crate) async fn understand(
        &self,
        request: Request,
        audio: &Audio,
    ) -> Result<Option<Words>, SpeechFault> {
        let dictionary = self.dictionary.get_or_try_init(|| self.words()).await?;
        let grammar = grammar(&request.phrases, dictionary);
        let model = format!("{}/en-us", self.model);
        let words = self.dictionary_file();
        let own = format!("{}/en-us.lm.bin", self.model);
        let mut arguments = vec!["-infile", "/dev/stdin", "-logfn", "/dev/null"];
        arguments.extend(["-hmm", &model, "-dict", &words]);
        let folder = tempfile(grammar.as_deref())
            .await
            .map_err(|why| SpeechFault::Failed {
                program: self.program.clone(),
                why,
            })?;
        match &folder {
            Some(file) => arguments.extend(["-jsgf", &file.0]),
            None => arguments.extend(["-lm", &own]),
        }
        let heard = self
            .children
            .run(&self.program, SETTING, &arguments, &audio.to_wav())
            .await?;
        // A line for each stretch of speech it found in the utterance.
        let heard = String::from_utf8_lossy(&heard);
        let words: Vec<&str> = heard.split_whitespace().collect();
        Ok((!words.is_empty()).then(|| Words {
            text: Private::new(words.join(" ")),
            locale: "en-US".to_owned(),
            confidence: None,
        }))
    }

    fn dictionary_file(&self) -> String {
        format!("{}/cmudict-en-us.dict", self.model)
    }

    async fn words(&self) -> Result<HashSet<String>, SpeechFault> {
        let file = self.dictionary_file();
        let text = tokio::fs::read_to_string(&file).await;
        let text = text.map_err(|why| SpeechFault::NotInstalled {
            program: file,
            why: why.to_string(),
            setting: "speech.pocketsphinx_model",
        })?;
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        Ok(text.lines().filter_map(first).collect())
    }
}

/// A file that goes with its last user.
struct Grammar(String);

impl Drop for Grammar {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn tempfile(grammar: Option<&str>) -> Result<Option<Grammar>, String> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let Some(grammar) = grammar else {
        return Ok(None);
    };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("offhook-{}-{number}.jsgf", std::process::id());
    let file = std::env::temp_dir().join(name);
    let file = Grammar(file.to_string_lossy().into_owned());
    let written = tokio::fs::write(&file.0, grammar).await;
    written.map_err(|why| why.to_string())?;
    Ok(Some(file))
}

/// A grammar (JSGF) of the phrases whose words are all known; none when there are none.
fn grammar(phrases: &[String], dictionary: &HashSet<String>) -> Option<String> {
    let phrases = phrases.iter().take(limits::PHRASES_MAX);
    let known = phrases.filter_map(|phrase| {
        let words: Vec<String> = phrase
            .split(|c: char| !c.is_alphanumeric() && c != '\'')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let is_known = !words.is_empty() && words.iter().all(|word| dictionary.contains(word));
        is_known.then(|| words.join(" "))
    });
    let known: Vec<String> = known.collect();
    (!known.is_empty()).then(|| {
        let phrases = known.join(" | ");
        format!("#JSGF V1.0;\ngrammar said;\npublic <said> = ({phrases})+;\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grammar_has_the_phrases_whose_words_are_known() {
        let dictionary = ["yes", "no", "thank", "you"].map(str::to_owned).into();
        let phrases = ["Yes", "No, thank you!", "nay", ";<x> = a", ""].map(str::to_owned);
        assert_eq!(
            grammar(&phrases, &dictionary).as_deref(),
            Some("#JSGF V1.0;\ngrammar said;\npublic <said> = (yes | no thank you)+;\n")
        );
        assert_eq!(grammar(&["nay".to_owned()], &dictionary), None);
    }
}
