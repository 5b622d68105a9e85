//! A bot that does what a test says.

use std::time::Duration;

use offhook_engine::{Accepted, Command, Prompt, RecordRules, Refusal, RejectReason};
use offhook_terms::{OperationId, Tone};

use crate::World;

/// What a bot may be told to do. See [`World::bot`].
///
/// Commands give back what the engine said; a refusal is drawn as well.
pub struct BotScript<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) name: &'static str,
}

impl BotScript<'_> {
    /// Its web server is down from now on.
    pub fn is_down(self) {
        self.world.bots_down.insert(self.name);
    }

    /// Answers.
    pub fn answers(self) {
        self.asks(Command::Answer {
            hosting: offhook_engine::Hosting::Service,
        })
        .ok();
    }

    /// Rejects the call as busy.
    pub fn rejects_busy(self) {
        self.asks(Command::Reject(RejectReason::Busy)).ok();
    }

    /// Rejects the call without saying why.
    pub fn rejects(self) {
        self.asks(Command::Reject(RejectReason::None)).ok();
    }

    /// Hangs up.
    pub fn hangs_up(self) {
        self.asks(Command::HangUp).ok();
    }

    /// Says that it is alive.
    pub fn keeps_alive(self) {
        self.asks(Command::KeepAlive).ok();
    }

    /// Plays prompts, one after the other.
    pub fn plays(self, uris: &[&str]) {
        self.play(uris, false);
    }

    /// Plays prompts over and over.
    pub fn plays_for_ever(self, uris: &[&str]) {
        self.play(uris, true);
    }

    /// Records an answer after a prompt and a beep; `#` ends it, five seconds of silence do, and
    /// thirty seconds of speech do.
    pub fn records(self, prompt: Option<&str>) {
        self.record(prompt, false);
    }

    /// The same, and cancels everything asked for before.
    pub fn barges_in_and_records(self, prompt: Option<&str>) {
        self.record(prompt, true);
    }

    fn play(self, uris: &[&str], for_ever: bool) {
        let operation = self.world.new_operation();
        let prompts = uris.iter().map(|uri| prompt(uri)).collect();
        let command = Command::Play {
            operation,
            prompts,
            for_ever,
            context: None,
        };
        self.asks(command).ok();
    }

    fn record(self, uri: Option<&str>, barge_in: bool) {
        let operation: OperationId = self.world.new_operation();
        let command = Command::Record {
            operation,
            prompt: uri.map(prompt),
            barge_in,
            beep: true,
            rules: RecordRules {
                initial_silence: Duration::from_secs(5),
                max_silence: Duration::from_secs(5),
                max_duration: Duration::from_secs(30),
                stop_tones: Tone::from_symbol('#').into_iter().collect(),
            },
            context: None,
        };
        self.asks(command).ok();
    }

    fn asks(self, command: Command) -> Result<Accepted, Refusal> {
        self.world.bot_asks(self.name, command)
    }
}

fn prompt(uri: &str) -> Prompt {
    Prompt {
        uri: uri.to_owned(),
        resource_id: None,
    }
}
