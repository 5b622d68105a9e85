//! What a call asks of its audio, done: rooms, sockets, descriptions, prompts, recordings.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use offhook_engine::{
    Description, Hearing, MediaEvent, MediaRequest, Misfit, PrepareFault, Prompt, RecordEnding,
    RecordRules, TapeChannels,
};
use offhook_media::sdp::SdpRefusal;
use offhook_media::threads::{NotTaken, PreparedPort};
use offhook_media::{
    Agreed, Clip, MediaCommand, PortId, RecordPlan, Repeat, Sources, TapeFeed, sdp,
};
use offhook_terms::{AppId, CallId, LegId, OperationId, Private, Tone};
use tokio::sync::{mpsc, oneshot};

use super::ears::Listening;
use super::host::{Host, Released, key};
use super::scribe::{Verdict, Written};
use super::to_engine::RecordingEnded;
use crate::Platform;
use crate::calls::Message;
use crate::prompts::Prompts;
use crate::store::Recordings;
use crate::tapes::{About, EndReason, Tapes, Taping};

/// How long each key is pressed: twice what every receiver must recognise (40 ms, ITU-T Q.24).
const PRESS: Duration = Duration::from_millis(100);

/// A prompt was fetched, or could not be.
pub(crate) struct Prepared {
    operation: OperationId,
    index: usize,
    clip: Result<Clip, PrepareFault>,
}

/// One call's audio, as its task sees it: a port for each phone, a seat for each bot, all in one room.
/// Dropped, it leaves nothing behind.
pub(crate) struct CallAudio {
    means: Means,
    pub(super) call: CallId,
    pub(super) mailbox: mpsc::Sender<Message>,
    room_is_open: bool,
    /// The bots in the call, by their legs.
    bots: HashMap<LegId, AppId>,
    pub(super) ports: HashMap<LegId, Port>,
    seats: HashMap<LegId, PortId>,
    /// Whom each hears, as the call last said; who is not here yet will hear them when they come.
    pub(super) hearing: HashMap<LegId, Hearing>,
    /// Whose hearing did not get through to the tick thread and must be said again.
    unheard: Vec<LegId>,
    /// Ports that went on to another call before they had come to this one.
    pub(super) passing: HashMap<LegId, VecDeque<oneshot::Sender<Released>>>,
    /// Where each operation runs.
    running: HashMap<OperationId, PortId>,
    /// The prompts of the operations that have some, by their place.
    clips: HashMap<OperationId, Vec<Option<Clip>>>,
    recordings: HashMap<OperationId, Recording>,
    /// Bots that listen to what is said.
    ears: HashMap<LegId, Listening>,
    /// Recordings of the call, by the legs of the bots that want them.
    tapes: HashMap<LegId, Taping>,
    /// Who answers where a bot records answers.
    answering: HashMap<LegId, String>,
}

/// What a call's audio is made with.
#[derive(Clone)]
pub(super) struct Means {
    pub(super) media: Arc<Host>,
    pub(super) prompts: Arc<Prompts>,
    pub(super) recordings: Arc<Recordings>,
    pub(super) beep: Clip,
}

/// A phone's port.
pub(super) struct Port {
    pub(super) session: sdp::Session,
    pub(super) stage: Stage,
    pub(super) held: bool,
    /// What it hears instead of the room: ringing or music.
    pub(super) instead: Option<OperationId>,
}

pub(super) enum Stage {
    /// Bound, and not sending: what was agreed on is known unless we made the offer.
    Bound(Box<PreparedPort>, Option<Agreed>),
    /// Audio may flow as soon as the phone's answer to our offer is here.
    Unanswered(Box<PreparedPort>),
    /// On a tick thread.
    Running(PortId),
    /// On its way from another call, and what was agreed on meanwhile.
    Coming(Option<Agreed>),
    /// It could not be put on a tick thread.
    Failed,
}

/// A recording whose end is not known yet, or whose file is not complete.
struct Recording {
    verdict: Verdict,
    ended: Option<RecordingEnded>,
}

impl CallAudio {
    pub(crate) fn new(
        platform: &Arc<Platform>,
        call: CallId,
        mailbox: mpsc::Sender<Message>,
    ) -> Self {
        let means = Means {
            media: Arc::clone(&platform.media),
            prompts: Arc::clone(&platform.prompts),
            recordings: Arc::clone(&platform.recordings),
            beep: platform.beep.clone(),
        };
        Self::with(means, call, mailbox)
    }

    pub(super) fn with(means: Means, call: CallId, mailbox: mpsc::Sender<Message>) -> Self {
        Self {
            means,
            call,
            mailbox,
            room_is_open: false,
            bots: HashMap::new(),
            ports: HashMap::new(),
            seats: HashMap::new(),
            hearing: HashMap::new(),
            unheard: Vec::new(),
            passing: HashMap::new(),
            running: HashMap::new(),
            clips: HashMap::new(),
            recordings: HashMap::new(),
            ears: HashMap::new(),
            tapes: HashMap::new(),
            answering: HashMap::new(),
        }
    }

    /// A bot has this leg in the call: what is played and recorded for the leg is that bot's.
    pub(crate) fn bot_begins(&mut self, leg: LegId, bot: AppId) {
        self.bots.insert(leg, bot);
    }

    /// The bot's leg has ended.
    pub(crate) fn bot_ended(&mut self, leg: LegId) {
        self.bots.remove(&leg);
        self.close(leg);
    }

    /// Does what the call asks. What is known at once is handed back; the rest comes by mailbox.
    pub(crate) fn perform(&mut self, request: MediaRequest) -> Option<MediaEvent> {
        for leg in std::mem::take(&mut self.unheard) {
            self.let_hear(leg);
        }
        match request {
            MediaRequest::Open { leg, offer } => return Some(self.open(leg, offer.as_ref())),
            MediaRequest::Start { leg } => return self.start(leg),
            MediaRequest::Complete { leg, answer } => return self.complete(leg, &answer),
            MediaRequest::Reopen { leg, offer } => return Some(self.reopen(leg, offer.as_ref())),
            MediaRequest::Close { leg } => self.close(leg),
            MediaRequest::Seat { leg } => {
                self.seat(leg);
            }
            MediaRequest::Hears { leg, from } => self.hears(leg, from),
            MediaRequest::Ringback { leg } => {
                let ringing = vec![self.host().sounds.ringback.clone()];
                self.play_instead(OperationId::from_bits(leg.bits()), leg, ringing);
            }
            MediaRequest::HoldMusic { operation, leg } => {
                let mut music = self.prepared_clips(operation);
                if music.is_empty() {
                    music.push(self.host().sounds.hold_music.clone());
                }
                self.play_instead(operation, leg, music);
            }
            // Keys that are sent as packets are always heard.
            MediaRequest::ListenForTones { .. } => {}
            MediaRequest::Prepare {
                operation,
                leg,
                index,
                prompt,
            } => self.prepare(operation, leg, index, prompt),
            MediaRequest::Play {
                operation,
                leg,
                for_ever,
                ..
            } => {
                // Every one of them was reported as prepared before we are asked to play.
                let clips = self.prepared_clips(operation);
                let repeat = if for_ever {
                    Repeat::UntilStopped
                } else {
                    Repeat::ONCE
                };
                return self.play(operation, leg, clips, repeat);
            }
            MediaRequest::Beep { operation, leg } => {
                let beep = vec![self.means.beep.clone()];
                return self.play(operation, leg, beep, Repeat::ONCE);
            }
            MediaRequest::Record {
                operation,
                leg,
                rules,
            } => return self.record(operation, leg, &rules),
            MediaRequest::SendTones {
                operation,
                leg,
                tones,
                gap,
            } => return self.send_tones(operation, leg, tones, gap),
            MediaRequest::ToneSignalled { leg, tone } => {
                // Lost when the tick thread is behind, as it would be in the audio.
                if let Some(port) = self.place(leg) {
                    let _ = self.command(port, MediaCommand::ToneSignalled(Private::new(tone)));
                }
            }
            MediaRequest::Stop { operation } => {
                self.clips.remove(&operation);
                // Its verdict goes with it: what was recorded is discarded.
                self.recordings.remove(&operation);
                // What is not there needs no stopping, and a thread that is behind stops it when
                // the room closes.
                if let Some(at) = self.running.remove(&operation) {
                    let _ = self.command(at, MediaCommand::Stop { operation });
                }
            }
            MediaRequest::Forget { operation } => {
                self.clips.remove(&operation);
                self.running.remove(&operation);
            }
        }
        None
    }

    /// Begins to listen to whoever a bot's seat hears, or goes on otherwise.
    pub(crate) fn listen(&mut self, leg: LegId, locale: String, phrases: Vec<String>) {
        if !self.ears.contains_key(&leg) {
            let Some(ear) = self.begin_listening(leg) else {
                tracing::error!(call = %self.call, "nobody can listen to this caller");
                return;
            };
            self.ears.insert(leg, ear);
        }
        if let Some(ear) = self.ears.get(&leg) {
            ear.expect(locale, phrases);
        }
    }

    fn begin_listening(&mut self, leg: LegId) -> Option<Listening> {
        let seat = self.seat(leg)?;
        let host = Arc::clone(self.host());
        let (feed, tap) = offhook_media::recording();
        let ear = host.ears.as_ref()?.listen(leg, tap, self.mailbox.clone())?;
        self.command(seat, MediaCommand::Listen { feed })
            .then_some(ear)
    }

    /// Listens no more for this seat.
    pub(crate) fn deafen(&mut self, leg: LegId) {
        if self.ears.remove(&leg).is_some()
            && let Some(seat) = self.seats.get(&leg).copied()
        {
            // Not taken by a thread that is behind, it ends with the seat.
            let _ = self.command(seat, MediaCommand::Deafen);
        }
    }

    /// Whose answers a bot records.
    pub(crate) fn answers(&mut self, leg: LegId, caller: String) {
        self.answering.insert(leg, caller);
    }

    /// Begins to record the call of a bot's leg. False when it cannot be.
    pub(crate) fn tape(
        &mut self,
        tapes: &Arc<Tapes>,
        about: About,
        channels: Option<TapeChannels>,
        ticket: u64,
    ) -> bool {
        let leg = about.leg;
        let Some(seat) = self.seat(leg) else {
            return false;
        };
        let begun = tapes.begin(about, channels, ticket, self.mailbox.clone());
        let Some((taping, feed)) = begun else {
            return false;
        };
        self.feed_tape(seat, feed);
        self.tapes.insert(leg, taping);
        true
    }

    pub(crate) fn pause_tape(&mut self, leg: LegId, ticket: u64) -> bool {
        let taping = self.tapes.get(&leg);
        let is_there = taping.map(|taping| taping.pause(ticket)).is_some();
        self.untape(leg);
        is_there
    }

    pub(crate) fn resume_tape(&mut self, leg: LegId, ticket: u64) -> bool {
        let (Some(seat), Some(taping)) = (self.seat(leg), self.tapes.get(&leg)) else {
            return false;
        };
        let feed = taping.resume(ticket);
        self.feed_tape(seat, feed);
        true
    }

    pub(crate) fn stop_tape(&mut self, leg: LegId, ticket: u64) -> bool {
        let taping = self.tapes.remove(&leg);
        let is_there = taping.map(|taping| taping.stop(ticket)).is_some();
        self.untape(leg);
        is_there
    }

    /// The recording ends with or without its bot.
    pub(crate) fn end_tape(&mut self, leg: LegId, reason: EndReason) {
        if let Some(taping) = self.tapes.remove(&leg) {
            taping.end(reason);
            self.untape(leg);
        }
    }

    /// The recording cannot be written any more.
    pub(crate) fn tape_broke(&mut self, leg: LegId) {
        self.tapes.remove(&leg);
        self.untape(leg);
    }

    fn feed_tape(&self, seat: PortId, feed: TapeFeed) {
        // A thread that is behind drops the feed, and with that the recording has ended.
        if !self.command(seat, MediaCommand::Tape { feed }) {
            tracing::error!(call = %self.call, "a recording did not reach the tick thread");
        }
    }

    fn untape(&self, leg: LegId) {
        if let Some(seat) = self.seats.get(&leg).copied() {
            let room = key(self.call);
            self.host()
                .insist(move |threads| threads.send(room, seat, MediaCommand::Untape));
        }
    }

    /// A prompt was fetched, or could not be.
    pub(crate) fn prepared(&mut self, prepared: Prepared) -> Option<MediaEvent> {
        let Prepared {
            operation,
            index,
            clip,
        } = prepared;
        // Stopped meanwhile.
        let place = self.clips.get_mut(&operation)?.get_mut(index)?;
        Some(match clip {
            Ok(clip) => {
                *place = Some(clip);
                MediaEvent::Prepared { operation, index }
            }
            Err(why) => MediaEvent::PrepareFailed {
                operation,
                index,
                why,
            },
        })
    }

    /// A recording ended on the tick. What the bot may fetch must be complete before it is told.
    pub(crate) fn recording_ended(&mut self, ended: RecordingEnded) -> Option<MediaEvent> {
        let RecordingEnded {
            operation,
            ending,
            duration,
        } = ended;
        let recording = self.recordings.get_mut(&operation)?;
        match ending {
            RecordEnding::StopTone | RecordEnding::MaxDuration | RecordEnding::MaxSilence => {
                recording.ended = Some(ended);
                recording.verdict.keep();
                self.host().scribe.look();
                None
            }
            RecordEnding::InitialSilence | RecordEnding::NoMedia | RecordEnding::NotSaved => {
                self.recordings.remove(&operation);
                self.host().scribe.look();
                Some(MediaEvent::Recorded {
                    operation,
                    ending,
                    duration,
                })
            }
        }
    }

    /// A file is complete, or could not be written.
    pub(crate) fn written(&mut self, written: &Written) -> Option<MediaEvent> {
        let operation = written.operation;
        let ended = self.recordings.remove(&operation)?.ended?;
        let ending = if written.is_saved {
            ended.ending
        } else {
            RecordEnding::NotSaved
        };
        Some(MediaEvent::Recorded {
            operation,
            ending,
            duration: ended.duration,
        })
    }

    pub(super) fn host(&self) -> &Arc<Host> {
        &self.means.media
    }

    fn open(&mut self, leg: LegId, offer: Option<&Description>) -> MediaEvent {
        let prepared = match self.host().threads().prepare_port() {
            Ok(prepared) => prepared,
            Err(why) => {
                tracing::error!(call = %self.call, %why, "no port for this call");
                return MediaEvent::Refused {
                    leg,
                    why: Misfit::NoRoom,
                };
            }
        };
        let mut session = self.host().describe(&prepared);
        let (description, agreed) = match offer {
            Some(offer) => match session.answer(offer.as_str()) {
                Ok((answer, agreed)) => (answer, Some(agreed)),
                Err(why) => {
                    tracing::info!(call = %self.call, %why, "the phone's offer was refused");
                    let why = misfit(&why);
                    return MediaEvent::Refused { leg, why };
                }
            },
            None => (session.offer(), None),
        };
        let port = Port {
            held: agreed.as_ref().is_some_and(Agreed::on_hold),
            stage: Stage::Bound(Box::new(prepared), agreed),
            session,
            instead: None,
        };
        self.ports.insert(leg, port);
        MediaEvent::Opened {
            leg,
            description: Description::new(description),
        }
    }

    fn start(&mut self, leg: LegId) -> Option<MediaEvent> {
        let port = self.ports.get_mut(&leg)?;
        match std::mem::replace(&mut port.stage, Stage::Failed) {
            Stage::Bound(prepared, Some(agreed)) => self.run(leg, *prepared, agreed),
            Stage::Bound(prepared, None) => {
                port.stage = Stage::Unanswered(prepared);
                None
            }
            stage => {
                port.stage = stage;
                None
            }
        }
    }

    /// The phone answered our offer: the first one, or one made later.
    fn complete(&mut self, leg: LegId, answer: &Description) -> Option<MediaEvent> {
        let call = self.call;
        let port = self.ports.get_mut(&leg)?;
        let agreed = match port.session.accept(answer.as_str()) {
            Ok(agreed) => agreed,
            Err(why) => {
                tracing::info!(%call, %why, "the phone's answer cannot be used");
                return matches!(port.stage, Stage::Unanswered(_))
                    .then_some(MediaEvent::PeerLost { leg });
            }
        };
        match std::mem::replace(&mut port.stage, Stage::Failed) {
            Stage::Unanswered(prepared) | Stage::Bound(prepared, _) => {
                self.run(leg, *prepared, agreed)
            }
            stage => {
                port.stage = stage;
                self.agree(leg, agreed);
                None
            }
        }
    }

    /// Puts the port on a tick thread.
    fn run(&mut self, leg: LegId, prepared: PreparedPort, agreed: Agreed) -> Option<MediaEvent> {
        let room = key(self.call);
        let entered = if self.room_is_open {
            self.host().enter(self.call, leg, |threads| {
                threads.add_port(room, prepared, agreed)
            })
        } else {
            self.host().enter(self.call, leg, |threads| {
                threads.open_room(room, prepared, agreed)?;
                Ok(PortId::FIRST)
            })
        };
        self.entered(leg, entered)
    }

    /// A port is in the room, or is not.
    pub(super) fn entered(
        &mut self,
        leg: LegId,
        entered: Result<PortId, NotTaken>,
    ) -> Option<MediaEvent> {
        match entered {
            Ok(id) => {
                self.room_is_open = true;
                self.ports.get_mut(&leg)?.stage = Stage::Running(id);
                self.let_all_hear(leg);
                None
            }
            Err(why) => {
                tracing::error!(call = %self.call, %why, "no tick thread takes this phone");
                Some(MediaEvent::PeerLost { leg })
            }
        }
    }

    fn reopen(&mut self, leg: LegId, offer: Option<&Description>) -> MediaEvent {
        let Some(port) = self.ports.get_mut(&leg) else {
            // Its port is gone, and the call is about to hear of it.
            return MediaEvent::ReopenRefused {
                leg,
                why: Misfit::NoRoom,
            };
        };
        let Some(offer) = offer else {
            let description = Description::new(port.session.offer());
            return MediaEvent::Reopened {
                leg,
                description,
                held: port.held,
            };
        };
        match port.session.answer(offer.as_str()) {
            Ok((answer, agreed)) => {
                port.held = agreed.on_hold();
                let held = port.held;
                self.agree(leg, agreed);
                MediaEvent::Reopened {
                    leg,
                    description: Description::new(answer),
                    held,
                }
            }
            Err(why) => {
                tracing::info!(call = %self.call, %why, "the phone's new offer was refused");
                let why = misfit(&why);
                MediaEvent::ReopenRefused { leg, why }
            }
        }
    }

    pub(super) fn agree(&mut self, leg: LegId, agreed: Agreed) {
        match self.ports.get_mut(&leg).map(|port| &mut port.stage) {
            Some(Stage::Bound(_, known) | Stage::Coming(known)) => *known = Some(agreed),
            Some(Stage::Running(id)) => {
                let id = *id;
                if !self.command(id, MediaCommand::agree(agreed)) {
                    tracing::error!(
                        call = %self.call,
                        "a new description did not reach the tick thread"
                    );
                }
            }
            Some(Stage::Unanswered(_) | Stage::Failed) | None => {}
        }
    }

    /// The leg is gone, with its port or its seat.
    fn close(&mut self, leg: LegId) {
        self.hearing.remove(&leg);
        self.ears.remove(&leg);
        self.tapes.remove(&leg);
        self.answering.remove(&leg);
        let id = match self.ports.remove(&leg).map(|port| port.stage) {
            Some(Stage::Running(id)) => Some(id),
            _ => self.seats.remove(&leg),
        };
        if let Some(id) = id {
            self.host().close_port(self.call, id);
        }
    }

    /// With it goes everybody who is still there. Only at the end: a room that is opened anew gives its
    /// names again, and what is told late would be taken for somebody else's.
    fn close_room(&mut self) {
        if std::mem::take(&mut self.room_is_open) {
            self.host().close(self.call);
        }
    }

    pub(super) fn open_room(&mut self) -> Result<(), NotTaken> {
        if !self.room_is_open {
            self.host().threads().open_empty_room(key(self.call))?;
            self.room_is_open = true;
        }
        Ok(())
    }

    /// The seat of a bot's leg. Who plays or records without having asked for one gets it then.
    fn seat(&mut self, leg: LegId) -> Option<PortId> {
        if let Some(seat) = self.seats.get(&leg) {
            return Some(*seat);
        }
        let room = key(self.call);
        let entered = self.open_room().and_then(|()| {
            self.host()
                .enter(self.call, leg, |threads| threads.add_seat(room))
        });
        match entered {
            Ok(seat) => {
                self.seats.insert(leg, seat);
                self.let_all_hear(leg);
                Some(seat)
            }
            Err(why) => {
                tracing::error!(call = %self.call, %why, "there is no seat for this bot");
                None
            }
        }
    }

    /// Where in the room a leg is.
    fn place(&self, leg: LegId) -> Option<PortId> {
        match self.ports.get(&leg).map(|port| &port.stage) {
            Some(Stage::Running(id)) => Some(*id),
            _ => self.seats.get(&leg).copied(),
        }
    }

    fn hears(&mut self, leg: LegId, from: Hearing) {
        self.hear_no_more_instead(leg);
        self.hearing.insert(leg, from);
        self.let_hear(leg);
    }

    /// Somebody has come: they hear whom they may, and those hear them who wait for them.
    fn let_all_hear(&mut self, newcomer: LegId) {
        let waiting = self.hearing.iter();
        let waiting = waiting.filter(|(leg, hearing)| match hearing {
            Hearing::Everyone => false,
            Hearing::Only(legs) => **leg == newcomer || legs.contains(&newcomer),
        });
        let waiting: Vec<LegId> = waiting.map(|(leg, _)| *leg).collect();
        for leg in waiting {
            self.let_hear(leg);
        }
    }

    /// Tells the room whom a leg hears, as far as they are there.
    fn let_hear(&mut self, leg: LegId) {
        let (Some(listener), Some(hearing)) = (self.place(leg), self.hearing.get(&leg)) else {
            return;
        };
        let sources = match hearing {
            Hearing::Everyone => Sources::Everyone,
            Hearing::Only(legs) => Sources::only(legs.iter().filter_map(|leg| self.place(*leg))),
        };
        if !self.command(listener, MediaCommand::Hears(sources)) {
            tracing::error!(call = %self.call, "who hears whom did not reach the tick thread");
            self.unheard.push(leg);
        }
    }

    /// Plays something to one phone alone, which hears nothing else meanwhile.
    fn play_instead(&mut self, operation: OperationId, leg: LegId, clips: Vec<Clip>) {
        let Some(at) = self.place(leg) else { return };
        let play = MediaCommand::Play {
            operation,
            clips,
            repeat: Repeat::UntilStopped,
        };
        if self.command(at, play) {
            self.running.insert(operation, at);
            let replaced = self
                .ports
                .get_mut(&leg)
                .and_then(|port| port.instead.replace(operation));
            if let Some(replaced) = replaced.filter(|replaced| *replaced != operation) {
                self.running.remove(&replaced);
            }
        }
    }

    fn hear_no_more_instead(&mut self, leg: LegId) {
        let instead = self
            .ports
            .get_mut(&leg)
            .and_then(|port| port.instead.take());
        if let (Some(operation), Some(at)) = (instead, self.place(leg)) {
            self.running.remove(&operation);
            let _ = self.command(at, MediaCommand::Stop { operation });
        }
    }

    fn prepare(&mut self, operation: OperationId, leg: LegId, index: usize, prompt: Prompt) {
        // Asked for by a leg that has ended meanwhile, with all its operations.
        let Some(bot) = self.bots.get(&leg).copied() else {
            return;
        };
        let clips = self.clips.entry(operation).or_default();
        if clips.len() <= index {
            clips.resize(index + 1, None);
        }
        let prompts = Arc::clone(&self.means.prompts);
        let mailbox = self.mailbox.clone();
        tokio::spawn(async move {
            let clip = prompts.fetch(bot, leg, &prompt).await;
            // The call may be over.
            let _ = mailbox
                .send(Message::Prepared(Prepared {
                    operation,
                    index,
                    clip,
                }))
                .await;
        });
    }

    fn prepared_clips(&self, operation: OperationId) -> Vec<Clip> {
        let clips = self.clips.get(&operation).map(Vec::as_slice);
        clips
            .unwrap_or_default()
            .iter()
            .flatten()
            .cloned()
            .collect()
    }

    fn play(
        &mut self,
        operation: OperationId,
        leg: LegId,
        clips: Vec<Clip>,
        repeat: Repeat,
    ) -> Option<MediaEvent> {
        let play = MediaCommand::Play {
            operation,
            clips,
            repeat,
        };
        let is_taken = self.run_at(operation, leg, play);
        (!is_taken).then_some(MediaEvent::PlayFailed { operation })
    }

    fn send_tones(
        &mut self,
        operation: OperationId,
        leg: LegId,
        tones: Vec<Tone>,
        gap: Duration,
    ) -> Option<MediaEvent> {
        let press = MediaCommand::SendTones {
            operation,
            tones,
            press: PRESS,
            gap,
        };
        let is_taken = self.run_at(operation, leg, press);
        (!is_taken).then_some(MediaEvent::TonesFailed { operation })
    }

    fn record(
        &mut self,
        operation: OperationId,
        leg: LegId,
        rules: &RecordRules,
    ) -> Option<MediaEvent> {
        let not_saved = MediaEvent::Recorded {
            operation,
            ending: RecordEnding::NotSaved,
            duration: Duration::ZERO,
        };
        let Some(bot) = self.bots.get(&leg).copied() else {
            return Some(not_saved);
        };
        let spool = {
            let caller = self.answering.get(&leg).map_or("", String::as_str);
            self.means.recordings.begin(operation, leg, bot, caller)
        };
        let (feed, tap) = offhook_media::recording();
        let done = self.mailbox.clone();
        let Ok(verdict) = self.host().scribe.write(operation, tap, spool, done) else {
            tracing::error!(call = %self.call, "more recordings at once than can be written");
            return Some(not_saved);
        };
        let plan = RecordPlan {
            initial_silence: Some(rules.initial_silence),
            max_silence: Some(rules.max_silence),
            max_duration: Some(rules.max_duration),
            stop_tones: rules.stop_tones.iter().copied().collect(),
        };
        let record = MediaCommand::Record {
            operation,
            plan,
            feed,
        };
        if !self.run_at(operation, leg, record) {
            return Some(not_saved);
        }
        self.recordings.insert(
            operation,
            Recording {
                verdict,
                ended: None,
            },
        );
        None
    }

    /// Runs an operation at the seat of a bot's leg; false when it cannot be.
    fn run_at(&mut self, operation: OperationId, leg: LegId, command: MediaCommand) -> bool {
        let Some(seat) = self.seat(leg) else {
            return false;
        };
        let is_taken = self.command(seat, command);
        if is_taken {
            self.running.insert(operation, seat);
        }
        is_taken
    }

    /// Hands a command to the tick thread; false when it was not taken.
    pub(super) fn command(&self, to: PortId, command: MediaCommand) -> bool {
        let taken = self.host().threads().send(key(self.call), to, command);
        taken.is_ok()
    }
}

impl Drop for CallAudio {
    fn drop(&mut self) {
        self.close_room();
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

/// What a call is told of a description that cannot be served.
fn misfit(why: &SdpRefusal) -> Misfit {
    match why {
        SdpRefusal::NoAudio | SdpRefusal::Declined => Misfit::NoAudio,
        SdpRefusal::NoCommonCodec => Misfit::NoCommonCodec,
        SdpRefusal::UnusableAddress => Misfit::Address,
        SdpRefusal::EncryptedOnly | SdpRefusal::NotEncrypted => Misfit::Encryption,
        SdpRefusal::Unreadable(_) | SdpRefusal::NotAnAnswer => Misfit::Unreadable,
    }
}
