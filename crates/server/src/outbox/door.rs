//! The way to one bot: its client, its seats, its token.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::HeaderValue;
use offhook_identity::Minted;
use tokio::sync::Semaphore;

use super::queue::Target;
use crate::limits;
use crate::login::Login;
use crate::outgoing::Outgoing;
use crate::registry::Bot;

pub(super) struct BotDoor {
    pub(super) bot: Arc<Bot>,
    pub(super) outgoing: Outgoing,
    /// As many requests as may be on their way to this bot.
    pub(super) seats: Semaphore,
    webhook: Arc<Target>,
    token: Mutex<Option<(Minted, HeaderValue)>>,
    legs: AtomicU64,
}

impl BotDoor {
    /// `None` when the bot's webhook cannot be written in HTTP, which no parsed URL is.
    pub(super) fn new(bot: Arc<Bot>, outgoing: Outgoing) -> Option<Self> {
        let webhook = Arc::new(Target::new(&bot.webhook)?);
        Some(Self {
            bot,
            outgoing,
            seats: Semaphore::new(limits::DELIVERIES_PER_BOT_MAX),
            webhook,
            token: Mutex::new(None),
            legs: AtomicU64::new(0),
        })
    }

    pub(super) fn webhook(&self) -> Arc<Target> {
        Arc::clone(&self.webhook)
    }

    /// How many legs the bot has had before this one.
    pub(super) fn legs_opened(&self) -> u64 {
        self.legs.fetch_add(1, Ordering::Relaxed)
    }

    /// The `Authorization` header of a delivery; signed once an hour, because a signature costs as
    /// much as ten deliveries.
    pub(super) fn authorization(&self, login: &Login, now: SystemTime) -> Option<HeaderValue> {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((minted, header)) = &*token
            && !minted.is_due(now)
        {
            return Some(header.clone());
        }
        let minted = match login.notification_token(&self.bot, now) {
            Ok(minted) => minted,
            Err(why) => {
                tracing::error!(bot = %self.bot.app, %why, "a notification token was not signed");
                return None;
            }
        };
        let text = format!("Bearer {}", minted.token.reveal());
        let mut header = HeaderValue::try_from(text).ok()?;
        header.set_sensitive(true);
        *token = Some((minted, header.clone()));
        Some(header)
    }

    #[cfg(test)]
    pub(super) fn for_tests() -> Arc<Self> {
        let bot = Arc::new(Bot::for_tests("https://b.example/"));
        let trust = crate::outgoing::trust_nobody();
        let outgoing = Outgoing::new(bot.guard.clone(), trust);
        Arc::new(Self::new(bot, outgoing).expect("a webhook"))
    }
}
