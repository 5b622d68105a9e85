//! Words made into sound, once for all who say the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use offhook_engine::{Speech, SpeechForm};
use offhook_media::{Clip, Rate, Resampler, wav};
use offhook_speech::{Audio, SpeechFault, Synthesiser};
use tokio::sync::OnceCell;

use super::cache::Decoded;
use crate::{config, providers};

/// What a caller hears when words cannot be spoken: shipped, because nothing else is sure to work.
const SORRY: &[u8] = include_bytes!("../../assets/sorry.wav");

type Hash = [u8; 32];

/// Whoever speaks for bots.
pub(crate) struct Speaker {
    synthesiser: Option<Synthesiser>,
    sorry: Clip,
    spoken: Mutex<Decoded>,
    /// What is being made.
    making: Mutex<HashMap<Hash, Arc<OnceCell<Clip>>>>,
}

impl Speaker {
    pub(crate) fn new(settings: &config::Speech) -> Self {
        let synthesiser = match settings.synthesiser {
            config::Synthesiser::Espeak => Some(Synthesiser::espeak(settings.espeak.clone())),
            config::Synthesiser::Azure => providers::azure(settings).map(Synthesiser::azure),
            config::Synthesiser::Openai => Some(Synthesiser::openai(providers::openai(settings))),
            config::Synthesiser::None => None,
        };
        Self {
            synthesiser,
            sorry: Clip::from_wav(SORRY).expect("the shipped file is a WAV; a test reads it"),
            spoken: Mutex::default(),
            making: Mutex::default(),
        }
    }

    /// The sound of words, or an apology. `fetch` is for sounds that a document names.
    pub(super) async fn speak<F>(&self, speech: &Speech, fetch: impl Fn(String) -> F) -> Clip
    where
        F: Future<Output = Option<Audio>>,
    {
        let hash = hash(speech);
        if let Some(clip) = self.spoken().get(&hash) {
            return clip;
        }
        let cell = Arc::clone(self.making().entry(hash).or_default());
        let made = cell.get_or_try_init(|| self.make(speech, fetch)).await;
        // Whoever made it last takes it away; those who wait have it already.
        self.making().remove(&hash);
        match made {
            Ok(clip) => {
                self.spoken().keep(hash, clip.clone());
                clip.clone()
            }
            Err(why) => {
                metrics::counter!("offhook_speech_failed_total").increment(1);
                tracing::error!(%why, "words could not be spoken; the caller heard an apology");
                self.sorry.clone()
            }
        }
    }

    async fn make<F>(
        &self,
        speech: &Speech,
        fetch: impl Fn(String) -> F,
    ) -> Result<Clip, SpeechFault>
    where
        F: Future<Output = Option<Audio>>,
    {
        let synthesiser = self.synthesiser.as_ref().ok_or(SpeechFault::Nobody)?;
        let words = speech.words.reveal();
        let script = match speech.form {
            SpeechForm::Plain => offhook_speech::plain(words),
            SpeechForm::Ssml => offhook_speech::read(words),
        };
        let voice = speech.voice.as_deref();
        let pieces = synthesiser
            .speak(&script, &speech.locale, voice, fetch)
            .await?;
        Ok(joined(&pieces))
    }

    fn spoken(&self) -> MutexGuard<'_, Decoded> {
        self.spoken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn making(&self) -> MutexGuard<'_, HashMap<Hash, Arc<OnceCell<Clip>>>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One after the other, at the rate of wideband calls.
fn joined(pieces: &[Audio]) -> Clip {
    let rate = Rate::Wide.hertz();
    let mut samples = Vec::new();
    for piece in pieces {
        if piece.rate == rate {
            samples.extend_from_slice(&piece.samples);
        } else {
            Resampler::new(piece.rate, rate).process(&piece.samples, &mut samples);
        }
    }
    Clip::from_samples(&wav::Samples { rate, samples })
}

/// By content: the same words in the same voice are the same sound.
fn hash(speech: &Speech) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    let form = match speech.form {
        SpeechForm::Plain => "plain",
        SpeechForm::Ssml => "ssml",
    };
    let voice = speech.voice.as_deref().unwrap_or_default();
    for part in [form, &speech.locale, voice, speech.words.reveal()] {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use offhook_terms::Private;

    use super::*;

    fn words(words: &str) -> Speech {
        Speech {
            words: Private::new(words.to_owned()),
            form: SpeechForm::Plain,
            locale: "en-US".to_owned(),
            voice: None,
        }
    }

    async fn spoken(settings: &config::Speech) -> Clip {
        let speaker = Speaker::new(settings);
        speaker.speak(&words("hello"), |_| async { None }).await
    }

    #[tokio::test]
    async fn whoever_cannot_speak_apologises() {
        let nobody = config::Speech {
            synthesiser: config::Synthesiser::None,
            ..config::Speech::default()
        };
        let missing = config::Speech {
            espeak: "/nowhere/espeak-ng".to_owned(),
            ..config::Speech::default()
        };
        let sorry = Clip::from_wav(SORRY).expect("a WAV").duration();
        assert!(sorry.as_secs() >= 2);
        for settings in [nobody, missing] {
            assert_eq!(spoken(&settings).await.duration(), sorry);
        }
    }

    #[test]
    fn what_is_joined_is_as_long_as_its_pieces() {
        let pieces = [(16_000, 16_000), (22_050, 22_050), (8_000, 4_000)];
        let pieces = pieces.map(|(rate, length)| Audio {
            rate,
            samples: vec![1_000; length],
        });
        let length = joined(&pieces).duration().as_secs_f64();
        assert!((length - 2.5).abs() < 0.02, "{length}");
    }

    #[test]
    fn other_words_or_voices_are_another_sound() {
        let one = words("one");
        let mut other = one.clone();
        other.voice = Some("en-GB".to_owned());
        assert_eq!(hash(&one), hash(&words("one")));
        assert_ne!(hash(&one), hash(&words("two")));
        assert_ne!(hash(&one), hash(&other));
    }
}
