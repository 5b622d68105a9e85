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

use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use offhook_terms::Private;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use url::Url;

use crate::openai::{refused, root, send_for_sound};
use crate::recogniser::{Request, Words};
use crate::ssml::escape;
use crate::voice::RATE;
use crate::{Audio, Sink, SpeechFault, Utterance, limits};

const SERVICE: &str = "Azure Speech";

/// Sound in one message: a tenth of a second, as the SDK sends it.
const PIECE_SAMPLES: usize = 1_600;

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
        sink: &mut Sink<'_>,
    ) -> Result<(), SpeechFault> {
        let wanted = voice.unwrap_or(&self.voice);
        let mut has_begun = false;
        let mut noticing = |audio: Audio| {
            has_begun = true;
            sink(audio);
        };
        let spoken = self.speak_as(markup, locale, wanted, &mut noticing).await;
        // In the middle of a word nobody changes their voice.
        if spoken.is_err() && !has_begun && wanted != self.voice {
            return self.speak_as(markup, locale, &self.voice, sink).await;
        }
        spoken
    }

    async fn speak_as(
        &self,
        markup: &str,
        locale: &str,
        voice: &str,
        sink: &mut Sink<'_>,
    ) -> Result<(), SpeechFault> {
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
        send_for_sound(SERVICE, request, sink).await
    }

    pub(crate) async fn understand(
        &self,
        request: Request,
        utterance: &mut Utterance,
    ) -> Result<Option<Words>, SpeechFault> {
        let (mut write, mut read) = within(limits::WORK_WITHIN, self.open(&request)).await?;
        let turn = Turn {
            id: new_id(),
            timestamp: request.timestamp.clone(),
        };
        let nothing = Audio::silence(RATE, Duration::ZERO);
        let first = [
            turn.text("speech.config", &config()),
            turn.text("speech.context", &context(&request)),
            turn.sound(&nothing.to_wav(), true),
        ];
        let mut heard = Answers {
            locale: &request.locale,
            words: None,
        };
        let speaking = async {
            for message in first {
                write.send(message).await.map_err(broken)?;
            }
            // They may know before we have said all.
            loop {
                tokio::select! {
                    piece = utterance.next() => match piece {
                        Some(samples) => {
                            for samples in samples.chunks(PIECE_SAMPLES) {
                                let sound: Vec<u8> =
                                    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                                write.send(turn.sound(&sound, false)).await.map_err(broken)?;
                            }
                        }
                        None if utterance.is_abandoned() => return Ok(true),
                        None => {
                            write.send(turn.sound(&[], false)).await.map_err(broken)?;
                            return Ok(false);
                        }
                    },
                    message = read.next() => if heard.take(message)? {
                        return Ok(true);
                    },
                }
            }
        };
        let is_over = within(limits::UTTERANCE_MAX + limits::WORK_WITHIN, speaking).await?;
        if !is_over {
            let rest = async {
                while !heard.take(read.next().await)? {}
                Ok(())
            };
            within(limits::WORK_WITHIN, rest).await?;
        }
        let words = heard.words;
        // It closes as well, and nobody waits for that.
        let _ = write.close().await;
        Ok(words)
    }

    async fn open(&self, request: &Request) -> Result<(Write, Read), SpeechFault> {
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
        let (socket, _) = connect_async(upgrade).await.map_err(broken)?;
        Ok(socket.split())
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Write = SplitSink<Socket, Message>;
type Read = SplitStream<Socket>;

fn broken(why: tungstenite::Error) -> SpeechFault {
    refused(SERVICE, &root(&why))
}

async fn within<T>(
    longest: Duration,
    work: impl Future<Output = Result<T, SpeechFault>>,
) -> Result<T, SpeechFault> {
    let done = tokio::time::timeout(longest, work).await;
    done.unwrap_or_else(|_| {
        Err(SpeechFault::TooSlow {
            program: SERVICE.to_owned(),
        })
    })
}

/// What they have said so far.
struct Answers<'a> {
    locale: &'a str,
    words: Option<Words>,
}

impl Answers<'_> {
    /// Takes a message; true when it is the last.
    fn take(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<bool, SpeechFault> {
        let message = message.ok_or_else(|| refused(SERVICE, "it hung up before the end"))?;
        let Message::Text(text) = message.map_err(broken)? else {
            return Ok(false);
        };
        match answer(&text) {
            Some(Answer::Phrase(phrase)) if self.words.is_none() => {
                self.words = phrase.words(self.locale);
                Ok(false)
            }
            Some(Answer::TurnEnd) => Ok(true),
            Some(Answer::Phrase(_)) | None => Ok(false),
        }
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

    /// A service that says when it hears sound, and answers at the end or, if it is `hasty`, at once.
    async fn service(hasty: bool) -> (Azure, tokio::sync::mpsc::Receiver<usize>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let at = listener.local_addr().expect("an address");
        let (tell, told) = tokio::sync::mpsc::channel(64);
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a caller");
            let mut socket = tokio_tungstenite::accept_async(stream)
                .await
                .expect("a WebSocket");
            while let Some(Ok(message)) = socket.next().await {
                let Message::Binary(message) = message else {
                    continue;
                };
                let head = usize::from(u16::from_be_bytes([message[0], message[1]]));
                let sound = message.len() - 2 - head;
                let _ = tell.send(sound).await;
                if sound == 0 || hasty {
                    let phrase = r#"{"RecognitionStatus":"Success","DisplayText":"Yes."}"#;
                    for (path, body) in [("speech.phrase", phrase), ("turn.end", "{}")] {
                        let text = format!("Path:{path}\r\n\r\n{body}");
                        let _ = socket.send(Message::text(text)).await;
                    }
                }
            }
        });
        let url = |scheme: &str| Url::parse(&format!("{scheme}://{at}/")).expect("a URL");
        let azure = Azure {
            key: Private::new("a key".to_owned()),
            synthesis: url("http"),
            recognition: url("ws"),
            voice: String::new(),
            client: Client::new(),
        };
        (azure, told)
    }

    fn request() -> Request {
        Request {
            locale: "en-US".to_owned(),
            phrases: Vec::new(),
            timestamp: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    #[tokio::test]
    async fn it_hears_what_is_said_while_it_is_said() {
        let (azure, mut told) = service(false).await;
        let (feed, mut utterance) = crate::utterance();
        let speaker = async {
            // The next is said only when the last was heard.
            let mut heard = vec![told.recv().await];
            for _ in 0..3 {
                feed.say(vec![7; 1_600]);
                heard.push(told.recv().await);
            }
            feed.end();
            heard.push(told.recv().await);
            heard
        };
        let (heard, words) = tokio::join!(speaker, azure.understand(request(), &mut utterance));
        assert_eq!(heard, [44, 3_200, 3_200, 3_200, 0].map(Some));
        assert_eq!(words.expect("words").expect("words").text.reveal(), "Yes.");
        assert_eq!(utterance.duration(), Duration::from_millis(300));
    }

    #[tokio::test]
    async fn it_may_know_before_all_was_said() {
        let (azure, _told) = service(true).await;
        let (feed, mut utterance) = crate::utterance();
        feed.say(vec![7; 1_600]);
        let words = azure.understand(request(), &mut utterance).await;
        assert_eq!(words.expect("words").expect("words").text.reveal(), "Yes.");
        assert!(!utterance.is_abandoned());
    }

    #[tokio::test]
    async fn what_is_given_up_is_not_waited_for() {
        let (azure, _told) = service(false).await;
        let (feed, mut utterance) = crate::utterance();
        feed.say(vec![7; 1_600]);
        drop(feed);
        let words = azure.understand(request(), &mut utterance).await;
        assert_eq!(words, Ok(None));
        assert!(utterance.is_abandoned());
    }
}
