//! Keys that belong together.

use async_trait::async_trait;
use offhook_wire::activity::kind;
use regex::Regex;
use serde_json::Value;

use super::collecting::Collecting;
use crate::dialogs::{Context, Dialog, Next};
use crate::turns::BotFault;

/// Collects what is pressed until it is complete: by its length, by a key that ends it, or by a regular expression.
///
/// It is over with what was collected, as a text, and keeps that under its
/// [`property`](Self::property) in the conversation's state if it has one. Of messages that are no keys (`0`–`9`, `*`,
/// `#`) a batch by length or by an ending key takes no notice; a regular expression is matched with whatever is said.
///
/// Interruptions are off unless they are [allowed](Self::allow_interruptions). After one the question is asked again;
/// but where something was collected already, the batch is over with nothing, unless it
/// [always asks](Self::always_prompt).
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
/// use offhook_bot::telephony::Batch;
///
/// let pin = Batch::until('#', "Your account number, and then hash.").property("account");
/// Conversation::with(Desk(Dialogs::new().with("it", pin)))
///     .is_called()
///     .says("Your account number, and then hash.")
///     .presses("4711#")
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Batch {
    rule: Rule,
    collecting: Collecting,
    is_trimmed: bool,
}

#[derive(Debug, Clone)]
enum Rule {
    Length(usize),
    Ends(char),
    Matches(Regex),
}

impl Batch {
    /// So many keys. A message of several may bring more than that: they are kept, unless it is
    /// [trimmed](Self::trimmed).
    pub fn length(keys: usize, prompt: impl Into<String>) -> Self {
        Self::new(Rule::Length(keys.max(1)), prompt)
    }

    /// Until this key, which is part of the result, unless it is [trimmed](Self::trimmed).
    pub fn until(key: char, prompt: impl Into<String>) -> Self {
        Self::new(Rule::Ends(key), prompt)
    }

    /// Until this regular expression is found in what was collected.
    ///
    /// # Errors
    /// It is no regular expression (of the `regex` crate: it has no look-around and no back-references).
    pub fn matching(pattern: &str, prompt: impl Into<String>) -> Result<Self, BotFault> {
        let pattern = Regex::new(pattern).map_err(BotFault::new)?;
        Ok(Self::new(Rule::Matches(pattern), prompt))
    }

    fn new(rule: Rule, prompt: impl Into<String>) -> Self {
        let mut collecting = Collecting::new(prompt);
        // Digits belong to the batch and never interrupt it; `*` and `#` may.
        collecting.mask = match rule {
            Rule::Matches(_) => None,
            Rule::Length(_) | Rule::Ends(_) => Regex::new("^[0-9]+$").ok(),
        };
        Self {
            rule,
            collecting,
            is_trimmed: false,
        }
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

    /// Whether an interruption may take what is said.
    #[must_use]
    pub fn allow_interruptions(mut self, allows: bool) -> Self {
        self.collecting.allows_interruptions = allows;
        self
    }

    /// What never interrupts, whatever is allowed.
    ///
    /// # Errors
    /// It is no regular expression.
    pub fn interruption_mask(mut self, pattern: &str) -> Result<Self, BotFault> {
        self.collecting.mask(pattern)?;
        Ok(self)
    }

    /// Cuts the result to its length, or leaves the ending key out.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        self.is_trimmed = true;
        self
    }

    fn takes(&self, said: &str) -> bool {
        let is_key = |key: char| key.is_ascii_digit() || matches!(key, '*' | '#');
        match self.rule {
            Rule::Matches(_) => true,
            Rule::Length(_) | Rule::Ends(_) => !said.is_empty() && said.chars().all(is_key),
        }
    }

    /// What was collected, when it is complete.
    fn complete(&self, collected: &str) -> Option<String> {
        let (is_complete, trimmed) = match &self.rule {
            Rule::Length(keys) => {
                let first: String = collected.chars().take(*keys).collect();
                (collected.chars().count() >= *keys, first)
            }
            Rule::Ends(key) => {
                let before = collected.strip_suffix(*key);
                (before.is_some(), before.unwrap_or_default().to_owned())
            }
            Rule::Matches(pattern) => (pattern.is_match(collected), collected.to_owned()),
        };
        is_complete.then(|| match self.is_trimmed {
            true => trimmed,
            false => collected.to_owned(),
        })
    }
}

/// Digits as keyboards write them: recognisers give wide and other ones too.
fn plain(said: &str) -> String {
    let plain = |letter: char| match u32::from(letter) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(letter),
        arabic @ 0x0660..=0x0669 => char::from_u32(arabic - 0x0660 + 0x30).unwrap_or(letter),
        persian @ 0x06f0..=0x06f9 => char::from_u32(persian - 0x06f0 + 0x30).unwrap_or(letter),
        _ => letter,
    };
    said.chars().map(plain).collect()
}

#[async_trait]
impl Dialog for Batch {
    async fn begin(&self, cx: &mut Context<'_>, _options: Value) -> Result<Next, BotFault> {
        self.collecting.ask(cx).await
    }

    async fn activity(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        if !cx.turn().activity().is(kind::MESSAGE) {
            return Ok(Next::Wait);
        }
        let said = plain(cx.text());
        if !self.takes(&said) {
            return Ok(Next::Wait);
        }
        let mut collected = Collecting::collected(cx)?;
        if collected.len() + said.len() > crate::limits::BATCH_BYTES_MAX {
            return Err(BotFault::new("more was pressed than a batch can hold"));
        }
        collected.push_str(&said);
        let Some(result) = self.complete(&collected) else {
            Collecting::keep(cx, collected)?;
            return Ok(Next::Wait);
        };
        self.collecting.end(cx, result).await
    }

    async fn resumed(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        self.collecting.ask(cx).await
    }

    fn may_be_interrupted(&self, cx: &Context<'_>) -> bool {
        cx.turn().activity().is(kind::MESSAGE)
            && self.collecting.may_be_interrupted_by(&plain(cx.text()))
    }
}
