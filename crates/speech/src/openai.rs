//! Services with the interface of OpenAI's audio: speech and transcriptions, over HTTP. Many that run on
//! one's own machines have it too.

use offhook_terms::Private;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::audio::{NoSound, WavParts};
use crate::recogniser::{Request, Words};
use crate::{Audio, Sink, SpeechFault, limits, ssml};

const SERVICE: &str = "the service at `speech.openai_url`";

/// How to reach one.
#[derive(Debug, Clone)]
pub struct OpenAi {
    /// The start of its addresses, as in `http://127.0.0.1:8000/v1`.
    pub url: Url,
    /// What it wants to see, if it does.
    pub key: Option<Private<String>>,
    /// Which model speaks.
    pub speech_model: String,
    /// Whose voice, unless a bot says otherwise.
    pub voice: String,
    /// Which model understands.
    pub transcription_model: String,
    /// The connections.
    pub client: Client,
}

#[derive(Deserialize)]
struct Transcription {
    text: String,
}

impl OpenAi {
    pub(crate) async fn speak(
        &self,
        markup: &str,
        voice: Option<&str>,
        sink: &mut Sink<'_>,
    ) -> Result<(), SpeechFault> {
        let body = json!({
            "model": self.speech_model,
            "voice": voice.unwrap_or(&self.voice),
            // Such services read words and no markup.
            "input": ssml::words_of(markup),
            "response_format": "wav",
        });
        let request = self.post("audio/speech").json(&body);
        send_for_sound(SERVICE, request, sink).await
    }

    pub(crate) async fn understand(
        &self,
        request: Request,
        audio: &Audio,
    ) -> Result<Option<Words>, SpeechFault> {
        let file = Part::bytes(audio.to_wav()).file_name("utterance.wav");
        let file = file
            .mime_str("audio/wav")
            .map_err(|why| refused(SERVICE, &why.to_string()))?;
        let language = request
            .locale
            .split('-')
            .next()
            .unwrap_or_default()
            .to_owned();
        let mut form = Form::new()
            .part("file", file)
            .text("model", self.transcription_model.clone())
            .text("language", language)
            .text("response_format", "json");
        if !request.phrases.is_empty() {
            form = form.text("prompt", request.phrases.join(", "));
        }
        let answer = send(SERVICE, self.post("audio/transcriptions").multipart(form)).await?;
        let answer: Transcription = serde_json::from_slice(&answer)
            .map_err(|_| refused(SERVICE, "its answer has no `text`"))?;
        let text = answer.text.trim().to_owned();
        Ok((!text.is_empty()).then(|| Words {
            text: Private::new(text),
            locale: request.locale,
            confidence: None,
        }))
    }

    fn post(&self, below: &str) -> RequestBuilder {
        let url = format!("{}/{below}", self.url.as_str().trim_end_matches('/'));
        let request = self.client.post(url).timeout(limits::WORK_WITHIN);
        match &self.key {
            Some(key) => request.bearer_auth(key.reveal()),
            None => request,
        }
    }
}

pub(crate) fn refused(service: &'static str, why: &str) -> SpeechFault {
    SpeechFault::Refused {
        service,
        why: why.to_owned(),
    }
}

/// Asks a service, and gives its answer.
pub(crate) async fn send(
    service: &'static str,
    request: RequestBuilder,
) -> Result<Vec<u8>, SpeechFault> {
    let mut body = Vec::new();
    let keep = |part: &[u8]| {
        body.extend_from_slice(part);
        Ok(())
    };
    answered(service, request, keep).await?;
    Ok(body)
}

/// The same, for a sound, which is handed on as it comes.
pub(crate) async fn send_for_sound(
    service: &'static str,
    request: RequestBuilder,
    sink: &mut Sink<'_>,
) -> Result<(), SpeechFault> {
    let no_sound = |NoSound| refused(service, "its answer is no sound");
    let mut parts = WavParts::default();
    let hand_on = |part: &[u8]| {
        if let Some(audio) = parts.take(part).map_err(no_sound)? {
            sink(audio);
        }
        Ok(())
    };
    answered(service, request, hand_on).await?;
    parts.end().map_err(no_sound)
}

/// Asks, and hands over what a service answers, part by part.
async fn answered(
    service: &'static str,
    request: RequestBuilder,
    mut take: impl FnMut(&[u8]) -> Result<(), SpeechFault>,
) -> Result<(), SpeechFault> {
    let unreachable = |why: reqwest::Error| refused(service, &root(&why.without_url()));
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    if !status.is_success() {
        return Err(refused(service, &format!("it answered {status}")));
    }
    let mut length = 0;
    while let Some(part) = response.chunk().await.map_err(unreachable)? {
        length += part.len();
        if length > limits::ANSWER_BYTES_MAX {
            return Err(refused(service, "its answer is too long"));
        }
        take(&part)?;
    }
    Ok(())
}

/// The cause at the bottom; the layers above say only that there was one.
pub(crate) fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
