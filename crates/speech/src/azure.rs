//! Azure Speech: synthesis over HTTP, recognition over the WebSocket protocol that Microsoft's own SDK
//! speaks (npm `microsoft-cognitiveservices-speech-sdk`; `interop/channel` compares what both send).
//!
//! ```text
//!   we   ─▶ speech.config, speech.context (text)   audio, audio, … (binary; an empty one is the end)
//!   they ─▶ turn.start, speech.hypothesis, …, speech.phrase: the words, turn.end
//! ```
//!
//! A text message is headers, an empty line and JSON; a binary one is the length of its headers in two
//! octets, the headers and sound.

use futures::{SinkExt as _, StreamExt as _};
use offhook_terms::Private;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use url::Url;

use crate::openai::{refused, root, send};
use crate::recogniser::{Request, Words};
use crate::ssml::escape;
use crate::{Audio, SpeechFault, limits};

const SERVICE: &str = "Azure Speech";

/// Sound in one message: a tenth of a second, as the SDK sends it.
const PIECE_BYTES: usize = 3_200;

/// How to reach it.
#[derive(Debug, Clone)]
pub struct Azure {
    /// The key of the resource.
    pub key: Private<String>,
    /// Where words become sound, as in
    /// `https://westeurope.tts.speech.microsoft.com/cognitiveservices/v1`.
    pub synthesis: Url,
    /// Where sound becomes words, as in
    /// `wss://westeurope.stt.speech.microsoft.com/speech/recognition/interactive/cognitiveservices/v1`.
    pub recognition: Url,
    /// Whose voice, unless a document or a bot says otherwise.
    pub voice: String,
    /// The connections.
    pub client: Client,
}

impl Azure {
    /// Speaks the content of a `speak` element. A voice that the service does not have is the usual one.
    pub(crate) async fn speak(
        &self,
        markup: &str,
        locale: &str,
        voice: Option<&str>,
    ) -> Result<Audio, SpeechFault> {
        let wanted = voice.unwrap_or(&self.voice);
        let spoken = self.speak_as(markup, locale, wanted).await;
        if spoken.is_err() && wanted != self.voice {
            return self.speak_as(markup, locale, &self.voice).await;
        }
        spoken
    }

    async fn speak_as(
        &self,
        markup: &str,
        locale: &str,
        voice: &str,
    ) -> Result<Audio, SpeechFault> {
        let document = format!(
            "<speak version=\"1.0\" xmlns=\"http://www.w3.org/2001/10/synthesis\" xml:lang=\"{}\">\
             <voice name=\"{}\">{markup}</voice></speak>",
            escape(locale),
            escape(voice),
        );
        let request = self
            .client
            .post(self.synthesis.clone())
            .timeout(limits::WORK_WITHIN)
            .header("Ocp-Apim-Subscription-Key", self.key.reveal())
            .header("Content-Type", "application/ssml+xml")
            .header("X-Microsoft-OutputFormat", "riff-16khz-16bit-mono-pcm")
            .header("User-Agent", "Offhook")
            .body(document);
        let file = send(SERVICE, request).await?;
        Audio::from_wav(&file).ok_or_else(|| refused(SERVICE, "its answer is no sound"))
    }

    pub(crate) async fn understand(&self, request: Request) -> Result<Option<Words>, SpeechFault> {
        let turn = self.turn(request);
        let done = tokio::time::timeout(limits::WORK_WITHIN, turn).await;
        done.unwrap_or_else(|_| {
            Err(SpeechFault::TooSlow {
                program: SERVICE.to_owned(),
            })
        })
    }

    async fn turn(&self, request: Request) -> Result<Option<Words>, SpeechFault> {
        let broken = |why: tokio_tungstenite::tungstenite::Error| refused(SERVICE, &root(&why));
        let mut url = self.recognition.clone();
        url.query_pairs_mut()
            .append_pair("language", &request.locale)
            .append_pair("format", "detailed");
        let mut upgrade = url.as_str().into_client_request().map_err(broken)?;
        let headers = upgrade.headers_mut();
        let mut key = HeaderValue::try_from(self.key.reveal())
            .map_err(|_| refused(SERVICE, "`speech.azure_key` is no key"))?;
        key.set_sensitive(true);
        headers.insert("Ocp-Apim-Subscription-Key", key);
        if let Ok(id) = HeaderValue::try_from(new_id()) {
            headers.insert("X-ConnectionId", id);
        }
        let (mut socket, _) = connect_async(upgrade).await.map_err(broken)?;
        let turn = Turn {
            id: new_id(),
            timestamp: request.timestamp.clone(),
        };
        let messages = [
            turn.text("speech.config", &config()),
            turn.text("speech.context", &context(&request)),
        ];
        let file = request.audio.to_wav();
        let (head, sound) = file.split_at(limits::WAV_HEAD_BYTES);
        let pieces = std::iter::once(turn.sound(head, true))
            .chain(
                sound
                    .chunks(PIECE_BYTES)
                    .map(|piece| turn.sound(piece, false)),
            )
            .chain([turn.sound(&[], false)]);
        for message in messages.into_iter().chain(pieces) {
            socket.send(message).await.map_err(broken)?;
        }
        let mut words = None;
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message.map_err(broken)? else {
                continue;
            };
            match answer(&text) {
                Some(Answer::Phrase(phrase)) => {
                    words = words.or_else(|| phrase.words(&request.locale))
                }
                Some(Answer::TurnEnd) => {
                    // It closes as well, and nobody waits for that.
                    let _ = socket.close(None).await;
                    return Ok(words);
                }
                None => {}
            }
        }
        Err(refused(SERVICE, "it hung up before the end"))
    }
}

/// What every message of one utterance says.
struct Turn {
    id: String,
    timestamp: String,
}

impl Turn {
    fn headers(&self, path: &str) -> String {
        let Self { id, timestamp } = self;
        format!("Path: {path}\r\nX-RequestId: {id}\r\nX-Timestamp: {timestamp}\r\n")
    }

    fn text(&self, path: &str, body: &Value) -> Message {
        let headers = self.headers(path);
        Message::text(format!(
            "{headers}Content-Type: application/json\r\n\r\n{body}"
        ))
    }

    fn sound(&self, sound: &[u8], is_first: bool) -> Message {
        let mut headers = self.headers("audio");
        if is_first {
            headers.push_str("Content-Type: audio/x-wav\r\n");
        }
        let length = u16::try_from(headers.len()).unwrap_or(u16::MAX);
        let mut message = length.to_be_bytes().to_vec();
        message.extend_from_slice(headers.as_bytes());
        message.extend_from_slice(sound);
        Message::binary(message)
    }
}

/// Thirty-two hexadecimal digits.
fn new_id() -> String {
    format!("{:032X}", rand::random::<u128>())
}

fn config() -> Value {
    json!({
        "context": {
            "system": { "name": "Offhook", "version": env!("CARGO_PKG_VERSION"), "build": "Rust",
                "lang": "Rust" },
            "os": { "platform": std::env::consts::OS, "name": "unknown", "version": "unknown" },
            "audio": { "source": { "bitspersample": 16, "channelcount": 1, "connectivity": "Unknown",
                "manufacturer": "Offhook", "model": "Telephone", "samplerate": 16_000,
                "type": "Stream" } },
        },
        "recognition": "interactive",
    })
}

fn context(request: &Request) -> Value {
    let phrases = request.phrases.iter().take(limits::PHRASES_MAX);
    let items: Vec<Value> = phrases.map(|phrase| json!({ "text": phrase })).collect();
    let mut context = json!({
        "phraseDetection": { "mode": "Interactive", "language": request.locale, "enrichment": {} },
        "phraseOutput": { "detailed": { "options": [] }, "format": "Detailed" },
    });
    if !items.is_empty() {
        context["dgi"] = json!({ "groups": [{ "type": "Generic", "items": items }], "bias": 1 });
    }
    context
}

enum Answer {
    Phrase(Phrase),
    TurnEnd,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Phrase {
    recognition_status: String,
    display_text: Option<String>,
    #[serde(rename = "NBest", default)]
    best: Vec<Guess>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Guess {
    confidence: Option<f32>,
    display: Option<String>,
}

impl Phrase {
    /// What was said, if anything was.
    fn words(self, locale: &str) -> Option<Words> {
        if self.recognition_status != "Success" {
            return None;
        }
        let best = self.best.into_iter().next();
        let confidence = best.as_ref().and_then(|best| best.confidence);
        let text = best.and_then(|best| best.display).or(self.display_text)?;
        Some(Words {
            text: Private::new(text),
            locale: locale.to_owned(),
            confidence,
        })
    }
}

/// What a message says, as far as anybody here wants to know.
fn answer(message: &str) -> Option<Answer> {
    let (headers, body) = message.split_once("\r\n\r\n")?;
    let path = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("path")
            .then(|| value.trim().to_ascii_lowercase())
    })?;
    match path.as_str() {
        "speech.phrase" => serde_json::from_str(body).ok().map(Answer::Phrase),
        "turn.end" => Some(Answer::TurnEnd),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_guess_is_what_was_said() {
        let phrase = |status: &str, best: &str| {
            let body =
                format!(r#"{{"RecognitionStatus":"{status}","DisplayText":"no",{best}"x":1}}"#);
            let message = format!("X-RequestId:1\r\npath:Speech.Phrase\r\n\r\n{body}");
            match answer(&message) {
                Some(Answer::Phrase(phrase)) => phrase.words("en-US"),
                _ => panic!("a phrase"),
            }
        };
        let best = r#""NBest":[{"Confidence":0.5,"Display":"Yes."},{"Display":"No."}],"#;
        let said = phrase("Success", best).expect("words");
        assert_eq!(
            (said.text.reveal().as_str(), said.confidence),
            ("Yes.", Some(0.5))
        );
        assert_eq!(phrase("Success", "").expect("words").text.reveal(), "no");
        assert_eq!(phrase("NoMatch", best), None);
    }

    #[test]
    fn what_nobody_knows_is_nothing() {
        for message in [
            "",
            "path:x",
            "Path: turn.start\r\n\r\n{}",
            "Path:speech.phrase\r\n\r\n7",
        ] {
            assert!(answer(message).is_none(), "{message}");
        }
        assert!(matches!(
            answer("Path:turn.end\r\n\r\n{}"),
            Some(Answer::TurnEnd)
        ));
    }
}
