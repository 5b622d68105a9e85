//! A bot's place in a room: it plays to whoever may hear it and records what it may hear.

use std::collections::VecDeque;
use std::time::Duration;

use offhook_terms::{OperationId, Tone};

use crate::dual_tone;
use crate::frame::Frame;
use crate::g711::Law;
use crate::jitter::JitterBuffer;
use crate::limits;
use crate::player::{PlayEnded, Player};
use crate::rates::Rate;
use crate::recorder::{RecordEnded, Recorder};
use crate::recording::RecordingFeed;
use crate::room::{MediaEvent, Spent};
use crate::statistics::Statistics;
use crate::tape::TapeFeed;
use crate::tones::{Beat, Press, ToneSender, TonesEnded};
use crate::{TICK, TICK_SAMPLES};

/// A participant without a network.
#[derive(Debug)]
pub(crate) struct Seat {
    player: Option<Player>,
    recorder: Option<Recorder>,
    /// Whoever listens beside a recording.
    listener: Option<RecordingFeed>,
    /// The recording of the call.
    tape: Option<TapeFeed>,
    tone_sender: Option<ToneSender>,
    /// The key it presses in this tick.
    pressed: Option<Press>,
    events: VecDeque<(MediaEvent, Spent)>,
}

impl Seat {
    /// Allocates all it will need.
    pub(crate) fn new() -> Self {
        Self {
            player: None,
            recorder: None,
            listener: None,
            tape: None,
            tone_sender: None,
            pressed: None,
            events: VecDeque::with_capacity(limits::SEAT_EVENTS),
        }
    }

    pub(crate) fn play(&mut self, player: Player) {
        self.end_playing(PlayEnded::Stopped);
        self.player = Some(player);
    }

    pub(crate) fn send_tones(
        &mut self,
        operation: OperationId,
        tones: Vec<Tone>,
        press: Duration,
        gap: Duration,
    ) {
        self.end_tones(TonesEnded::Stopped);
        let ticks = |d: Duration| (d.as_millis() / TICK.as_millis()).min(1_000) as u32;
        self.tone_sender = Some(ToneSender::new(operation, tones, ticks(press), ticks(gap)));
    }

    /// Begins a recording. The one before must have been taken away.
    pub(crate) fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    pub(crate) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_mut()
    }

    /// What it hears is wanted by somebody.
    pub(crate) fn is_listening(&self) -> bool {
        self.recorder.is_some() || self.listener.is_some() || self.tape.is_some()
    }

    /// Somebody listens. Whoever did before must have been taken away.
    pub(crate) fn listen(&mut self, feed: RecordingFeed) {
        self.listener = Some(feed);
    }

    /// A frame, for whoever listens beside a recording; `speaks` unless what it would have said
    /// meanwhile was dropped.
    pub(crate) fn hear(&mut self, frame: &Frame, rate: Rate, speaks: bool) {
        if let Some(listener) = &mut self.listener {
            listener.push(frame);
        }
        if self.tape.is_none() {
            return;
        }
        let is_said = self.pressed.is_some() || (speaks && self.plays());
        let said = is_said.then(|| {
            let mut said = Frame::silence(rate);
            match self.pressed {
                Some(press) => dual_tone::sound(press, &mut said),
                None => self.samples(rate, &mut said),
            }
            said
        });
        if let Some(tape) = &mut self.tape {
            tape.push(frame, said.as_ref());
        }
    }

    /// The call is recorded. What did so before must have been taken away.
    pub(crate) fn tape(&mut self, feed: TapeFeed) {
        self.tape = Some(feed);
    }

    /// Has the processor fetch what a tick needs of it.
    pub(crate) fn fetch(&self) {
        if let Some(tape) = &self.tape {
            tape.fetch();
        }
    }

    pub(crate) fn take_tape(&mut self) -> Option<TapeFeed> {
        self.tape.take()
    }

    /// Tells that the call is recorded no more.
    pub(crate) fn untaped(&mut self, feed: TapeFeed) {
        feed.end();
        self.tell(MediaEvent::Untaped, Spent::Tape(feed));
    }

    pub(crate) fn take_listener(&mut self) -> Option<RecordingFeed> {
        self.listener.take()
    }

    /// Tells that nobody listens any more.
    pub(crate) fn deafened(&mut self, feed: RecordingFeed) {
        feed.end();
        self.tell(MediaEvent::Deafened, Spent::Feed(feed));
    }

    /// The jitter buffers that came with whoever listens.
    pub(crate) fn lenders(&mut self) -> impl Iterator<Item = &mut Option<Box<JitterBuffer>>> {
        let recorder = self.recorder.as_mut();
        let recorder = recorder.map(|recorder| &mut recorder.feed.jitter);
        let listener = self.listener.as_mut().map(|listener| &mut listener.jitter);
        let tape = self.tape.as_mut().map(|tape| &mut tape.jitter);
        recorder.into_iter().chain(listener).chain(tape)
    }

    /// The recording, to be ended or handed back.
    pub(crate) fn take_recorder(&mut self) -> Option<Recorder> {
        self.recorder.take()
    }

    /// Tells how a recording ended that was taken away.
    pub(crate) fn recorded(&mut self, mut recorder: Recorder, ended: RecordEnded) {
        let duration = recorder.finish();
        self.tell(
            MediaEvent::Recorded {
                operation: recorder.operation,
                ended,
                duration,
            },
            Spent::Feed(recorder.feed),
        );
    }

    /// Stops what plays or is pressed; a recording is stopped by its room.
    pub(crate) fn stop(&mut self, operation: OperationId) {
        if self
            .player
            .as_ref()
            .is_some_and(|p| p.operation == operation)
        {
            self.end_playing(PlayEnded::Stopped);
        } else if self
            .tone_sender
            .as_ref()
            .is_some_and(|t| t.operation == operation)
        {
            self.end_tones(TonesEnded::Stopped);
        }
    }

    /// Lets `ticks` times twenty milliseconds begin: what should have been heard in all but the last
    /// is dropped.
    pub(crate) fn begin(&mut self, ticks: u32) {
        self.pressed = None;
        if let Some(sender) = &mut self.tone_sender {
            match sender.beat() {
                Beat::Press(press) => self.pressed = Some(press),
                Beat::Gap => {}
                Beat::Done => self.end_tones(TonesEnded::Finished),
            }
        }
        if ticks > 1 && self.plays() {
            self.skip((ticks - 1) as usize * TICK_SAMPLES);
        }
    }

    /// The tick is over: what was played in it is not played again.
    pub(crate) fn end(&mut self) {
        if self.plays() {
            self.skip(TICK_SAMPLES);
        }
    }

    /// Whether a clip sounds in this tick. Keys go first.
    pub(crate) fn plays(&self) -> bool {
        self.player.is_some() && self.tone_sender.is_none()
    }

    /// What plays in this tick, encoded by a law.
    pub(crate) fn sound(&self, law: Law, out: &mut [u8; TICK_SAMPLES]) {
        match &self.player {
            Some(player) if self.plays() => player.peek(law, out),
            _ => out.fill(law.silence()),
        }
    }

    /// What plays in this tick, as samples of a rate.
    pub(crate) fn samples(&self, rate: Rate, out: &mut [i16]) {
        match &self.player {
            Some(player) if self.plays() => player.peek_samples(rate, out),
            _ => out.fill(0),
        }
    }

    pub(crate) fn pressed(&self) -> Option<Press> {
        self.pressed
    }

    /// Ends everything but a recording and says that this was all.
    pub(crate) fn close(&mut self) {
        self.end_playing(PlayEnded::Stopped);
        self.end_tones(TonesEnded::Stopped);
        self.tell(MediaEvent::Closed(Statistics::default()), Spent::Nothing);
    }

    fn skip(&mut self, units: usize) {
        if let Some(player) = &mut self.player
            && player.skip(units)
        {
            self.end_playing(PlayEnded::Finished);
        }
    }

    fn end_playing(&mut self, ended: PlayEnded) {
        if let Some(Player {
            operation, clips, ..
        }) = self.player.take()
        {
            self.tell(MediaEvent::Played { operation, ended }, Spent::Clips(clips));
        }
    }

    fn end_tones(&mut self, ended: TonesEnded) {
        if let Some(ToneSender {
            operation, tones, ..
        }) = self.tone_sender.take()
        {
            self.tell(
                MediaEvent::TonesSent { operation, ended },
                Spent::Tones(tones),
            );
        }
    }

    fn tell(&mut self, event: MediaEvent, spent: Spent) {
        // As at a port: an ending is worth an allocation when nobody reads.
        self.events.push_back((event, spent));
    }

    pub(crate) fn poll(&mut self) -> Option<(MediaEvent, Spent)> {
        self.events.pop_front()
    }
}
