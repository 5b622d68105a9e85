//! Speech both ways: words to sound and sound to words.
//!
//! ```text
//!   SSML or text ─▶ Script ─▶ Synthesiser ─▶ Audio          (a voice of a provider)
//!   samples ─▶ Ear ─▶ Utterance, piece by piece ─▶ Recogniser ─▶ words
//! ```
//!
//! One provider, one file. Providers that are programs of this machine run as child processes, with
//! a bound on how many and how long; nothing of them is linked. Others are services, by HTTP or WebSocket.

mod audio;
mod azure;
mod child;
mod espeak;
pub mod limits;
mod openai;
mod pocketsphinx;
mod recogniser;
mod scripted;
mod ssml;
mod synthesiser;
mod utterance;
mod voice;

pub use audio::Audio;
pub use azure::Azure;
pub use openai::OpenAi;
pub use recogniser::{Recogniser, Request, Words};
pub use scripted::ScriptedWords;
pub use ssml::{Script, Stretch, plain, read};
pub use synthesiser::{Sink, Synthesiser};
pub use utterance::{Utterance, UtteranceFeed, utterance};
pub use voice::{Ear, Sound};

/// Why something was not spoken or understood, in words for an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechFault {
    /// The program is not there.
    #[error("{program} cannot be run ({why}); install it, or name another in `{setting}`")]
    NotInstalled {
        /// Which.
        program: String,
        /// What the system said.
        why: String,
        /// Where another can be named.
        setting: &'static str,
    },
    /// It ran and failed.
    #[error("{program} failed: {why}")]
    Failed {
        /// Which.
        program: String,
        /// What it said.
        why: String,
    },
    /// It took too long.
    #[error("{program} took longer than {} s", limits::WORK_WITHIN.as_secs())]
    TooSlow {
        /// Which.
        program: String,
    },
    /// A service could not be reached or refused.
    #[error("{service} did not do it: {why}")]
    Refused {
        /// Which.
        service: &'static str,
        /// What it said, without what it was asked.
        why: String,
    },
    /// There is nobody to do it.
    #[error("nobody is configured who could")]
    Nobody,
}
