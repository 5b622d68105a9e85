//! A model of one call's audio, just deep enough for what the engine can see of it.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook_engine::{RecordEnding, RecordRules};
use offhook_terms::{OperationId, Tone};

/// A prompt that can be fetched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clip {
    pub(crate) length: Duration,
    /// How long fetching takes.
    pub(crate) fetch: Duration,
    pub(crate) is_wav: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Room {
    /// The lengths of fetched prompts, by operation and place.
    pub(crate) fetched: BTreeMap<(OperationId, usize), Duration>,
    pub(crate) recorder: Option<Recorder>,
}

/// A running recording of an answer.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) operation: OperationId,
    rules: RecordRules,
    length: Duration,
    silence: Duration,
    heard_something: bool,
}

impl Room {
    /// How long the operation's prompts take to play, one after the other.
    pub(crate) fn length(&self, operation: OperationId) -> Duration {
        let all = self.fetched.iter();
        all.filter(|((of, _), _)| *of == operation)
            .map(|(_, length)| *length)
            .sum()
    }

    pub(crate) fn forget(&mut self, operation: OperationId) {
        self.fetched.retain(|(of, _), _| *of != operation);
        self.recorder.take_if(|one| one.operation == operation);
    }
}

impl Recorder {
    pub(crate) const TICK: Duration = Duration::from_millis(20);

    pub(crate) fn new(operation: OperationId, rules: RecordRules) -> Self {
        Self {
            operation,
            rules,
            length: Duration::ZERO,
            silence: Duration::ZERO,
            heard_something: false,
        }
    }

    /// A tick has passed, of speech or of silence.
    pub(crate) fn tick(&mut self, is_speech: bool) -> Option<RecordEnding> {
        self.length += Self::TICK;
        if is_speech {
            self.heard_something = true;
            self.silence = Duration::ZERO;
        } else {
            self.silence += Self::TICK;
        }
        if self.length >= self.rules.max_duration {
            Some(RecordEnding::MaxDuration)
        } else if self.heard_something && self.silence >= self.rules.max_silence {
            Some(RecordEnding::MaxSilence)
        } else if !self.heard_something && self.silence >= self.rules.initial_silence {
            Some(RecordEnding::InitialSilence)
        } else {
            None
        }
    }

    pub(crate) fn is_stopped_by(&self, tone: Tone) -> bool {
        self.rules.stop_tones.contains(&tone)
    }

    pub(crate) fn length(&self) -> Duration {
        self.length
    }
}
