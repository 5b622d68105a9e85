//! Why callers were turned away: the rule tried, why it failed, what to change.

use std::time::SystemTime;

use offhook_engine::{Ending, NotReached, RejectReason};
use offhook_terms::{AppId, CallId, LegId};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::{from_ms, ms};
use crate::limits;

/// One refused call. Private data (who called) is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// When.
    pub at: SystemTime,
    /// The call, if there was one.
    pub call: Option<CallId>,
    /// The bot's leg, if there was one.
    pub leg: Option<LegId>,
    /// The bot, if one was called.
    pub bot: Option<AppId>,
    /// The rule that was tried, in a word or two: `bot decides in time`.
    pub rule: String,
    /// Why it failed.
    pub why: String,
    /// What somebody could change so that it does not fail again.
    pub change: String,
}

impl Refusal {
    /// The record of a call that ended before it was answered. `trouble` is what the outbox last
    /// met when it tried to tell the bot.
    pub(crate) fn of_ending(ending: Ending, trouble: Option<String>, at: SystemTime) -> Self {
        let (rule, why, change) = words(ending);
        Self {
            at,
            call: None,
            leg: None,
            bot: None,
            rule: rule.to_owned(),
            why: match trouble {
                Some(trouble) => format!("{why}; {trouble}"),
                None => why.to_owned(),
            },
            change: change.to_owned(),
        }
    }

    /// Names the call it is about.
    pub(crate) fn about(mut self, call: CallId, leg: LegId, bot: AppId) -> Self {
        self.call = Some(call);
        self.leg = Some(leg);
        self.bot = Some(bot);
        self
    }

    pub(super) fn tell(&self) {
        metrics::counter!("offhook_calls_refused_total", "rule" => self.rule.clone()).increment(1);
        tracing::info!(
            call = self.call.map(tracing::field::display),
            bot = self.bot.map(tracing::field::display),
            rule = %self.rule,
            why = %self.why,
            change = %self.change,
            "a call was refused"
        );
    }
}

fn words(ending: Ending) -> (&'static str, &'static str, &'static str) {
    match ending {
        Ending::BotRejected(RejectReason::Busy) => (
            "bot takes the call",
            "the bot rejected it as busy",
            "look at why the bot has no room",
        ),
        Ending::BotRejected(RejectReason::Forbidden) => (
            "bot takes the call",
            "the bot rejected it as forbidden",
            "look at whom the bot lets call",
        ),
        Ending::BotRejected(RejectReason::None) => (
            "bot takes the call",
            "the bot rejected it without a reason",
            "look at the bot's own log",
        ),
        Ending::BotDidNotDecide => (
            "bot decides in time",
            "the bot neither answered nor rejected within 15 seconds",
            "let the bot call answer or reject as soon as it is told of an incoming call",
        ),
        Ending::BotUnreachable => (
            "bot can be told",
            "the bot's webhook could not be told of the call",
            "check that the bot runs, that its webhook is right and that it accepts our token",
        ),
        Ending::CallerGaveUp | Ending::CallerHungUp => (
            "caller waits",
            "the caller gave up before the call was answered",
            "let the bot answer sooner",
        ),
        Ending::OfferRefused => (
            "phone offers audio we speak",
            "the phone offered no audio we can serve",
            "enable PCMU or PCMA with telephone-event in the phone",
        ),
        Ending::NotAcknowledged => (
            "phone acknowledges",
            "the phone never acknowledged the answer",
            "check that the phone can be reached at the address in its Contact",
        ),
        Ending::SignallingLost => (
            "phone stays reachable",
            "the connection to the phone was lost",
            "check the network between the phone and the platform",
        ),
        Ending::AudioLost => (
            "phone sends audio",
            "the phone's audio was lost",
            "check that UDP passes between the phone and media.rtp_ports",
        ),
        Ending::PlatformStopping => (
            "platform is up",
            "the platform was going down",
            "call again when it is up",
        ),
        Ending::BotHungUp => (
            "bot takes the call",
            "the bot hung up before it answered",
            "let the bot use reject for a call it does not want",
        ),
        Ending::KeepAliveMissed => (
            "bot keeps the call",
            "the bot sent no keepAlive",
            "let the bot send keepAlive every 15 minutes",
        ),
        Ending::NotReached(why) => {
            let (why, change) = not_reached(why);
            ("the called party comes", why, change)
        }
        Ending::Transferred | Ending::Redirected | Ending::Removed | Ending::OthersLeft => (
            "the call goes on",
            "the call went on without this bot",
            "nothing: this is as the bot asked",
        ),
        Ending::Fault => (
            "platform works",
            "a fault of the platform's own ended the call",
            "report it, with the log around this time",
        ),
    }
}

fn not_reached(why: NotReached) -> (&'static str, &'static str) {
    match why {
        NotReached::Declined => ("they declined", "nothing: they did not want to"),
        NotReached::Busy => ("they were busy", "call again later"),
        NotReached::NoAnswer => ("they did not answer in time", "let it ring longer"),
        NotReached::Nobody => (
            "they have no device that could ring",
            "register a phone for them",
        ),
        NotReached::Unreachable => (
            "their device or the trunk could not be reached",
            "check the network between it and the platform",
        ),
        NotReached::NotRouted => (
            "the number may not be dialled from here",
            "list its prefix in `allow` of one of [[trunks]]",
        ),
        NotReached::NoCommonMedia => (
            "there were no common media",
            "enable a codec that the platform speaks in the phone",
        ),
        NotReached::Refused => (
            "the far side refused",
            "look at what the phone or the trunk says of it",
        ),
        NotReached::Cancelled => (
            "the call ended meanwhile",
            "nothing: it was not wanted any more",
        ),
    }
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    refusal: &Refusal,
) -> sqlx::Result<()> {
    let written = sqlx::query(
        "INSERT INTO refusals (at, call, leg, bot, rule, why, change) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(ms(refusal.at))
    .bind(refusal.call.map(|id| id.to_string()))
    .bind(refusal.leg.map(|id| id.to_string()))
    .bind(refusal.bot.map(|id| id.to_string()))
    .bind(refusal.rule.as_str())
    .bind(refusal.why.as_str())
    .bind(refusal.change.as_str())
    .execute(&mut *connection)
    .await?;
    let oldest = written.last_insert_rowid() - limits::REFUSALS_KEPT;
    // Rarely more than one, and by primary key.
    sqlx::query("DELETE FROM refusals WHERE id <= ?")
        .bind(oldest)
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn latest(pool: &SqlitePool, at_most: u32) -> sqlx::Result<Vec<Refusal>> {
    let rows = sqlx::query(
        "SELECT at, call, leg, bot, rule, why, change FROM refusals ORDER BY id DESC LIMIT ?",
    )
    .bind(at_most)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Refusal {
                at: from_ms(row.try_get(0)?),
                call: id(row.try_get(1)?),
                leg: id(row.try_get(2)?),
                bot: id(row.try_get(3)?),
                rule: row.try_get(4)?,
                why: row.try_get(5)?,
                change: row.try_get(6)?,
            })
        })
        .collect()
}

fn id<I: std::str::FromStr>(text: Option<String>) -> Option<I> {
    text?.parse().ok()
}
