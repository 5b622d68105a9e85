//! Words to sound.

use crate::espeak::Espeak;
use crate::{Audio, Azure, OpenAi, Script, SpeechFault, Stretch, limits};

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

    /// Speaks a script: all of it, or why not. `voice` and `locale` are for what the script leaves open.
    /// A sound is fetched by `fetch`; what cannot be had is spoken instead, where there are words for it.
    ///
    /// # Errors
    /// What the provider met.
    pub async fn speak<F>(
        &self,
        script: &Script,
        locale: &str,
        voice: Option<&str>,
        fetch: impl Fn(String) -> F,
    ) -> Result<Vec<Audio>, SpeechFault>
    where
        F: Future<Output = Option<Audio>>,
    {
        let mut spoken = Vec::new();
        let mut length = std::time::Duration::ZERO;
        // What is to be said yet, the next last.
        let mut left: Vec<&Stretch> = script.stretches.iter().rev().collect();
        while let Some(stretch) = left.pop() {
            let audio = match stretch {
                Stretch::Silence(duration) => Audio::silence(16_000, *duration),
                Stretch::Words {
                    markup,
                    voice: own_voice,
                    locale: own_locale,
                } => {
                    let locale = own_locale.as_deref().unwrap_or(locale);
                    let voice = own_voice.as_deref().or(voice);
                    match &self.0 {
                        Provider::Espeak(espeak) => espeak.speak(markup, locale, voice).await?,
                        Provider::Azure(azure) => azure.speak(markup, locale, voice).await?,
                        Provider::OpenAi(openai) => openai.speak(markup, voice).await?,
                    }
                }
                Stretch::Audio { uri, otherwise } => match fetch(uri.clone()).await {
                    Some(audio) => audio,
                    None => {
                        left.extend(otherwise.iter().rev());
                        continue;
                    }
                },
            };
            length += audio.duration();
            spoken.push(audio);
            if length > limits::AUDIO_MAX {
                break;
            }
        }
        Ok(spoken)
    }
}
