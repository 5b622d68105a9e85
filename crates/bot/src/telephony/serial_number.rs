//! Serial numbers, by voice and by keys.

use async_trait::async_trait;
use offhook_wire::activity::kind;
use serde_json::Value;

use super::collecting::Collecting;
use super::spelling::{Accepts, Heard, understand};
use crate::dialogs::{Context, Dialog, Next};
use crate::turns::{BotFault, Say};

/// Collects a number of letters and digits of which callers say as much at a time as they like: `A B 1`, `alpha bravo
/// one`, `B as in Berlin`. An `8` where a letter may stand could be an `A`: then the caller is asked which.
///
/// It is over with the number, and keeps that under its [`property`](Self::property) in the conversation's state if it
/// has one. What cannot be understood is counted in silence; after [two](Self::unexpected_inputs) such messages an
/// interruption may take what is said, so that a caller who gives up is heard.
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
/// use offhook_bot::telephony::SerialNumber;
///
/// let serial = SerialNumber::new(4, "Which serial number?").digits();
/// Conversation::with(Desk(Dialogs::new().with("it", serial)))
///     .is_called()
///     .says("Which serial number?")
///     .hears("four seven one one")
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SerialNumber {
    accepts: Accepts,
    length: usize,
    collecting: Collecting,
    confirmation: String,
    go_on: Option<String>,
    unexpected: u32,
}

const CHOICES: &str = "ambiguousChoices";
const UNEXPECTED: &str = "unexpectedInputCount";

impl SerialNumber {
    /// So many letters and digits.
    pub fn new(length: usize, prompt: impl Into<String>) -> Self {
        Self {
            accepts: Accepts::BOTH,
            length: length.max(1),
            collecting: Collecting::new(prompt),
            confirmation: "Did you mean {0} or {1}? Press 1 for the first, 2 for the second."
                .into(),
            go_on: None,
            unexpected: 2,
        }
    }

    /// Digits alone.
    #[must_use]
    pub fn digits(mut self) -> Self {
        self.accepts = Accepts::DIGITS;
        self
    }

    /// Letters alone.
    #[must_use]
    pub fn letters(mut self) -> Self {
        self.accepts = Accepts::LETTERS;
        self
    }

    /// What is asked when there are two ways to understand it, which stand for `{0}` and `{1}`.
    #[must_use]
    pub fn confirmation(mut self, template: impl Into<String>) -> Self {
        self.confirmation = template.into();
        self
    }

    /// What is said after that, when there is more to come.
    #[must_use]
    pub fn go_on(mut self, words: impl Into<String>) -> Self {
        self.go_on = Some(words.into());
        self
    }

    /// Where in the conversation's state the result is kept.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>) -> Self {
        self.collecting.property = Some(name.into());
        self
    }

    /// Asks again after an interruption also when something was collected, and forgets that.
    #[must_use]
    pub fn always_prompt(mut self, always: bool) -> Self {
        self.collecting.always_prompts = always;
        self
    }

    /// Whether an interruption may take what is said, from the beginning.
    #[must_use]
    pub fn allow_interruptions(mut self, allows: bool) -> Self {
        self.collecting.allows_interruptions = allows;
        self
    }

    /// What never interrupts, as long as the caller is understood.
    ///
    /// # Errors
    /// It is no regular expression.
    pub fn interruption_mask(mut self, pattern: &str) -> Result<Self, BotFault> {
        self.collecting.mask(pattern)?;
        Ok(self)
    }

    /// After how many messages that cannot be understood an interruption may take what is said.
    #[must_use]
    pub fn unexpected_inputs(mut self, count: u32) -> Self {
        self.unexpected = if count == 0 { 2 } else { count };
        self
    }

    async fn ask(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        cx.state().remove(CHOICES);
        self.collecting.ask(cx).await
    }

    async fn confirm(&self, cx: &mut Context<'_>, choices: &[String; 2]) -> Result<Next, BotFault> {
        let [first, second] = choices;
        let asks = self
            .confirmation
            .replace("{0}", first)
            .replace("{1}", second);
        cx.say(Say::text(asks).expecting_input()).await?;
        Ok(Next::Wait)
    }

    /// Whether that is all of it.
    async fn take(
        &self,
        cx: &mut Context<'_>,
        collected: String,
    ) -> Result<Option<Next>, BotFault> {
        if collected.chars().count() < self.length {
            Collecting::keep(cx, collected)?;
            return Ok(None);
        }
        self.collecting.end(cx, collected).await.map(Some)
    }
}

#[async_trait]
impl Dialog for SerialNumber {
    async fn begin(&self, cx: &mut Context<'_>, _options: Value) -> Result<Next, BotFault> {
        self.ask(cx).await
    }

    async fn activity(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        if !cx.turn().activity().is(kind::MESSAGE) || cx.text().is_empty() {
            return Ok(Next::Wait);
        }
        if let Some(choices) = cx.get::<[String; 2]>(CHOICES)? {
            let chosen = match cx.text().to_lowercase().trim_end_matches('.') {
                "1" | "one" | "first" | "the first" => 0,
                "2" | "two" | "second" | "the second" => 1,
                _ => return self.confirm(cx, &choices).await,
            };
            cx.state().remove(CHOICES);
            if let Some(over) = self.take(cx, choices[chosen].clone()).await? {
                return Ok(over);
            }
            if let Some(words) = &self.go_on {
                cx.say(Say::text(words.clone()).expecting_input()).await?;
            }
            return Ok(Next::Wait);
        }
        let collected = Collecting::collected(cx)?;
        let left = self.length.saturating_sub(collected.chars().count());
        match understand(cx.text(), left, self.accepts) {
            Heard::Nothing => {
                let count: u32 = cx.get(UNEXPECTED)?.unwrap_or_default();
                cx.set(UNEXPECTED, count.saturating_add(1))?;
                Ok(Next::Wait)
            }
            Heard::This(more) => {
                let over = self.take(cx, collected + &more).await?;
                Ok(over.unwrap_or(Next::Wait))
            }
            Heard::Either(more) => {
                let choices = more.map(|more| format!("{collected}{more}"));
                cx.set(CHOICES, &choices)?;
                self.confirm(cx, &choices).await
            }
        }
    }

    async fn resumed(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        self.ask(cx).await
    }

    fn may_be_interrupted(&self, cx: &Context<'_>) -> bool {
        if !cx.turn().activity().is(kind::MESSAGE) {
            return false;
        }
        let count: Option<u32> = cx.get(UNEXPECTED).ok().flatten();
        if count.unwrap_or_default() >= self.unexpected {
            return true;
        }
        self.collecting.may_be_interrupted_by(cx.text())
    }
}
