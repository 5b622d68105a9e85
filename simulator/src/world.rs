//! Calls of the engine, and everything around them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use expect_test::Expect;
use offhook_engine::{
    Accepted, Arrival, Call, Command, Description, Fact, Loss, MediaEvent, MediaRequest, Output,
    Party, PrepareFault, RecordEnding, Refusal, Signal, SignalRequest,
};
use offhook_terms::{AppId, CallId, LegId, OperationId, Private, Tone};

use crate::agenda::{Agenda, Happening};
use crate::bot::BotScript;
use crate::ladder::{self, Ladder};
use crate::phone::{Phone, PhoneScript, PhoneState};
use crate::room::{Clip, Recorder, Room};

/// How long media takes to open an offer.
const OPENING: Duration = Duration::from_millis(2);
/// From our 200 to the phone's ACK.
const ROUND_TRIP: Duration = Duration::from_millis(20);
/// How long a prompt takes to fetch unless a test says otherwise.
const FETCH: Duration = Duration::from_millis(30);
const BEEP: Duration = Duration::from_millis(200);
/// When delivery to a dead bot is given up.
const GIVE_UP: Duration = Duration::from_secs(4);
/// When an answer that nobody acknowledges is given up (RFC 3261 §13.3.1.4, 64 × T1).
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(32);
/// A pause longer than this is drawn as a gap.
const GAP: Duration = Duration::from_secs(60);

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
    pub(crate) bots_down: BTreeSet<&'static str>,
    giving_up: BTreeSet<LegId>,
    clips: BTreeMap<String, Clip>,
    operations: u128,
    signalling_delay: Duration,
    pub(crate) agenda: Agenda,
    told: Vec<Fact>,
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
            bots_down: BTreeSet::new(),
            giving_up: BTreeSet::new(),
            clips: BTreeMap::new(),
            operations: 0,
            signalling_delay: Duration::ZERO,
            agenda: Agenda::default(),
            told: Vec::new(),
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

    /// Moves the phone from its call to the call of `bot2`, as the switchboard would.
    pub fn hands_phone_to_bot2(&mut self) {
        self.note("server", "hands phone to bot2's call");
        let leg = self.leg_named("phone");
        let (from, to) = (self.owners[&leg], self.call_of_bot("bot2"));
        let mut released = None;
        self.with_call(from, |call, now| released = call.release(leg, now));
        let released = released.expect("a talking phone can be released");
        self.owners.insert(leg, to);
        self.with_call(to, |call, now| {
            call.adopt(released, now)
                .expect("an established call adopts");
        });
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
                    self.ladder.as_str()
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
        expected.assert_eq(self.ladder.as_str());
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
                let call = self.call_of_bot(self.bots[&leg]);
                self.note("server", "gives up telling the bot");
                self.with_call(call, |call, now| call.handle_undeliverable(leg, now));
            }
        }
    }
}

// Phones and signalling.
impl World {
    pub(crate) fn call(
        &mut self,
        phone: &'static str,
        bot: &'static str,
        offer: Option<Description>,
    ) {
        let serial = self.calls.len() as u128 + 1;
        let (call, app) = (CallId::from_bits(serial), AppId::from_bits(serial));
        let (caller_leg, bot_leg) = (
            LegId::from_bits(2 * serial),
            LegId::from_bits(2 * serial + 1),
        );
        let what = offer
            .as_ref()
            .map_or("INVITE without an offer", |_| "INVITE");
        self.draw(phone, "server", what);
        self.owners.insert(caller_leg, call);
        self.bots.insert(bot_leg, bot);
        self.rooms.insert(call, Room::default());
        let state = Phone {
            name: phone,
            state: PhoneState::Inviting,
            never_acknowledges: false,
            speaks: false,
        };
        self.phones.insert(caller_leg, state);
        let arrival = Arrival {
            call,
            caller_leg,
            caller: Party::Guest {
                name: Private::new(phone.to_owned()),
            },
            offer,
            bot_leg,
            bot: app,
        };
        self.calls
            .insert(call, Call::arrived(arrival, self.instant()));
        self.with_call(call, |_, _| {});
    }

    pub(crate) fn phone_mut(&mut self, leg: LegId) -> &mut Phone {
        self.phones.get_mut(&leg).expect("every leg has a phone")
    }

    /// The leg of the latest call of this phone.
    pub(crate) fn leg_named(&self, name: &str) -> LegId {
        let mut newest_first = self.phones.iter().rev();
        let named = newest_first.find(|(_, phone)| phone.name == name);
        *named.expect("this phone has called").0
    }

    pub(crate) fn hand_signal(&mut self, leg: LegId, signal: Signal) {
        let call = self.owners[&leg];
        self.with_call(call, |call, now| call.handle_signal(leg, signal, now));
    }

    pub(crate) fn phone_hangs_up(&mut self, leg: LegId) {
        if self.phone_mut(leg).state != PhoneState::Gone {
            self.phone_mut(leg).state = PhoneState::Gone;
            self.phone_says(leg, "BYE");
            self.hand_signal(leg, Signal::HungUp);
        }
    }

    pub(crate) fn phone_presses(&mut self, leg: LegId, tone: Tone) {
        let call = self.owners[&leg];
        let what = format!("presses {}", tone.symbol());
        self.draw(self.phones[&leg].name, "media", &what);
        self.hand_media(call, MediaEvent::ToneHeard { leg, tone });
        let recorder = self.rooms[&call].recorder.as_ref();
        if recorder.is_some_and(|recorder| recorder.is_stopped_by(tone)) {
            self.recorded(call, RecordEnding::StopTone);
        }
    }

    fn ask_phone(&mut self, request: SignalRequest) {
        if self.signalling_delay.is_zero() {
            self.put_on_the_wire(request);
        } else {
            let at = self.after(self.signalling_delay);
            self.agenda.plan(at, Happening::OnTheWire(request));
        }
    }

    /// What the SIP edge does. A request for an INVITE or a dialog that is no more is dropped.
    fn put_on_the_wire(&mut self, request: SignalRequest) {
        match request {
            SignalRequest::Ring { leg } if self.is(leg, PhoneState::Inviting) => {
                self.say_to_phone(leg, "180 Ringing");
            }
            SignalRequest::Answer { leg, .. } if self.is(leg, PhoneState::Inviting) => {
                self.say_to_phone(leg, "200 OK");
                self.phone_mut(leg).state = PhoneState::Answered;
                let (at, happening) = match self.phone_mut(leg).never_acknowledges {
                    false => (ROUND_TRIP, Happening::Acknowledge(leg)),
                    true => (ACKNOWLEDGE_WITHIN, Happening::NotAcknowledged(leg)),
                };
                self.agenda.plan(self.after(at), happening);
            }
            SignalRequest::TurnDown { leg, why } if self.is(leg, PhoneState::Inviting) => {
                self.say_to_phone(leg, ladder::status(why));
                self.phone_mut(leg).state = PhoneState::Gone;
            }
            SignalRequest::HangUp { leg, why }
                if self.is(leg, PhoneState::Answered) || self.is(leg, PhoneState::Talking) =>
            {
                self.say_to_phone(leg, &format!("BYE ({why:?})"));
                self.phone_mut(leg).state = PhoneState::Gone;
            }
            SignalRequest::AcceptOffer { leg, .. } => self.say_to_phone(leg, "200 OK"),
            SignalRequest::RefuseOffer { leg } => self.say_to_phone(leg, "488 Not Acceptable Here"),
            SignalRequest::Ring { .. }
            | SignalRequest::Answer { .. }
            | SignalRequest::TurnDown { .. }
            | SignalRequest::HangUp { .. } => {}
        }
    }

    fn is(&self, leg: LegId, state: PhoneState) -> bool {
        self.phones[&leg].state == state
    }
}

// Bots.
impl World {
    pub(crate) fn bot_asks(
        &mut self,
        name: &'static str,
        command: Command,
    ) -> Result<Accepted, Refusal> {
        let leg = self.leg_of_bot(name);
        let call = self.call_of_bot(name);
        let what = ladder::command(&command);
        self.draw(name, "server", &what);
        let mut result = Ok(Accepted);
        self.with_call(call, |call, now| {
            result = call.handle_command(leg, command, now);
        });
        if let Err(refusal) = result {
            self.draw("server", name, &format!("refused: {refusal:?}"));
        }
        result
    }

    fn tell_bot(&mut self, event: offhook_engine::Event) {
        let name = self.bots[&event.leg];
        let fact = ladder::fact(&event.fact);
        let is_down = self.bots_down.contains(name);
        let lost = if is_down { ", not delivered" } else { "" };
        self.draw("server", name, &format!("{} {fact}{lost}", event.number));
        if is_down && self.giving_up.insert(event.leg) {
            let at = self.after(GIVE_UP);
            self.agenda.plan(at, Happening::GiveUp(event.leg));
        }
        self.told.push(event.fact);
    }

    /// The leg of the latest call of this bot.
    fn leg_of_bot(&self, name: &str) -> LegId {
        let mut newest_first = self.bots.iter().rev();
        let named = newest_first.find(|(_, bot)| **bot == name);
        *named.expect("this bot was called").0
    }

    fn call_of_bot(&self, name: &str) -> CallId {
        let leg = self.leg_of_bot(name);
        CallId::from_bits(leg.bits() / 2)
    }
}

// Audio.
impl World {
    fn clip(&mut self, uri: &str, length: Duration, fetch: Duration, is_wav: bool) {
        let clip = Clip {
            length,
            fetch,
            is_wav,
        };
        self.clips.insert(uri.to_owned(), clip);
    }

    fn ask_media(&mut self, call: CallId, request: MediaRequest) {
        match request {
            MediaRequest::Open { leg, .. } => {
                self.draw_port("open", leg);
                let description = Description::new("ours");
                let event = MediaEvent::Opened { leg, description };
                let at = self.after(OPENING);
                self.agenda.plan(at, Happening::OfLeg(leg, event));
            }
            MediaRequest::Start { leg } => self.draw_port("start", leg),
            MediaRequest::Complete { leg, .. } => self.draw_port("complete", leg),
            MediaRequest::Close { leg } => self.draw_port("close", leg),
            MediaRequest::Reopen { leg, offer } => {
                let offer = offer.as_ref().map_or("", Description::as_str);
                let event = match offer {
                    "nonsense" => MediaEvent::ReopenRefused { leg },
                    _ => MediaEvent::Reopened {
                        leg,
                        description: Description::new("ours"),
                        held: offer == "sendonly",
                    },
                };
                let at = self.after(OPENING);
                self.agenda.plan(at, Happening::OfLeg(leg, event));
            }
            MediaRequest::Prepare {
                operation,
                index,
                prompt,
            } => {
                let clip = self.clips.get(&prompt.uri).copied();
                let why = match clip {
                    None => Some(PrepareFault::Download),
                    Some(clip) if !clip.is_wav => Some(PrepareFault::Format),
                    Some(_) => None,
                };
                let event = match why {
                    Some(why) => MediaEvent::PrepareFailed {
                        operation,
                        index,
                        why,
                    },
                    None => MediaEvent::Prepared { operation, index },
                };
                let length = clip.map_or(Duration::ZERO, |clip| clip.length);
                self.room(call).fetched.insert((operation, index), length);
                let fetch = clip.map_or(FETCH, |clip| clip.fetch);
                self.plan_of_operation(call, operation, fetch, event);
            }
            MediaRequest::Play {
                operation,
                for_ever,
                ..
            } => {
                self.draw_operation("play", operation);
                if !for_ever {
                    let length = self.room(call).length(operation);
                    let event = MediaEvent::Played { operation };
                    self.plan_of_operation(call, operation, length, event);
                }
            }
            MediaRequest::Beep { operation } => {
                self.draw_operation("beep for", operation);
                let event = MediaEvent::Played { operation };
                self.plan_of_operation(call, operation, BEEP, event);
            }
            MediaRequest::Record { operation, rules } => {
                self.draw_operation("record", operation);
                self.room(call).recorder = Some(Recorder::new(operation, rules));
                self.plan_tick(call);
            }
            MediaRequest::Stop { operation } => {
                self.draw_operation("stop", operation);
                self.forget_operation(call, operation);
            }
            MediaRequest::Forget { operation } => self.forget_operation(call, operation),
        }
    }

    fn plan_tick(&mut self, call: CallId) {
        let here = self.owners.iter().filter(|(_, owner)| **owner == call);
        let is_speech = here.map(|(leg, _)| &self.phones[leg]).any(|one| one.speaks);
        let at = self.after(Recorder::TICK);
        self.agenda.plan(at, Happening::Tick(call, is_speech));
    }

    fn tick(&mut self, call: CallId, is_speech: bool) {
        let recorder = self.room(call).recorder.as_mut();
        match recorder.map(|recorder| recorder.tick(is_speech)) {
            Some(Some(ending)) => self.recorded(call, ending),
            Some(None) => self.plan_tick(call),
            None => {}
        }
    }

    fn recorded(&mut self, call: CallId, ending: RecordEnding) {
        if let Some(recorder) = self.room(call).recorder.take() {
            let (operation, duration) = (recorder.operation, recorder.length());
            let event = MediaEvent::Recorded {
                operation,
                ending,
                duration,
            };
            self.hand_media(call, event);
        }
    }

    fn hand_media(&mut self, call: CallId, event: MediaEvent) {
        self.with_call(call, |call, now| call.handle_media(event, now));
    }

    fn plan_of_operation(
        &mut self,
        call: CallId,
        operation: OperationId,
        delay: Duration,
        event: MediaEvent,
    ) {
        let at = self.after(delay);
        let happening = Happening::OfOperation(call, operation, event);
        self.agenda.plan(at, happening);
    }

    fn forget_operation(&mut self, call: CallId, operation: OperationId) {
        self.agenda.forget(operation);
        self.room(call).forget(operation);
    }

    fn room(&mut self, call: CallId) -> &mut Room {
        self.rooms.get_mut(&call).expect("every call has a room")
    }
}

// The calls, and the picture.
impl World {
    /// Hands something to a call and does what it asks for.
    fn with_call(&mut self, id: CallId, hand: impl FnOnce(&mut Call, Instant)) {
        let now = self.instant();
        let call = self.calls.get_mut(&id).expect("calls are kept for good");
        hand(call, now);
        while let Some(output) = self.calls.get_mut(&id).and_then(Call::poll) {
            match output {
                Output::Signal(request) => self.ask_phone(request),
                Output::Media(request) => self.ask_media(id, request),
                Output::Event(event) => self.tell_bot(event),
                Output::Over { .. } => self.note("server", "call over"),
            }
        }
    }

    pub(crate) fn phone_says(&mut self, leg: LegId, what: &str) {
        self.draw(self.phones[&leg].name, "server", what);
    }

    pub(crate) fn say_to_phone(&mut self, leg: LegId, what: &str) {
        self.draw("server", self.phones[&leg].name, what);
    }

    fn draw_port(&mut self, what: &str, leg: LegId) {
        let what = format!("{what} {}", self.phones[&leg].name);
        self.draw("server", "media", &what);
    }

    fn draw_operation(&mut self, what: &str, operation: OperationId) {
        let what = format!("{what} #{}", operation.bits());
        self.draw("server", "media", &what);
    }

    fn draw(&mut self, from: &str, to: &str, what: &str) {
        self.draw_gap();
        self.ladder.arrow(self.now, from, to, what);
    }

    pub(crate) fn note(&mut self, who: &str, what: &str) {
        self.draw_gap();
        self.ladder.note(self.now, who, what);
    }

    fn draw_gap(&mut self) {
        if self.now - self.drawn > GAP {
            self.ladder.gap();
        }
        self.drawn = self.now;
    }
}
