//! The Telephony channel: a call is a conversation of activities (Bot Framework Activity protocol,
//! Connector REST API version 3).
//!
//! ```text
//!   call task ── Told ──▶ from_engine ──▶ queue of the line ──▶ delivery: one turn at a time ──▶ bot
//!   call task ◀─ TalkNews ── to_engine ◀── routes: the connector ◀──────────────────────────── bot
//! ```
//!
//! A bot answers while it is being told, by requests of its own, so nothing here waits for a turn that
//! is open. A slow turn delays what its bot is told next and nothing else.

mod attachments;
mod delivery;
mod from_engine;
mod microsoft;
mod refused;
mod routes;
mod settings;
mod to_engine;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Uri};
use offhook_engine::{EndCode, Ending, Handoff, Heard, NotQueued, Party, Said, TapeCommand, Told};
use offhook_identity::Minted;
use offhook_terms::{AppId, CallId, LegId, OperationId, Private};
use offhook_wire::activity::{Activity, ChannelAccount};
use tokio::sync::{Notify, Semaphore, oneshot};
use url::Url;

use crate::calls::{Message, post};
use crate::config::{BotAuthentication, Protocol};
use crate::http::PublicBase;
use crate::login::Login;
use crate::outgoing::{Clients, Outgoing};
use crate::prompts::Prompts;
use crate::registry::{Bot, Registry};
use crate::store::{LostLeg, Store};
use crate::switchboard::Switchboard;
use crate::tapes::Tapes;
use crate::{clock, limits};

pub(crate) use from_engine::{account, timestamp};
pub(crate) use microsoft::Home;
pub(crate) use routes::{handle, is_ours};
pub use settings::{BotSettings, BotSettingsError, bot_settings};

use attachments::Attachments;
use microsoft::Microsoft;

/// Something that a conversation of a call is to hear of.
pub(crate) enum TalkNews {
    /// The bot says something.
    Said(Box<Said>, oneshot::Sender<Result<(), NotQueued>>),
    /// The bot says something else than it wanted to say.
    Changed(Box<Said>, oneshot::Sender<Result<(), NotQueued>>),
    /// The bot takes back what it wanted to say.
    TakenBack(String, oneshot::Sender<Result<(), NotQueued>>),
    /// The bot wants the call to end.
    Ends {
        /// Not after what was said before, but now.
        at_once: bool,
    },
    /// The bot did something that says nothing.
    Alive,
    /// The bot has done with what it was told.
    TurnDone,
    /// The bot failed at what it was told.
    TurnFailed,
    /// The bot cannot be told.
    Unreachable,
    /// The caller begins to speak.
    SpeechBegan(u64),
    /// Words were made of what the caller said.
    Heard(Heard),
    /// No words could be made of it.
    NotUnderstood(u64),
    /// The bot commands something of the recording of its call.
    Tape(Box<TapeCommand>),
    /// An order about the recording was carried out, or could not be.
    Taped {
        /// Which.
        ticket: u64,
        /// Whether it was.
        is_done: bool,
    },
    /// The recording cannot be written any more.
    TapeBroken,
    /// The bot wants its caller to go on with somebody else.
    Handoff(Box<Handoff>, oneshot::Sender<Result<(), NotQueued>>),
}

/// The conversations of all bots that speak this protocol. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Channel {
    shared: Arc<Shared>,
}

struct Shared {
    doors: HashMap<AppId, Arc<BotDoor>>,
    lines: Mutex<HashMap<LegId, Line>>,
    login: Arc<Login>,
    switchboard: Switchboard,
    prompts: Arc<Prompts>,
    registry: Arc<Registry>,
    tapes: Arc<Tapes>,
    store: Store,
    attachments: Attachments,
    microsoft: Microsoft,
    /// Told whenever a queue has run empty.
    emptied: Notify,
}

/// The way to one bot.
struct BotDoor {
    bot: Arc<Bot>,
    outgoing: Outgoing,
    /// Where it hears of conversations.
    endpoint: Uri,
    /// Where it answers.
    service_url: String,
    /// As many turns as may be open at this bot.
    seats: Semaphore,
    token: Mutex<Option<(Minted, HeaderValue)>>,
}

/// One conversation.
struct Line {
    call: CallId,
    door: Arc<BotDoor>,
    /// Who is at the other end, once that is known.
    caller: ChannelAccount,
    /// The bot, by the number it was called on.
    bot: ChannelAccount,
    locale: String,
    /// What came with the call beside who calls, in headers of the SIP request.
    headers: Vec<(String, Private<String>)>,
    waiting: VecDeque<Waiting>,
    /// Requests of the bot that have no answer yet, and what came of them meanwhile: the bot is told
    /// when it knows their ids.
    unanswered: HashMap<String, Vec<Activity>>,
    delivering: bool,
    /// The bot was told, or is about to be, that it is over: what it still says is for nobody.
    is_over: bool,
    /// The leg is gone. The line goes when everything in it has been told.
    is_closed: bool,
}

/// An activity that waits to be told.
struct Waiting {
    activity: Activity,
    turn: Turn,
}

/// What a turn is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There is a caller.
    Start,
    /// Something the caller did, or that came of something the bot did.
    Input,
    /// It is over.
    End,
}

impl Channel {
    pub(crate) fn new(
        registry: &Arc<Registry>,
        clients: &Clients,
        login: Arc<Login>,
        switchboard: Switchboard,
        prompts: Arc<Prompts>,
        kept: (Arc<Tapes>, Store),
        base: &PublicBase,
    ) -> Self {
        let (tapes, store) = kept;
        let door = |bot: &Bot| {
            let bot = registry.speaks(bot.app, Protocol::Telephony)?;
            let outgoing = clients.get(&bot.app)?.clone();
            let door = BotDoor {
                endpoint: bot.webhook.as_str().parse().ok()?,
                service_url: service_url(base.own(), bot),
                bot: Arc::clone(bot),
                outgoing,
                seats: Semaphore::new(limits::DELIVERIES_PER_BOT_MAX),
                token: Mutex::new(None),
            };
            Some((bot.app, Arc::new(door)))
        };
        Self {
            shared: Arc::new(Shared {
                doors: registry.bots().filter_map(door).collect(),
                lines: Mutex::default(),
                login,
                switchboard,
                prompts,
                registry: Arc::clone(registry),
                tapes,
                store,
                attachments: Attachments::default(),
                microsoft: Microsoft::default(),
                emptied: Notify::new(),
            }),
        }
    }

    /// A caller dialled this on their way to a bot's leg; `headers` is what came with the call.
    pub(crate) fn dialled(
        &self,
        call: CallId,
        leg: LegId,
        bot: AppId,
        number: &str,
        headers: Vec<(String, Private<String>)>,
    ) {
        self.open(call, leg, bot);
        if let Some(line) = self.shared.lines().get_mut(&leg) {
            line.bot.name = Some(Private::new(number.to_owned()));
            line.headers = headers;
        }
    }

    /// A call was handed to a bot with this.
    pub(crate) fn told(&self, leg: LegId, headers: Vec<(String, Private<String>)>) {
        if let Some(line) = self.shared.lines().get_mut(&leg) {
            line.headers = headers;
        }
    }

    /// A bot's leg begins.
    pub(crate) fn open(&self, call: CallId, leg: LegId, bot: AppId) {
        if let Some(door) = self.shared.doors.get(&bot) {
            let mut lines = self.shared.lines();
            lines.entry(leg).or_insert_with(|| Line::new(call, door));
        }
    }

    /// The leg has ended, or never began.
    pub(crate) fn close(&self, leg: LegId) {
        self.shared.attachments.forget(leg);
        let mut lines = self.shared.lines();
        let idle = lines.get_mut(&leg).is_some_and(|line| {
            line.is_closed = true;
            !line.delivering
        });
        if idle {
            lines.remove(&leg);
            drop(lines);
            self.shared.store.leg_settled(leg);
        }
    }

    /// Tells bots of the conversations that the last process left behind, and gives back the legs that
    /// were none.
    pub(crate) fn revive(&self, lost: Vec<LostLeg>) -> Vec<LostLeg> {
        let (ours, others): (Vec<_>, Vec<_>) = lost
            .into_iter()
            .partition(|lost| self.shared.doors.contains_key(&lost.bot));
        for lost in ours {
            self.open(lost.call, lost.leg, lost.bot);
            if let Some(line) = self.shared.lines().get_mut(&lost.leg) {
                // Who it was is written nowhere.
                let id = Private::new(lost.leg.to_string());
                line.caller.id = Some(id);
                line.caller.role = Some("user".to_owned());
            }
            let (code, why) = (EndCode::ChannelFailed, Ending::PlatformStopping);
            self.tell(lost.leg, Told::Ended { code, why }, None);
            self.close(lost.leg);
        }
        others
    }

    /// The bot of this leg is told something. `other` is who is at the other end.
    pub(crate) fn tell(&self, leg: LegId, told: Told, other: Option<&Party>) {
        let turn = match &told {
            Told::Started => Turn::Start,
            Told::Ended { .. } => Turn::End,
            _ => Turn::Input,
        };
        let activity = {
            let mut lines = self.shared.lines();
            let Some(line) = lines.get_mut(&leg) else {
                return;
            };
            if let (Turn::Start, Some(party)) = (turn, other) {
                line.caller = from_engine::account(leg, party);
            }
            if turn == Turn::Start {
                // From now on the bot is owed an end.
                let (call, bot) = (line.call, line.door.bot.app);
                self.shared.store.leg_opened(leg, call, bot);
            }
            line.is_over |= turn == Turn::End;
            if turn == Turn::End {
                // Before the end, whoever waits for what.
                let early = std::mem::take(&mut line.unanswered);
                for activity in early.into_values().flatten() {
                    let activity = line.addressed(leg, activity);
                    line.waiting.push_back(Waiting {
                        activity,
                        turn: Turn::Input,
                    });
                }
            }
            from_engine::activity(told, &line.call, &line.headers)
        };
        match turn {
            Turn::Input => self.shared.push_result(leg, activity),
            Turn::Start | Turn::End => self.shared.push(leg, activity, turn),
        }
    }

    /// How many activities wait, all conversations together.
    pub(crate) fn waiting(&self) -> usize {
        let lines = self.shared.lines();
        lines.values().map(|line| line.waiting.len()).sum()
    }

    /// Waits until every queue is empty.
    pub(crate) async fn drain(&self) {
        loop {
            let mut more = std::pin::pin!(self.shared.emptied.notified());
            // From here on no emptied queue is missed, even if it empties while we look.
            more.as_mut().enable();
            if !self.shared.lines().values().any(|line| line.delivering) {
                return;
            }
            more.await;
        }
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, HashMap<LegId, Line>> {
        // Nothing that can panic happens under this lock; a poisoned one is still whole.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an activity for the bot of a leg.
    fn push(self: &Arc<Self>, leg: LegId, activity: Activity, turn: Turn) {
        let begins = {
            let mut lines = self.lines();
            let Some(line) = lines.get_mut(&leg) else {
                return;
            };
            if turn == Turn::Input && line.waiting.len() >= limits::ACTIVITIES_PER_LINE_MAX {
                metrics::counter!("offhook_activities_dropped_total").increment(1);
                return;
            }
            let activity = line.addressed(leg, activity);
            line.waiting.push_back(Waiting { activity, turn });
            !std::mem::replace(&mut line.delivering, true)
        };
        if begins {
            tokio::spawn(delivery::run(Arc::clone(self), leg));
        }
    }

    /// Queues what came of something the bot asked, unless it has no answer to that yet.
    fn push_result(self: &Arc<Self>, leg: LegId, activity: Activity) {
        {
            let mut lines = self.lines();
            let line = lines.get_mut(&leg);
            let asked = activity.reply_to_id.as_ref();
            let early = line.and_then(|line| line.unanswered.get_mut(asked?));
            if let Some(early) = early {
                return early.push(activity);
            }
        }
        self.push(leg, activity, Turn::Input);
    }

    /// The bot is asking for something, and what comes of it waits for the answer.
    fn asks(&self, leg: LegId, id: &str) {
        if let Some(line) = self.lines().get_mut(&leg) {
            line.unanswered.insert(id.to_owned(), Vec::new());
        }
    }

    /// The bot has its answer.
    fn answered(self: &Arc<Self>, leg: LegId, id: &str) {
        let early = {
            let mut lines = self.lines();
            lines
                .get_mut(&leg)
                .and_then(|line| line.unanswered.remove(id))
        };
        for activity in early.unwrap_or_default() {
            self.push(leg, activity, Turn::Input);
        }
    }

    /// Tells the call of a leg what became of its conversation. What comes too late is for nobody.
    fn news(&self, bot: AppId, leg: LegId, news: TalkNews) {
        if let Some(mailbox) = self.switchboard.seat_of(bot, leg) {
            post(&mailbox, Message::Talk { leg, news });
        }
    }
}

impl Line {
    fn new(call: CallId, door: &Arc<BotDoor>) -> Self {
        Self {
            call,
            caller: ChannelAccount::default(),
            bot: from_engine::bot(&door.bot),
            locale: door.bot.talk.locale.clone(),
            door: Arc::clone(door),
            headers: Vec::new(),
            waiting: VecDeque::new(),
            unanswered: HashMap::new(),
            delivering: false,
            is_over: false,
            is_closed: false,
        }
    }

    /// With everything that is the same in all activities of a conversation.
    fn addressed(&self, leg: LegId, mut activity: Activity) -> Activity {
        activity.id = Some(new_id());
        activity.timestamp = Some(from_engine::timestamp(clock::wall()));
        activity.channel_id = Some(offhook_wire::activity::CHANNEL.to_owned());
        activity.service_url = Some(Private::new(self.door.service_url.clone()));
        activity.from = Some(self.caller.clone());
        activity.recipient = Some(self.bot.clone());
        activity.conversation = Some(from_engine::conversation(leg));
        if let Some(members) = &mut activity.members_added {
            members.push(self.caller.clone());
        }
        activity.locale.get_or_insert_with(|| self.locale.clone());
        if self.door.bot.talk.expect_replies {
            activity.delivery_mode = Some("expectReplies".to_owned());
        }
        activity
    }
}

impl BotDoor {
    /// The `Authorization` header of what this bot is sent, if it wants one; made once an hour.
    ///
    /// # Errors
    /// Why there is none, in words for an operator.
    async fn authorization(&self, shared: &Shared) -> Result<Option<HeaderValue>, String> {
        match self.bot.talk.authentication {
            BotAuthentication::Open => Ok(None),
            BotAuthentication::Own => self.own_token(&shared.login).map(Some),
            BotAuthentication::Microsoft => {
                let header = shared.microsoft.authorization(&self.bot).await;
                header
                    .map(Some)
                    .map_err(|why| format!("no token for it can be had: {why}"))
            }
        }
    }

    fn own_token(&self, login: &Login) -> Result<HeaderValue, String> {
        let now = clock::wall();
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((minted, header)) = &*token
            && !minted.is_due(now)
        {
            return Ok(header.clone());
        }
        let minted = login.activity_token(&self.bot, &self.service_url, now);
        let minted = minted.map_err(|why| format!("its token was not signed: {why}"))?;
        let text = format!("Bearer {}", minted.token.reveal());
        let mut header = HeaderValue::try_from(text).map_err(|why| why.to_string())?;
        header.set_sensitive(true);
        *token = Some((minted, header.clone()));
        Ok(header)
    }
}

/// Where a bot answers. An open one answers at an address that nobody can guess.
pub(crate) fn service_url(base: &str, bot: &Bot) -> String {
    match bot.talk.authentication {
        BotAuthentication::Open => format!("{base}/s/{}/", bot.talk.key.reveal()),
        BotAuthentication::Own | BotAuthentication::Microsoft => format!("{base}/"),
    }
}

/// Ids of activities: GUIDs, as bots expect them.
fn new_id() -> String {
    OperationId::from_random(rand::random()).to_string()
}

/// The bytes of an activity. `None` never: it is plain data.
fn bytes(activity: &Activity) -> Bytes {
    let text = serde_json::to_vec(activity);
    text.expect("an activity is plain data, which always prints")
        .into()
}

/// For whoever is called by a bot: where that bot hears of calls, for want of another address.
fn callback(bot: &Bot) -> &Url {
    &bot.webhook
}
