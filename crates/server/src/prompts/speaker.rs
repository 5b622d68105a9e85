//! Words made into sound, once for all who say the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use offhook_engine::{Speech, SpeechForm};
use offhook_media::{Clip, ClipFeed, Rate, Resampler, wav};
use offhook_speech::{Audio, SpeechFault, Synthesiser};
use tokio::sync::watch;

use super::cache::Decoded;
use crate::{config, providers};

/// What a caller hears when words cannot be spoken: shipped, because nothing else is sure to work.
const SORRY: &[u8] = include_bytes!("../../assets/sorry.wav");

type Hash = [u8; 32];

/// What is made before a caller hears the first of it: enough for the next to be made meanwhile.
const FIRST: Duration = Duration::from_millis(250);

/// Whoever speaks for bots.
pub(crate) struct Speaker {
    synthesiser: Option<Synthesiser>,
    sorry: Clip,
    spoken: Mutex<Decoded>,
    /// What is being made, for all who want the same.
    making: Mutex<HashMap<Hash, watch::Receiver<Option<Clip>>>>,
}

impl Speaker {
    pub(crate) fn new(settings: &config::Speech) -> Arc<Self> {
        let synthesiser = match settings.synthesiser {
            config::Synthesiser::Espeak => Some(Synthesiser::espeak(settings.espeak.clone())),
            config::Synthesiser::Azure => providers::azure(settings).map(Synthesiser::azure),
            config::Synthesiser::Openai => Some(Synthesiser::openai(providers::openai(settings))),
            config::Synthesiser::None => None,
        };
        Arc::new(Self {
            synthesiser,
            sorry: Clip::from_wav(SORRY).expect("the shipped file is a WAV; a test reads it"),
            spoken: Mutex::default(),
            making: Mutex::default(),
        })
    }

    /// The sound of words, or an apology; as soon as its first part is made. `fetch` is for sounds that a
    /// document names.
    pub(super) async fn speak<F>(
        self: &Arc<Self>,
        speech: &Speech,
        fetch: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Clip
    where
        F: Future<Output = Option<Audio>> + Send,
    {
        let hash = hash(speech);
        if let Some(clip) = self.spoken().get(&hash) {
            return clip;
        }
        let mut made = {
            let mut making = self.making();
            match making.get(&hash) {
                Some(made) => made.clone(),
                None => {
                    let (door, made) = watch::channel(None);
                    making.insert(hash, made.clone());
                    let (speaker, speech) = (Arc::clone(self), speech.clone());
                    tokio::spawn(async move { speaker.make(hash, &speech, fetch, door).await });
                    made
                }
            }
        };
        let made = made.wait_for(Option::is_some).await;
        let clip = made.ok().and_then(|clip| clip.clone());
        clip.unwrap_or_else(|| self.sorry.clone())
    }

    async fn make<F>(
        &self,
        hash: Hash,
        speech: &Speech,
        fetch: impl Fn(String) -> F,
        door: watch::Sender<Option<Clip>>,
    ) where
        F: Future<Output = Option<Audio>>,
    {
        let mut making = Making::new(door);
        let made = match &self.synthesiser {
            None => Err(SpeechFault::Nobody),
            Some(synthesiser) => {
                let words = speech.words.reveal();
                let script = match speech.form {
                    SpeechForm::Plain => offhook_speech::plain(words),
                    SpeechForm::Ssml => offhook_speech::read(words),
                };
                let voice = speech.voice.as_deref();
                let mut sink = |audio: Audio| making.take(&audio);
                synthesiser
                    .speak(&script, &speech.locale, voice, fetch, &mut sink)
                    .await
            }
        };
        match made {
            Ok(()) => self.spoken().keep(hash, making.finish()),
            Err(why) => {
                metrics::counter!("offhook_speech_failed_total").increment(1);
                tracing::error!(%why, "words could not be spoken; the caller heard an apology");
                making.give_up(&self.sorry);
            }
        }
        self.making().remove(&hash);
    }

    fn spoken(&self) -> MutexGuard<'_, Decoded> {
        self.spoken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn making(&self) -> MutexGuard<'_, HashMap<Hash, watch::Receiver<Option<Clip>>>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sound that is being made, at the rate of wideband calls.
struct Making {
    door: watch::Sender<Option<Clip>>,
    feed: Option<ClipFeed>,
    /// All of it.
    samples: Vec<i16>,
    /// How much of that has been handed on.
    given: usize,
    /// From another rate.
    resampler: Option<(u32, Resampler)>,
}

impl Making {
    fn new(door: watch::Sender<Option<Clip>>) -> Self {
        Self {
            door,
            feed: None,
            samples: Vec::new(),
            given: 0,
            resampler: None,
        }
    }

    fn take(&mut self, piece: &Audio) {
        let rate = Rate::Wide.hertz();
        if piece.rate == rate {
            self.resampler = None;
            self.samples.extend_from_slice(&piece.samples);
        } else {
            if self
                .resampler
                .as_ref()
                .is_none_or(|(of, _)| *of != piece.rate)
            {
                self.resampler = Some((piece.rate, Resampler::new(piece.rate, rate)));
            }
            if let Some((_, resampler)) = &mut self.resampler {
                resampler.process(&piece.samples, &mut self.samples);
            }
        }
        // Each piece is as long as all before it, so that there are few.
        let first = (FIRST.as_secs_f64() * f64::from(rate)) as usize;
        if self.samples.len() - self.given >= self.given.max(first) {
            self.give();
        }
    }

    /// Hands on what there is.
    fn give(&mut self) {
        let samples = wav::Samples {
            rate: Rate::Wide.hertz(),
            samples: self.samples[self.given..].to_vec(),
        };
        self.given = self.samples.len();
        match &mut self.feed {
            Some(feed) => {
                feed.give(&samples);
            }
            None => {
                let (clip, feed) = Clip::growing(&samples);
                self.feed = Some(feed);
                let _ = self.door.send(Some(clip));
            }
        }
    }

    /// That was all; gives it in one piece.
    fn finish(mut self) -> Clip {
        if self.given < self.samples.len() || self.feed.is_none() {
            self.give();
        }
        Clip::from_samples(&wav::Samples {
            rate: Rate::Wide.hertz(),
            samples: self.samples,
        })
    }

    /// It failed: what was made is played, and then the apology.
    fn give_up(mut self, sorry: &Clip) {
        if self.feed.is_none() && self.samples.is_empty() {
            let _ = self.door.send(Some(sorry.clone()));
            return;
        }
        if self.given < self.samples.len() {
            self.give();
        }
        if let (Some(feed), Ok(sorry)) = (&mut self.feed, wav::read_any(SORRY)) {
            feed.give(&sorry);
        }
    }
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
    fn what_is_made_is_heard_from_its_first_part_on() {
        let (door, heard) = watch::channel(None);
        let mut making = Making::new(door);
        let piece = |rate: u32, milliseconds: u32| Audio {
            rate,
            samples: vec![1_000; (rate * milliseconds / 1_000) as usize],
        };
        let heard = || {
            heard
                .borrow()
                .as_ref()
                .map(|clip: &Clip| clip.duration().as_millis())
        };
        making.take(&piece(16_000, 200));
        assert_eq!(heard(), None, "too little");
        making.take(&piece(16_000, 100));
        assert_eq!(heard(), Some(300));
        making.take(&piece(16_000, 200));
        assert_eq!(heard(), Some(300), "pieces grow");
        making.take(&piece(8_000, 500));
        let length = heard().expect("some");
        assert!((990..=1_000).contains(&length), "{length}");
        making.take(&piece(16_000, 100));
        let whole = making.finish().duration().as_millis();
        assert!((1_090..=1_100).contains(&whole), "{whole}");
        assert_eq!(heard(), Some(whole));
    }

    #[test]
    fn what_fails_in_the_middle_is_heard_up_to_there_and_then_an_apology() {
        let (door, heard) = watch::channel(None);
        let mut making = Making::new(door);
        making.take(&Audio {
            rate: 16_000,
            samples: vec![1_000; 8_000],
        });
        let sorry = Clip::from_wav(SORRY).expect("a WAV");
        making.give_up(&sorry);
        let heard = heard.borrow().as_ref().map(Clip::duration);
        let wanted = sorry.duration() + Duration::from_millis(500);
        assert_eq!(heard, Some(wanted));
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
