//! The services that speak and understand, from their settings.

use offhook_speech::{Azure, OpenAi};
use url::Url;

use crate::config::Speech;

/// Azure Speech, if there is a key for it.
pub(crate) fn azure(settings: &Speech) -> Option<Azure> {
    let region = &settings.azure_region;
    let usual = |url: String| Url::parse(&url).ok();
    let synthesis = settings.azure_synthesis_url.clone().or_else(|| {
        usual(format!(
            "https://{region}.tts.speech.microsoft.com/cognitiveservices/v1"
        ))
    });
    let recognition = settings.azure_recognition_url.clone().or_else(|| {
        usual(format!(
            "wss://{region}.stt.speech.microsoft.com/speech/recognition/interactive/cognitiveservices/v1"
        ))
    });
    Some(Azure {
        key: settings.azure_key.clone()?,
        synthesis: synthesis?,
        recognition: recognition?,
        voice: settings.azure_voice.clone(),
        client: reqwest::Client::new(),
    })
}

/// A service with the interface of OpenAI's.
pub(crate) fn openai(settings: &Speech) -> OpenAi {
    OpenAi {
        url: settings.openai_url.clone(),
        key: settings.openai_key.clone(),
        speech_model: settings.openai_speech_model.clone(),
        voice: settings.openai_voice.clone(),
        transcription_model: settings.openai_transcription_model.clone(),
        client: reqwest::Client::new(),
    }
}
