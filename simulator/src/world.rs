//! Calls of the engine, and everything around them.

mod audio;
mod bots;
mod drive;
mod people;
mod signalling;
mod switchboard;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use expect_test::Expect;
use offhook_engine::{Call, Description, Fact, Loss, NotReached, Signal};
use offhook_terms::{CallId, LegId, OperationId};

use crate::agenda::{Agenda, Happening};
use crate::bot::BotScript;
use crate::ladder::Ladder;
use crate::phone::{Phone, PhoneScript, PhoneState};
use crate::room::{Clip, Room};

/// How long a prompt takes to fetch unless a test says otherwise.
const FETCH: Duration = Duration::from_millis(30);

/// A little world of phones, calls and bots in virtual time.
pub struct World {
    origin: Instant,
    now: Duration,
    drawn: Duration,
    calls: BTreeMap<CallId, Call>,
    rooms: BTreeMap<CallId, Room>,
    /// The call each phone's leg belongs to.
    owners: BTreeMap<LegId, CallId>,
    phones: BTreeMap<LegId, Phone>,
    bots: BTreeMap<LegId, &'static str>,
    /// The call each bot's leg belongs to.
    bot_calls: BTreeMap<LegId, CallId>,
    /// The names of bots, by number: an application's id is its place.
    apps: Vec<&'static str>,
    people: Vec<&'static str>,
    unreachable: BTreeMap<&'static str, NotReached>,
    meeting: Option<CallId>,
    /// Bots that want to handle their audio themselves.
    pub(crate) app_hosted: BTreeSet<&'static str>,
    legs: u128,
    pub(crate) bots_down: BTreeSet<&'static str>,
    giving_up: BTreeSet<LegId>,
    clips: BTreeMap<String, Clip>,
    operations: u128,
    signalling_delay: Duration,
    pub(crate) agenda: Agenda,
    told: Vec<Fact>,
    /// Legs of bots that were told something.
    told_legs: BTreeSet<LegId>,
    ladder: Ladder,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

// What a test says.
impl World {
    /// An empty world at time zero.
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
            now: Duration::ZERO,
            drawn: Duration::ZERO,
            calls: BTreeMap::new(),
            rooms: BTreeMap::new(),
            owners: BTreeMap::new(),
            phones: BTreeMap::new(),
            bots: BTreeMap::new(),
            bot_calls: BTreeMap::new(),
            apps: Vec::new(),
            people: Vec::new(),
            unreachable: BTreeMap::new(),
            meeting: None,
            app_hosted: BTreeSet::new(),
            legs: 0,
            bots_down: BTreeSet::new(),
            giving_up: BTreeSet::new(),
            clips: BTreeMap::new(),
            operations: 0,
            signalling_delay: Duration::ZERO,
            agenda: Agenda::default(),
            told: Vec::new(),
            told_legs: BTreeSet::new(),
            ladder: Ladder::default(),
        }
    }

    /// The phone.
    pub fn phone(&mut self) -> PhoneScript<'_> {
        PhoneScript {
            world: self,
            name: "phone",
            bot_name: "bot",
        }
    }

    /// A phone of this name. It calls the bot.
    pub fn phone_named(&mut self, name: &'static str) -> PhoneScript<'_> {
        PhoneScript {
            world: self,
            name,
            bot_name: "bot",
        }
    }

    /// A bot of this name, which begins with `bot`. One that differs in a `'` at the end is another
    /// leg of the same bot.
    pub fn bot_named(&mut self, name: &'static str) -> BotScript<'_> {
        BotScript { world: self, name }
    }

    /// Whoever calls this one will hear that it cannot be reached.
    pub fn nobody_reaches(&mut self, name: &'static str, why: NotReached) {
        self.unreachable.insert(name, why);
    }

    /// Another phone, which calls another bot.
    pub fn phone2(&mut self) -> PhoneScript<'_> {
        PhoneScript {
            world: self,
            name: "phone2",
            bot_name: "bot2",
        }
    }

    /// The bot.
    pub fn bot(&mut self) -> BotScript<'_> {
        BotScript {
            world: self,
            name: "bot",
        }
    }

    /// Another bot.
    pub fn bot2(&mut self) -> BotScript<'_> {
        BotScript {
            world: self,
            name: "bot2",
        }
    }

    /// There is a prompt of this length. What is not there cannot be fetched.
    pub fn prompt(&mut self, uri: &str, length: Duration) {
        self.clip(uri, length, FETCH, true);
    }

    /// There is a prompt that takes long to fetch.
    pub fn slow_prompt(&mut self, uri: &str, length: Duration, fetch: Duration) {
        self.clip(uri, length, fetch, true);
    }

    /// There is a file that is no prompt.
    pub fn not_a_prompt(&mut self, uri: &str) {
        self.clip(uri, Duration::ZERO, FETCH, false);
    }

    /// What the call asks of phones gets to the wire only so much later.
    pub fn signalling_takes(&mut self, delay: Duration) {
        self.signalling_delay = delay;
    }

    /// The platform goes down.
    pub fn stops(&mut self) {
        self.note("server", "is told to stop");
        let ids: Vec<CallId> = self.calls.keys().copied().collect();
        for id in ids {
            self.with_call(id, |call, now| call.handle_stop(now));
        }
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.next_at().filter(|at| *at <= until) {
            self.step(at);
        }
        self.now = until;
    }

    /// Lets time pass until a bot is told a fact like this.
    ///
    /// # Panics
    ///
    /// When that does not happen before the world comes to rest.
    pub fn until(&mut self, is_it: impl Fn(&Fact) -> bool) {
        self.told.clear();
        while !self.told.iter().any(&is_it) {
            let at = self.next_at().unwrap_or_else(|| {
                panic!(
                    "the world is at rest, and it did not happen:\n{}",
                    self.ladder.picture()
                )
            });
            self.step(at);
        }
    }

    /// Lets time pass until an operation ends.
    pub fn until_an_operation_ends(&mut self) {
        self.until(|fact| matches!(fact, Fact::OperationEnded { .. }));
    }

    /// A call that rang, was answered by the bot after a moment, and stands.
    pub fn phone_talks_to_bot(&mut self) {
        self.phone().calls();
        self.wait(Duration::from_millis(100));
        self.bot().answers();
        self.wait(Duration::from_millis(100));
    }

    /// Compares what happened with the picture a test has of it.
    pub fn check_ladder(&self, expected: Expect) {
        expected.assert_eq(&self.ladder.picture());
    }

    /// Starts the picture over: what was drawn so far is another test's story.
    pub fn forget_ladder(&mut self) {
        self.ladder = Ladder::default();
        self.drawn = self.now;
    }

    /// Operations are numbered from 1 in the picture, and the number is the id.
    pub(crate) fn new_operation(&mut self) -> OperationId {
        self.operations += 1;
        OperationId::from_bits(self.operations)
    }
}

// Time.
impl World {
    pub(crate) fn after(&self, delay: Duration) -> Duration {
        self.now + delay
    }

    fn instant(&self) -> Instant {
        self.origin + self.now
    }

    fn next_at(&self) -> Option<Duration> {
        let deadlines = self.calls.values().filter_map(Call::next_deadline);
        let deadline = deadlines.min().map(|at| at - self.origin);
        [self.agenda.next_at(), deadline]
            .into_iter()
            .flatten()
            .min()
    }

    fn step(&mut self, at: Duration) {
        self.now = self.now.max(at);
        if let Some(happening) = self.agenda.take_due(self.now) {
            return self.happen(happening);
        }
        let ids: Vec<CallId> = self.calls.keys().copied().collect();
        for id in ids {
            self.with_call(id, |call, now| call.handle_time(now));
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Acknowledge(leg) => {
                if self.phone_mut(leg).state == PhoneState::Answered {
                    self.phone_mut(leg).state = PhoneState::Talking;
                    self.phone_says(leg, "ACK");
                    let answer = Some(Description::new("the phone's answer"));
                    self.hand_signal(leg, Signal::Confirmed { answer });
                }
            }
            Happening::NotAcknowledged(leg) => {
                if self.phone_mut(leg).state == PhoneState::Answered {
                    self.note("server", "gives up waiting for an ACK");
                    self.hand_signal(leg, Signal::Lost(Loss::Unacknowledged));
                }
            }
            Happening::HangUp(leg) => self.phone_hangs_up(leg),
            Happening::Alerted(leg) => {
                if self.is(leg, PhoneState::Alerted) {
                    self.phone_says(leg, "180 Ringing");
                    self.hand_signal(leg, Signal::Ringing);
                }
            }
            Happening::NotReached(leg, why) => {
                if self.is(leg, PhoneState::Alerted) {
                    self.phone_mut(leg).state = PhoneState::Gone;
                    let what = format!("cannot reach {}: {why:?}", self.phones[&leg].name);
                    self.note("server", &what);
                    self.hand_signal(leg, Signal::NotReached(why));
                }
            }
            Happening::Referred(leg) => self.referred(leg),
            Happening::HandOver(leg, to, purpose) => self.move_leg(leg, to, purpose),
            Happening::Fetch(from, to, purpose) => self.fetch(from, to, purpose),
            Happening::OnTheWire(request) => self.put_on_the_wire(request),
            Happening::OfLeg(leg, event) => {
                let call = self.owners[&leg];
                self.hand_media(call, event);
            }
            Happening::OfOperation(call, _, event) => self.hand_media(call, event),
            Happening::Tick(call, is_speech) => self.tick(call, is_speech),
            Happening::SpeechBegins(leg) => {
                self.phone_mut(leg).speaks = true;
                self.draw(self.phones[&leg].name, "media", "speech begins");
            }
            Happening::SpeechEnds(leg) => {
                self.phone_mut(leg).speaks = false;
                self.draw(self.phones[&leg].name, "media", "speech ends");
            }
            Happening::GiveUp(leg) => {
                let call = self.bot_calls[&leg];
                self.note("server", "gives up telling the bot");
                self.with_call(call, |call, now| call.handle_undeliverable(leg, now));
            }
        }
    }
}
