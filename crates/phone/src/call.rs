//! A call that is up: plays, presses, hears.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

use offhook_media::sdp::Direction;
use offhook_media::{
    Clip, Codec, MediaCommand, MediaEvent, PlayEnded, RecordPlan, RecordingTap, Repeat, Statistics,
    TonesEnded, recording, sdp, wav,
};
use offhook_sip::{Ending, Incoming, Refer, Refusal, Session, SessionEvent};
use offhook_terms::{OperationId, Tone};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::hearing::{Hearing, Kind, Run};
use crate::limits;
use crate::moving::Moving;
use crate::phone::{DialError, Line, Seat};
use crate::report::{Assertion, EndedBy, Outcome, Packets, Report};
use crate::step::Step;

/// How long each key is pressed, and the pause after it.
const PRESS: Duration = Duration::from_millis(100);
/// What `w` among keys pauses.
const WAIT_KEY: Duration = Duration::from_millis(500);
/// How long a thing that happens at once may take.
const AT_ONCE: Duration = Duration::from_secs(10);

pub(crate) struct Beginning {
    pub(crate) line: Line,
    pub(crate) codec: Codec,
    pub(crate) seat: Seat,
    pub(crate) session: Session,
    pub(crate) events: mpsc::Receiver<SessionEvent>,
    pub(crate) describe: sdp::Session,
    pub(crate) began: Instant,
    pub(crate) rang: Option<Instant>,
}

/// Why something did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Interrupted {
    /// It took too long.
    #[error("it did not happen in time")]
    TooLate,
    /// The call is over.
    #[error("the call ended first")]
    CallEnded,
    /// It cannot be done, in words.
    #[error("{0}")]
    Impossible(String),
}

/// A call that is up. Dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    pub(crate) line: Line,
    pub(crate) codec: Codec,
    pub(crate) seat: Seat,
    pub(crate) session: Session,
    pub(crate) events: mpsc::Receiver<SessionEvent>,
    pub(crate) describe: sdp::Session,
    pub(crate) tap: RecordingTap,
    /// Calls that name this one and want its place.
    pub(crate) takeovers: (mpsc::Sender<Box<Incoming>>, mpsc::Receiver<Box<Incoming>>),
    /// The call that may take this one's place.
    pub(crate) moving: Option<Moving>,
    /// How often one has.
    pub(crate) moved: u32,
    moved_used: u32,
    /// What came of our own transfer.
    referred: Option<u16>,
    /// What is played again and again.
    pub(crate) playing_on: Option<Clip>,
    /// The operation somebody waits for.
    pub(crate) waiting_for: Option<OperationId>,
    hearing: Hearing,
    record: Option<wav::Writer<BufWriter<File>>>,
    /// What has been heard up to here answered an earlier expectation.
    heard_until_ms: u64,
    keys_heard: Vec<Tone>,
    keys_used: usize,
    pub(crate) finished: Vec<(OperationId, Result<(), String>)>,
    /// The outcome of our own re-offer.
    reoffered: Option<Result<(), String>>,
    began: Instant,
    rang: Option<Instant>,
    answered: Instant,
    ended: Option<(Instant, EndedBy, Option<String>)>,
    hanging_up: bool,
    statistics: Option<Statistics>,
    assertions: Vec<Assertion>,
}

impl Call {
    pub(crate) fn begin(b: Beginning) -> Result<Self, DialError> {
        let (feed, tap) = recording();
        let plan = RecordPlan::default();
        b.seat.send(MediaCommand::Record {
            operation: operation(),
            plan,
            feed,
        })?;
        let takeovers = mpsc::channel(1);
        b.line.lines.enter(b.session.id(), takeovers.0.clone());
        Ok(Self {
            line: b.line,
            codec: b.codec,
            takeovers,
            moving: None,
            moved: 0,
            moved_used: 0,
            referred: None,
            playing_on: None,
            waiting_for: None,
            seat: b.seat,
            session: b.session,
            events: b.events,
            describe: b.describe,
            tap,
            hearing: Hearing::default(),
            record: None,
            heard_until_ms: 0,
            keys_heard: Vec::new(),
            keys_used: 0,
            finished: Vec::new(),
            reoffered: None,
            began: b.began,
            rang: b.rang,
            answered: Instant::now(),
            ended: None,
            hanging_up: false,
            statistics: None,
            assertions: Vec::new(),
        })
    }

    /// Writes what is heard from now on into a WAV file (16 kHz, 16 bit, mono).
    ///
    /// # Errors
    /// Those of the file.
    pub fn record_to(&mut self, path: &Path) -> std::io::Result<()> {
        self.record = Some(wav::Writer::new(BufWriter::new(File::create(path)?))?);
        Ok(())
    }

    /// What has been heard so far.
    pub fn hearing(&self) -> &Hearing {
        &self.hearing
    }

    /// The keys the other side has pressed so far.
    pub fn keys_heard(&self) -> &[Tone] {
        &self.keys_heard
    }

    /// The codec both sides agreed on at first.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Whether the call is over.
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Plays to the end.
    ///
    /// # Errors
    /// When the call ends first.
    pub async fn play(&mut self, clip: Clip) -> Result<(), Interrupted> {
        let (operation, lasts) = (operation(), clip.duration());
        self.playing_on = None;
        let clips = vec![clip];
        self.command(MediaCommand::Play {
            operation,
            clips,
            repeat: Repeat::ONCE,
        })?;
        self.finish_of(operation, lasts + AT_ONCE).await
    }

    /// Plays again and again, until something else is played; whoever this call goes on with hears it
    /// too.
    ///
    /// # Errors
    /// When the call is over.
    pub fn play_on(&mut self, clip: Clip) -> Result<(), Interrupted> {
        self.playing_on = Some(clip.clone());
        let clips = vec![clip];
        let repeat = Repeat::UntilStopped;
        self.command(MediaCommand::Play {
            operation: operation(),
            clips,
            repeat,
        })
    }

    /// Presses keys as RFC 4733 packets; `w` pauses for half a second.
    ///
    /// # Errors
    /// When the other side takes no such packets, or the call ends first.
    pub async fn press(&mut self, keys: &str) -> Result<(), Interrupted> {
        for (at, part) in keys.split(['w', 'W']).enumerate() {
            if at > 0 {
                self.pause(WAIT_KEY).await?;
            }
            let tones: Vec<Tone> = part.chars().filter_map(Tone::from_symbol).collect();
            if tones.is_empty() {
                continue;
            }
            let operation = operation();
            let lasts = 2 * PRESS * u32::try_from(tones.len()).unwrap_or(u32::MAX);
            let tones = MediaCommand::SendTones {
                operation,
                tones,
                press: PRESS,
                gap: PRESS,
            };
            self.command(tones)?;
            self.finish_of(operation, lasts + AT_ONCE).await?;
        }
        Ok(())
    }

    /// Presses keys by SIP INFO.
    ///
    /// # Errors
    /// When the call ends first.
    pub async fn press_by_info(&mut self, keys: &str) -> Result<(), Interrupted> {
        for key in keys.chars() {
            match Tone::from_symbol(key) {
                Some(tone) => self.session.send_tone(tone, 100),
                None => self.pause(WAIT_KEY).await?,
            }
            self.pause(PRESS).await?;
        }
        Ok(())
    }

    /// Waits, listening.
    ///
    /// # Errors
    /// When the call ends first.
    pub async fn pause(&mut self, duration: Duration) -> Result<(), Interrupted> {
        match self.until(duration, |_| None::<()>).await {
            Err(Interrupted::TooLate) => Ok(()),
            Err(other) => Err(other),
            Ok(()) => Ok(()),
        }
    }

    /// Puts the other side on hold, or takes it back.
    ///
    /// # Errors
    /// When the other side refuses, or the call ends first.
    pub async fn hold(&mut self, hold: bool) -> Result<(), Interrupted> {
        let direction = if hold {
            Direction::SendOnly
        } else {
            Direction::SendRecv
        };
        self.describe.set_direction(direction);
        self.reoffered = None;
        self.session.reinvite(self.describe.offer().into_bytes());
        let outcome = self
            .until(4 * AT_ONCE, |call| call.reoffered.take())
            .await?;
        outcome.map_err(Interrupted::Impossible)
    }

    /// Sends the other side elsewhere (REFER) and waits until it is there; the call is for us to hang
    /// up then. 202 says that it will not tell.
    ///
    /// # Errors
    /// When the other side takes no such request, or the transfer fails; the call goes on.
    pub async fn transfer(&mut self, to: &str) -> Result<u16, Interrupted> {
        let to = to.to_owned().into();
        self.send_elsewhere(Refer {
            to,
            replaces: None,
            referred_by: None,
        })
        .await
    }

    /// Connects the other side of this call with that of another.
    ///
    /// # Errors
    /// As [`Call::transfer`].
    pub fn connect_with<'a>(
        &'a mut self,
        other: &Call,
    ) -> impl Future<Output = Result<u16, Interrupted>> + Send + use<'a> {
        // Asked before anything is waited for: the other call belongs to somebody else.
        let to = other.session.peer_contact();
        let replaces = other.session.dialog();
        async move {
            let to = to.ok_or_else(|| Interrupted::Impossible("it is nowhere yet".into()))?;
            self.send_elsewhere(Refer {
                to,
                replaces,
                referred_by: None,
            })
            .await
        }
    }

    async fn send_elsewhere(&mut self, refer: Refer) -> Result<u16, Interrupted> {
        if !self.session.peer_takes_refer() {
            let why = "the other side does not take REFER";
            return Err(Interrupted::Impossible(why.into()));
        }
        self.referred = None;
        self.session.refer(refer);
        let within = limits::TRANSFER;
        match self.until(within, |call| call.referred.take()).await? {
            status @ 200..300 => Ok(status),
            status => Err(Interrupted::Impossible(format!(
                "the transfer failed: {status}"
            ))),
        }
    }

    /// Waits until this call goes on with somebody else, because the other side asked for it or a
    /// call took its place.
    ///
    /// # Errors
    /// When it does not.
    pub async fn expect_moved(&mut self, within: Duration) -> Result<String, Interrupted> {
        let before = self.moved_used;
        self.until(within, |call| (call.moved > before).then_some(()))
            .await?;
        self.moved_used += 1;
        Ok("it goes on with somebody else".into())
    }

    /// Waits until a tone has been heard for so long in all.
    ///
    /// # Errors
    /// When it has not.
    pub async fn expect_tone(
        &mut self,
        hertz: f32,
        duration: Duration,
        within: Duration,
    ) -> Result<String, Interrupted> {
        let wanted = duration.mul_f64(limits::DURATION_SHARE);
        self.until(within, |call| {
            let (heard, until) = call.amount(|run| run.is_tone(hertz));
            (heard >= wanted).then(|| {
                call.heard_until_ms = until;
                format!("heard {:.2} s of it", heard.as_secs_f64())
            })
        })
        .await
    }

    /// Waits until a tone has begun and ended.
    ///
    /// # Errors
    /// When none has.
    pub async fn expect_beep(
        &mut self,
        hertz: Option<f32>,
        within: Duration,
    ) -> Result<String, Interrupted> {
        self.until(within, |call| {
            let after = call.heard_until_ms;
            let beep = call
                .hearing
                .finished()
                .iter()
                .rev()
                .take_while(|r| r.from_ms >= after);
            let beep = beep.filter(|run| {
                let wanted = match hertz {
                    Some(hertz) => run.is_tone(hertz),
                    None => matches!(run.kind, Kind::Tone { .. }),
                };
                wanted && run.duration() >= limits::BEEP_MIN
            });
            let beep = *beep.last()?;
            call.heard_until_ms = beep.from_ms + beep.for_ms;
            Some(said(&beep))
        })
        .await
    }

    /// Waits until something other than silence has been heard for so long in all.
    ///
    /// # Errors
    /// When it has not.
    pub async fn expect_sound(
        &mut self,
        duration: Duration,
        within: Duration,
    ) -> Result<String, Interrupted> {
        let wanted = duration.mul_f64(limits::DURATION_SHARE);
        self.until(within, |call| {
            let (heard, until) = call.amount(|run| !matches!(run.kind, Kind::Silence));
            (heard >= wanted).then(|| {
                call.heard_until_ms = until;
                format!("heard {:.2} s of it", heard.as_secs_f64())
            })
        })
        .await
    }

    /// Waits until nothing has been heard for so long without a break, from now on.
    ///
    /// # Errors
    /// When there was always something.
    pub async fn expect_silence(
        &mut self,
        duration: Duration,
        within: Duration,
    ) -> Result<String, Interrupted> {
        let from = millis(self.hearing.elapsed());
        let wanted = millis(duration.mul_f64(limits::DURATION_SHARE));
        self.until(within, |call| {
            let run = call
                .hearing
                .current()
                .filter(|run| matches!(run.kind, Kind::Silence))?;
            let until = run.from_ms + run.for_ms;
            let silent = until.saturating_sub(run.from_ms.max(from));
            (silent >= wanted).then(|| {
                call.heard_until_ms = until;
                format!("heard {:.2} s of it", silent as f64 / 1_000.0)
            })
        })
        .await
    }

    /// Waits until the other side presses a key.
    ///
    /// # Errors
    /// When it has not.
    pub async fn expect_key(&mut self, key: Tone, within: Duration) -> Result<String, Interrupted> {
        self.until(within, |call| {
            let unused = call.keys_heard.get(call.keys_used..)?;
            let at = unused.iter().position(|heard| *heard == key)?;
            call.keys_used += at + 1;
            Some("heard it".to_owned())
        })
        .await
    }

    /// Waits until the other side hangs up.
    ///
    /// # Errors
    /// When it does not.
    pub async fn expect_hang_up(&mut self, within: Duration) -> Result<String, Interrupted> {
        let waited = self.until(within, |call| {
            call.ended
                .as_ref()
                .map(|(_, by, reason)| (*by, reason.clone()))
        });
        match waited.await? {
            (EndedBy::Them, Some(reason)) => Ok(reason),
            (EndedBy::Them, None) => Ok("they hung up".into()),
            _ => Err(Interrupted::Impossible("it ended otherwise".into())),
        }
    }

    /// Does one step; what it expected, in the words of what was found.
    ///
    /// # Errors
    /// Why it did not come to its end.
    pub async fn step(&mut self, step: &Step) -> Result<String, Interrupted> {
        let done = |()| "done".to_owned();
        match step {
            Step::Play(sound) => {
                let clip = sound.load().map_err(|bad| Interrupted::Impossible(bad.0))?;
                self.play(clip).await.map(done)
            }
            Step::Press(keys) => self.press(keys).await.map(done),
            Step::PressInfo(keys) => self.press_by_info(keys).await.map(done),
            Step::Pause(duration) => self.pause(*duration).await.map(done),
            Step::ExpectTone {
                hertz,
                duration,
                within,
            } => self.expect_tone(*hertz, *duration, *within).await,
            Step::ExpectBeep { hertz, within } => self.expect_beep(*hertz, *within).await,
            Step::ExpectSound { duration, within } => self.expect_sound(*duration, *within).await,
            Step::ExpectSilence { duration, within } => {
                self.expect_silence(*duration, *within).await
            }
            Step::ExpectKey { key, within } => self.expect_key(*key, *within).await,
            Step::Hold => self.hold(true).await.map(done),
            Step::Resume => self.hold(false).await.map(done),
            Step::HangUp => {
                self.hang_up().await;
                Ok("done".to_owned())
            }
            Step::ExpectHangUp { within } => self.expect_hang_up(*within).await,
            Step::Transfer(to) => {
                let status = self.transfer(to).await?;
                Ok(format!("it is there: {status}"))
            }
            Step::ExpectMoved { within } => self.expect_moved(*within).await,
        }
    }

    /// Does the steps in order up to the first that fails, then hangs up and reports.
    pub async fn run(mut self, steps: &[Step]) -> Report {
        for step in steps {
            if !self.assert(step).await {
                break;
            }
        }
        self.finish().await
    }

    /// Does a step and keeps what came of it for the report; false when it failed.
    pub async fn assert(&mut self, step: &Step) -> bool {
        let outcome = self.step(step).await;
        let held = outcome.is_ok();
        if !held || step.is_expectation() {
            let detail = outcome.unwrap_or_else(|interrupted| {
                let heard = self
                    .hearing
                    .current()
                    .map(|run| format!("; hearing {}", said(&run)));
                format!("{interrupted}{}", heard.unwrap_or_default())
            });
            self.assertions.push(Assertion {
                step: step.to_string(),
                held,
                detail,
            });
        }
        held
    }

    /// Notes for the report that a step was not done.
    pub(crate) fn fail(&mut self, step: &Step, detail: &str) {
        self.fail_with(step.to_string(), detail.to_owned());
    }

    /// The same for what is no step at all.
    pub(crate) fn fail_with(&mut self, step: String, detail: String) {
        self.assertions.push(Assertion {
            step,
            held: false,
            detail,
        });
    }

    /// Whether a step did not hold.
    pub(crate) fn has_failed(&self) -> bool {
        self.assertions.iter().any(|assertion| !assertion.held)
    }

    /// Hangs up and waits until that is so.
    pub async fn hang_up(&mut self) {
        if self.ended.is_none() {
            self.hanging_up = true;
            self.session.hang_up(None);
            let _ = self
                .until(limits::CLOSING, |call| call.ended.is_some().then_some(()))
                .await;
        }
    }

    /// Hangs up if need be, and tells how it went.
    pub async fn finish(mut self) -> Report {
        self.hang_up().await;
        self.seat.close();
        let until = Instant::now() + limits::CLOSING;
        while self.statistics.is_none() {
            let event = tokio::time::timeout_at(until, self.seat.events.recv()).await;
            match event {
                Ok(Some(event)) => self.on_media(event),
                Ok(None) | Err(_) => break,
            }
        }
        self.listen();
        let mut reason = None;
        if let Some(record) = self.record.take()
            && let Err(error) = record.finish()
        {
            let detail = error.to_string();
            let step = "record".to_owned();
            self.assertions.push(Assertion {
                step,
                held: false,
                detail,
            });
        }
        let since = |at: Instant, from: Instant| millis(at.duration_since(from));
        let (mut duration_ms, mut ended_by) = (None, None);
        if let Some((at, by, why)) = self.ended.take() {
            duration_ms = Some(since(at, self.answered));
            ended_by = Some(by);
            reason = why;
        }
        let broke_off = ended_by == Some(EndedBy::Lost);
        let held = self.assertions.iter().all(|assertion| assertion.held) && !broke_off;
        Report {
            outcome: if held { Outcome::Held } else { Outcome::Failed },
            sip_status: Some(200),
            reason,
            ringing_ms: self.rang.map(|at| since(at, self.began)),
            answered_ms: Some(since(self.answered, self.began)),
            duration_ms,
            ended_by,
            packets: self.statistics.map(Packets::from).unwrap_or_default(),
            heard: self.hearing.runs(),
            keys_heard: self.keys_heard.iter().map(|key| key.symbol()).collect(),
            headers: Vec::new(),
            assertions: std::mem::take(&mut self.assertions),
        }
    }

    fn command(&self, command: MediaCommand) -> Result<(), Interrupted> {
        self.seat.send(command).map_err(|error| match self.ended {
            Some(_) => Interrupted::CallEnded,
            None => Interrupted::Impossible(error.to_string()),
        })
    }

    async fn finish_of(&mut self, of: OperationId, within: Duration) -> Result<(), Interrupted> {
        self.waiting_for = Some(of);
        let outcome = self.until(within, |call| {
            let at = call
                .finished
                .iter()
                .position(|(operation, _)| *operation == of)?;
            Some(call.finished.swap_remove(at).1)
        });
        outcome.await?.map_err(Interrupted::Impossible)
    }

    /// How much of what is wanted has been heard since the last answered expectation, and where
    /// it ends.
    fn amount(&self, wanted: impl Fn(&Run) -> bool) -> (Duration, u64) {
        let (mut sum, mut end) = (0, self.heard_until_ms);
        let current = self.hearing.current();
        let runs = self.hearing.finished().iter().rev().copied();
        for run in current.into_iter().chain(runs) {
            let until = run.from_ms + run.for_ms;
            if until <= self.heard_until_ms {
                break;
            }
            if wanted(&run) {
                sum += until - run.from_ms.max(self.heard_until_ms);
                end = end.max(until);
            }
        }
        (Duration::from_millis(sum), end)
    }

    /// Attends to the call until something is so.
    async fn until<T>(
        &mut self,
        within: Duration,
        mut so: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, Interrupted> {
        let deadline = Instant::now() + within;
        loop {
            self.listen();
            if let Some(value) = so(self) {
                return Ok(value);
            }
            if self.ended.is_some() {
                return Err(Interrupted::CallEnded);
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(Interrupted::TooLate);
            }
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => self.on_session(event),
                    None => self.end(EndedBy::Lost, Some("the phone has stopped".into())),
                },
                Some(event) = self.seat.events.recv() => self.on_media(event),
                Some(incoming) = self.takeovers.1.recv() => self.give_way(*incoming),
                event = news(&mut self.moving) => self.on_moving(event),
                () = tokio::time::sleep_until(deadline.min(now + limits::LISTEN_EVERY)) => {}
            }
        }
    }

    fn end(&mut self, by: EndedBy, reason: Option<String>) {
        if self.ended.is_none() {
            self.ended = Some((Instant::now(), by, reason));
        }
    }

    /// Takes in what has been heard since.
    pub(crate) fn listen(&mut self) {
        while let Some(frame) = self.tap.read() {
            self.hearing.frame(&frame);
            if let Some(record) = &mut self.record
                && let Err(error) = record.write(frame.rate(), &frame)
            {
                let (step, detail) = ("record".to_owned(), error.to_string());
                self.assertions.push(Assertion {
                    step,
                    held: false,
                    detail,
                });
                self.record = None;
            }
        }
    }

    fn on_media(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::ToneHeard(tone) => self.keys_heard.push(tone.into_inner()),
            MediaEvent::Played { operation, ended } => {
                let outcome = match ended {
                    PlayEnded::Finished => Ok(()),
                    PlayEnded::Stopped => Err("playing was stopped".to_owned()),
                };
                self.finished.push((operation, outcome));
            }
            MediaEvent::TonesSent { operation, ended } => {
                let outcome = match ended {
                    TonesEnded::Finished => Ok(()),
                    TonesEnded::Stopped => Err("the keys were stopped".to_owned()),
                    TonesEnded::NotAgreed => {
                        Err("the other side takes no keys as RFC 4733 packets".to_owned())
                    }
                };
                self.finished.push((operation, outcome));
            }
            MediaEvent::Closed(statistics) => self.statistics = Some(statistics),
            MediaEvent::PeerGone => {
                self.end(EndedBy::Lost, Some("no audio has come for long".into()));
            }
            _ => {}
        }
    }

    fn on_session(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Ended(ending) => match ending {
                Ending::HungUp { reason } => self.end(EndedBy::Them, reason),
                Ending::Closed if self.hanging_up => self.end(EndedBy::Us, None),
                Ending::Lost(loss) => self.end(EndedBy::Lost, Some(loss.to_string())),
                _ => self.end(EndedBy::Lost, None),
            },
            SessionEvent::Tone(tone) => self.keys_heard.push(tone),
            SessionEvent::Reoffered { sdp: Some(offer) } => {
                match self.describe.answer(&String::from_utf8_lossy(&offer)) {
                    Ok((answer, agreed)) => {
                        self.session.accept_offer(answer.into_bytes());
                        let _ = self.seat.send(MediaCommand::agree(agreed));
                    }
                    Err(_) => self.session.refuse_offer(Refusal::new(488)),
                }
            }
            SessionEvent::Reoffered { sdp: None } => {
                self.session
                    .accept_offer(self.describe.offer().into_bytes());
            }
            SessionEvent::Confirmed { sdp: Some(answer) }
            | SessionEvent::Reanswered { sdp: answer } => {
                let agreed = self.describe.accept(&String::from_utf8_lossy(&answer));
                self.reoffered = Some(match agreed {
                    Ok(agreed) => {
                        let _ = self.seat.send(MediaCommand::agree(agreed));
                        Ok(())
                    }
                    Err(refusal) => Err(refusal.to_string()),
                });
            }
            SessionEvent::ReferRequested(asked) => self.follow(*asked),
            SessionEvent::Referred { status } => self.referred = Some(status),
            SessionEvent::ReofferRefused { status } => {
                self.reoffered = Some(Err(format!("refused: {status}")));
            }
            _ => {}
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.line.lines.leave(self.session.id());
    }
}

/// What happens in the call that may take this one's place.
async fn news(moving: &mut Option<Moving>) -> Option<SessionEvent> {
    match moving {
        Some(moving) => moving.events.recv().await,
        None => std::future::pending().await,
    }
}

pub(crate) fn operation() -> OperationId {
    OperationId::from_random(rand::random())
}

fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

/// A run in words.
fn said(run: &Run) -> String {
    let lasts = run.for_ms as f64 / 1_000.0;
    match run.kind {
        Kind::Silence => format!("silence for {lasts:.2} s"),
        Kind::Tone { hertz } => format!("{hertz:.0} Hz for {lasts:.2} s"),
        Kind::Sound => format!("sound for {lasts:.2} s"),
    }
}
