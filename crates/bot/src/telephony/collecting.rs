//! What the bot dialogs that collect an answer piece by piece have in common.

use regex::Regex;
use serde::Serialize;

use crate::dialogs::{Context, Next};
use crate::turns::{BotFault, Say};

/// Where in their state what was collected is.
const COLLECTED: &str = "aggregation";

/// The question, what becomes of the answer, and what may interrupt it.
#[derive(Debug, Clone)]
pub(super) struct Collecting {
    pub(super) prompt: String,
    pub(super) property: Option<String>,
    pub(super) always_prompts: bool,
    pub(super) allows_interruptions: bool,
    pub(super) mask: Option<Regex>,
}

impl Collecting {
    pub(super) fn new(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            property: None,
            always_prompts: false,
            allows_interruptions: false,
            mask: None,
        }
    }

    pub(super) fn mask(&mut self, pattern: &str) -> Result<(), BotFault> {
        self.mask = Some(Regex::new(pattern).map_err(BotFault::new)?);
        Ok(())
    }

    /// Asks, unless something was collected already and that is enough to give up.
    pub(super) async fn ask(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        if !Self::collected(cx)?.is_empty() {
            if !self.always_prompts {
                return Ok(Next::end());
            }
            Self::keep(cx, "")?;
        }
        let asks = Say::text(self.prompt.clone()).expecting_input();
        cx.say(asks).await?;
        Ok(Next::Wait)
    }

    pub(super) fn collected(cx: &Context<'_>) -> Result<String, BotFault> {
        Ok(cx.get(COLLECTED)?.unwrap_or_default())
    }

    pub(super) fn keep(cx: &mut Context<'_>, collected: impl Serialize) -> Result<(), BotFault> {
        cx.set(COLLECTED, collected)
    }

    /// That is all of it.
    pub(super) async fn end(&self, cx: &mut Context<'_>, all: String) -> Result<Next, BotFault> {
        if let Some(property) = &self.property {
            cx.conversation().await?.set(property, &all)?;
        }
        Ok(Next::End(all.into()))
    }

    /// Whether an interruption may take what is said.
    pub(super) fn may_be_interrupted_by(&self, said: &str) -> bool {
        let is_masked = |mask: &Regex| mask.is_match(said);
        self.allows_interruptions && !self.mask.as_ref().is_some_and(is_masked)
    }
}
