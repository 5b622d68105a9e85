//! Questions, and what is an answer to them.

use std::time::Duration;

use async_trait::async_trait;
use offhook_wire::activity::{event, kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::timeout::Timeout;
use super::{Context, Dialog, Next};
use crate::turns::{BotFault, Say};

/// A question. It is over with the answer; or with nothing (`null`), when it was asked as often as it may be.
///
/// Its options when it begins may be a text, which is then the question, or `{"prompt": …, "choices": […]}`.
///
/// ```
/// # use offhook_bot::dialogs::Dialogs;
/// # use offhook_bot::testing::Conversation;
/// # use offhook_bot::turns::{Bot, BotFault, Turn};
/// # struct Desk(Dialogs);
/// # #[async_trait::async_trait]
/// # impl Bot for Desk {
/// #     async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
/// #         self.0.run(turn, "it").await.map(drop)
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use offhook_bot::dialogs::Prompt;
///
/// let sure = Prompt::confirm("Are you sure?").retry("Yes or no?").times(3);
/// Conversation::with(Desk(Dialogs::new().with("it", sure)))
///     .hears("hello")
///     .says("Are you sure?")
///     .hears("perhaps")
///     .says("Yes or no?")
///     .hears("yes")
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Prompt {
    kind: Kind,
    question: String,
    retry: Option<String>,
    times: Option<u32>,
    timeout: Option<Duration>,
    default: Option<(Value, Option<String>)>,
}

#[derive(Debug, Clone)]
enum Kind {
    Text,
    Number,
    Confirm { yes: Vec<String>, no: Vec<String> },
    Choice(Vec<String>),
}

/// What was chosen.
///
/// ```
/// use offhook_bot::dialogs::Choice;
///
/// // What the step after a `Prompt::choice` reads with `cx.result()`.
/// let chosen: Choice = serde_json::from_str(r#"{"index": 1, "value": "kitchen"}"#)?;
/// assert_eq!(chosen.value, "kitchen");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Which, from 0.
    pub index: usize,
    /// As it was offered.
    pub value: String,
}

/// What a bot dialog may begin a prompt with.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
struct Options {
    prompt: Option<String>,
    choices: Option<Vec<String>>,
    asked: u32,
    /// Counts the questions, for their timeouts.
    waiting: u64,
}

/// Where in its state the options are.
const STATE: &str = "prompt";

impl Prompt {
    /// Anything that is said or pressed.
    pub fn text(question: impl Into<String>) -> Self {
        Self::new(Kind::Text, question)
    }

    /// A number: in digits, by keys or, up to twenty, in English words. A whole one is handed on as such.
    pub fn number(question: impl Into<String>) -> Self {
        Self::new(Kind::Number, question)
    }

    /// Yes or no; key 1 is yes and key 2 is no. English, unless [`words`](Self::words) are given.
    pub fn confirm(question: impl Into<String>) -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let yes = words(&[
            "yes", "yeah", "yep", "sure", "ok", "okay", "correct", "right", "1",
        ]);
        let no = words(&["no", "nope", "nah", "wrong", "2"]);
        Self::new(Kind::Confirm { yes, no }, question)
    }

    /// One of several, by its words or its number from 1. Gives a [`Choice`].
    pub fn choice<T: Into<String>>(
        question: impl Into<String>,
        choices: impl IntoIterator<Item = T>,
    ) -> Self {
        let choices = choices.into_iter().map(Into::into).collect();
        Self::new(Kind::Choice(choices), question)
    }

    fn new(kind: Kind, question: impl Into<String>) -> Self {
        Self {
            kind,
            question: question.into(),
            retry: None,
            times: None,
            timeout: None,
            default: None,
        }
    }

    /// What is said when an answer is none; otherwise the question again.
    #[must_use]
    pub fn retry(mut self, words: impl Into<String>) -> Self {
        self.retry = Some(words.into());
        self
    }

    /// How often it is asked at most.
    #[must_use]
    pub fn times(mut self, at_most: u32) -> Self {
        self.times = Some(at_most.max(1));
        self
    }

    /// How long an answer may take. When none has come it is asked again; but if it may be asked only
    /// [so many times](Self::times), it is over, as it is after the last of them.
    #[must_use]
    pub fn timeout(mut self, after: Duration) -> Self {
        self.timeout = Some(after);
        self
    }

    /// What it is over with when there was no answer, and what is said then.
    #[must_use]
    pub fn or_else(mut self, value: impl Into<Value>, words: Option<&str>) -> Self {
        self.default = Some((value.into(), words.map(str::to_owned)));
        self
    }

    /// The words for yes and for no, in any language.
    #[must_use]
    pub fn words(mut self, yes: &[&str], no: &[&str]) -> Self {
        if let Kind::Confirm {
            yes: is,
            no: is_not,
        } = &mut self.kind
        {
            *is = yes.iter().map(|word| word.to_lowercase()).collect();
            *is_not = no.iter().map(|word| word.to_lowercase()).collect();
        }
        self
    }

    async fn ask(&self, cx: &mut Context<'_>, mut options: Options) -> Result<Next, BotFault> {
        if self.times.is_some_and(|times| options.asked >= times) {
            return self.give_up(cx).await;
        }
        let question = options.prompt.as_ref().unwrap_or(&self.question);
        let words = match (&self.retry, options.asked) {
            (Some(retry), 1..) => retry,
            _ => question,
        };
        if !words.is_empty() {
            cx.say(Say::text(words.clone()).expecting_input()).await?;
        }
        options.asked += 1;
        options.waiting += 1;
        if let Some(after) = self.timeout {
            let waits = Timeout::new(cx.number(), options.waiting);
            cx.turn_mut().remind(after, serde_json::to_value(waits)?)?;
        }
        cx.set(STATE, options)?;
        Ok(Next::Wait)
    }

    async fn give_up(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        let Some((value, words)) = &self.default else {
            return Ok(Next::end());
        };
        if let Some(words) = words {
            cx.say(Say::text(words.clone())).await?;
        }
        Ok(Next::End(value.clone()))
    }

    /// No answer came in time, unless the time was another question's.
    async fn timed_out(&self, cx: &mut Context<'_>, options: Options) -> Result<Next, BotFault> {
        let value = cx.turn().activity().value.as_ref();
        let waited = value.and_then(|value| Timeout::read(value.reveal()));
        let is_ours = match waited {
            Some(waited) => waited == Timeout::new(cx.number(), options.waiting),
            // Whoever sends it without a word about which means the one that waits.
            None => value.is_none_or(|value| value.reveal().is_null()),
        };
        if !is_ours || self.timeout.is_none() {
            return Ok(Next::Wait);
        }
        match self.times {
            None => self.ask(cx, options).await,
            Some(_) => self.give_up(cx).await,
        }
    }

    fn answer(&self, options: &Options, said: &str) -> Option<Value> {
        let said = said.trim().trim_end_matches(['.', '!', '?']);
        if said.is_empty() {
            return None;
        }
        let low = said.to_lowercase();
        match &self.kind {
            Kind::Text => Some(said.into()),
            Kind::Number => number(&low),
            Kind::Confirm { yes, no } => {
                let is = |words: &[String]| {
                    let mut heard = low.split(|c: char| !c.is_alphanumeric());
                    words.contains(&low) || heard.any(|word| words.iter().any(|is| is == word))
                };
                match (is(yes), is(no)) {
                    (true, false) => Some(true.into()),
                    (false, true) => Some(false.into()),
                    _ => None,
                }
            }
            Kind::Choice(choices) => {
                choose(options.choices.as_ref().unwrap_or(choices), &low).map(|at| json!(at))
            }
        }
    }
}

/// A number, as digits or as a word.
fn number(said: &str) -> Option<Value> {
    const WORDS: [&str; 21] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    if let Some(at) = WORDS.iter().position(|word| *word == said) {
        return Some(at.into());
    }
    if let Ok(whole) = said.parse::<i64>() {
        return Some(whole.into());
    }
    let number: f64 = said.parse().ok()?;
    number.is_finite().then(|| number.into())
}

/// By all of its words, by its number, or by words that only one of them has.
fn choose(choices: &[String], said: &str) -> Option<Choice> {
    let at = |index: usize| {
        let value = choices.get(index)?.clone();
        Some(Choice { index, value })
    };
    if let Some(same) = choices.iter().position(|c| c.to_lowercase() == said) {
        return at(same);
    }
    if let Some(number) = number(said).and_then(|number| number.as_u64()) {
        return at(usize::try_from(number).ok()?.checked_sub(1)?);
    }
    let heard = choices.iter().enumerate().filter(|(_, choice)| {
        let choice = choice.to_lowercase();
        said.contains(&choice) || choice.split_whitespace().any(|word| word == said)
    });
    let mut heard = heard.map(|(index, _)| index);
    match (heard.next(), heard.next()) {
        (Some(one), None) => at(one),
        _ => None,
    }
}

#[async_trait]
impl Dialog for Prompt {
    async fn begin(&self, cx: &mut Context<'_>, options: Value) -> Result<Next, BotFault> {
        let options = match options {
            Value::String(prompt) => Options {
                prompt: Some(prompt),
                ..Options::default()
            },
            Value::Object(_) => serde_json::from_value(options)?,
            _ => Options::default(),
        };
        let options = Options {
            asked: 0,
            waiting: 0,
            ..options
        };
        self.ask(cx, options).await
    }

    async fn activity(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        let options: Options = cx.get(STATE)?.unwrap_or_default();
        let activity = cx.turn().activity();
        if activity.is(kind::EVENT)
            && activity.name.as_deref() == Some(event::CONTINUE_CONVERSATION)
        {
            return self.timed_out(cx, options).await;
        }
        if !activity.is(kind::MESSAGE) {
            return Ok(Next::Wait);
        }
        match self.answer(&options, cx.text()) {
            Some(answer) => Ok(Next::End(answer)),
            None => self.ask(cx, options).await,
        }
    }

    /// The question again, as it was first asked, and not as another try.
    async fn resumed(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        let options: Options = cx.get(STATE)?.unwrap_or_default();
        let options = Options {
            asked: 0,
            ..options
        };
        self.ask(cx, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_what_is_none() {
        let given = Options::default();
        let number = Prompt::number("");
        for (said, is) in [
            ("12", json!(12)),
            ("3.5", json!(3.5)),
            ("Seven.", json!(7)),
            ("-4", json!(-4)),
        ] {
            assert_eq!(number.answer(&given, said), Some(is), "{said}");
        }
        for said in ["", "many", "inf", "1e999", "1 2"] {
            assert_eq!(number.answer(&given, said), None, "{said}");
        }
        let confirm = Prompt::confirm("");
        for (said, is) in [
            ("Yes, please!", true),
            ("1", true),
            ("no", false),
            ("2", false),
        ] {
            assert_eq!(confirm.answer(&given, said), Some(is.into()), "{said}");
        }
        for said in ["yes and no", "perhaps", "know"] {
            assert_eq!(confirm.answer(&given, said), None, "{said}");
        }
        let german = confirm.words(&["Ja"], &["Nein"]);
        assert_eq!(german.answer(&given, "ja"), Some(true.into()));
        let choice = Prompt::choice("", ["Large pizza", "Small pizza", "Salad"]);
        for (said, index) in [("large pizza", 0), ("small", 1), ("3", 2), ("the salad", 2)] {
            let chosen = choice.answer(&given, said).expect("a choice");
            assert_eq!(chosen["index"], index, "{said}");
        }
        for said in ["pizza", "4", "0", "soup"] {
            assert_eq!(choice.answer(&given, said), None, "{said}");
        }
    }
}
