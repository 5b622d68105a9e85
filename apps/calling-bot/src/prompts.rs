//! What the bot says. The sentences are in `prompts/`, with how they were made.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use offhook_bot::prompt;
use offhook_bot::wire::graph::MediaPrompt;

/// A sentence the bot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// "Please leave a message after the beep. Press the pound key when you are done."
    LeaveAMessage,
    /// "I did not hear anything. Please try again after the beep."
    NothingHeard,
    /// "Goodbye."
    Goodbye,
}

impl Prompt {
    pub(crate) const ALL: [Self; 3] = [Self::LeaveAMessage, Self::NothingHeard, Self::Goodbye];

    fn name(self) -> &'static str {
        match self {
            Self::LeaveAMessage => "leave-a-message",
            Self::NothingHeard => "nothing-heard",
            Self::Goodbye => "goodbye",
        }
    }

    fn audio(self) -> &'static [u8] {
        match self {
            Self::LeaveAMessage => include_bytes!("../prompts/leave-a-message.wav"),
            Self::NothingHeard => include_bytes!("../prompts/nothing-heard.wav"),
            Self::Goodbye => include_bytes!("../prompts/goodbye.wav"),
        }
    }

    /// The prompt as the platform is asked to play it. The id is that of the content, so that what
    /// the platform keeps is right after the sentence changes, and is kept after a restart.
    pub(crate) fn at(self, base_url: &str) -> MediaPrompt {
        let name = self.name();
        let id = format!("{name}-{:016x}", fnv1a(self.audio()));
        prompt(&format!("{base_url}/prompts/{name}.wav"), Some(&id))
    }
}

/// The 64-bit FNV-1a hash: to tell contents apart, not to protect them.
fn fnv1a(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

pub(crate) fn routes() -> Router {
    Router::new().route("/prompts/{file}", get(serve))
}

async fn serve(Path(file): Path<String>) -> Response {
    let named = |prompt: &Prompt| file.strip_suffix(".wav") == Some(prompt.name());
    match Prompt::ALL.into_iter().find(named) {
        Some(prompt) => {
            let headers = [
                (CONTENT_TYPE, "audio/wav"),
                (CACHE_CONTROL, "max-age=86400"),
            ];
            (headers, prompt.audio()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_is_short_and_in_the_one_format_the_api_plays() {
        for prompt in Prompt::ALL {
            let audio = prompt.audio();
            assert_eq!(&audio[..4], b"RIFF");
            assert_eq!(&audio[8..16], b"WAVEfmt ");
            // PCM, one channel, 16 000 a second, 16 bit.
            assert_eq!(audio[20..24], [1, 0, 1, 0], "{prompt:?}");
            assert_eq!(audio[24..28], 16_000u32.to_le_bytes(), "{prompt:?}");
            assert_eq!(audio[34..36], [16, 0], "{prompt:?}");
            assert!(audio.len() < 5 * 32_000, "{prompt:?}");
        }
    }

    #[test]
    fn the_id_of_a_prompt_is_that_of_its_content() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
