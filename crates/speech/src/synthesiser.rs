//! Words to sound.

use crate::espeak::Espeak;
use crate::{Audio, Azure, OpenAi, Script, SpeechFault, Stretch, limits};

/// Where what is spoken goes, piece by piece.
pub type Sink<'a> = dyn FnMut(Audio) + Send + 'a;

/// Somebody who speaks.
#[derive(Debug)]
pub struct Synthesiser(Provider);

#[derive(Debug)]
enum Provider {
    Espeak(Espeak),
    Azure(Azure),
    OpenAi(OpenAi),
}

impl Synthesiser {
    /// The program of this name, eSpeak NG or one like it.
    pub fn espeak(program: String) -> Self {
        Self(Provider::Espeak(Espeak::new(program)))
    }

    /// Azure Speech.
    pub fn azure(azure: Azure) -> Self {
        Self(Provider::Azure(azure))
    }

    /// A service with the interface of OpenAI's.
    pub fn openai(openai: OpenAi) -> Self {
        Self(Provider::OpenAi(openai))
    }

    /// Speaks a script: hands over what is spoken, piece by piece as it is made, up to its end or to where
    /// it fails. A service's sound comes as it is sent, a program's a stretch at a time. `voice` and `locale`
    /// are for what the script leaves open. A sound is fetched by `fetch`; what cannot be had is spoken
    /// instead, where there are words for it.
    ///
    /// # Errors
    /// What the provider met.
    pub async fn speak<F>(
        &self,
        script: &Script,
        locale: &str,
        voice: Option<&str>,
        fetch: impl Fn(String) -> F,
        sink: &mut Sink<'_>,
    ) -> Result<(), SpeechFault>
    where
        F: Future<Output = Option<Audio>>,
    {
        let mut length = std::time::Duration::ZERO;
        // What is to be said yet, the next last.
        let mut left: Vec<&Stretch> = script.stretches.iter().rev().collect();
        while let Some(stretch) = left.pop() {
            let mut spoken = std::time::Duration::ZERO;
            let mut measured = |audio: Audio| {
                spoken += audio.duration();
                sink(audio);
            };
            match stretch {
                Stretch::Silence(duration) => measured(Audio::silence(16_000, *duration)),
                Stretch::Words {
                    markup,
                    voice: own_voice,
                    locale: own_locale,
                } => {
                    let locale = own_locale.as_deref().unwrap_or(locale);
                    let voice = own_voice.as_deref().or(voice);
                    match &self.0 {
                        Provider::Espeak(espeak) => {
                            measured(espeak.speak(markup, locale, voice).await?);
                        }
                        Provider::Azure(azure) => {
                            azure.speak(markup, locale, voice, &mut measured).await?;
                        }
                        Provider::OpenAi(openai) => {
                            openai.speak(markup, voice, &mut measured).await?;
                        }
                    }
                }
                Stretch::Audio { uri, otherwise } => match fetch(uri.clone()).await {
                    Some(audio) => measured(audio),
                    None => left.extend(otherwise.iter().rev()),
                },
            }
            length += spoken;
            if length > limits::AUDIO_MAX {
                break;
            }
        }
        Ok(())
    }
}
