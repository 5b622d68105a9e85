//! Fetching the audio a bot wants played.
//!
//! A bot names prompts by URL, and may give the same audio the same resource id: then the first
//! fetch serves the whole call. Different calls usually play the same few files, so decoded audio
//! is also found by the content of the file, which is never wrong: the file is fetched each time,
//! but decoded once.

mod cache;
mod speaker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use offhook_engine::{PrepareFault, Prompt, Speech};
use offhook_media::{Clip, wav};
use offhook_speech::Audio;
use offhook_terms::{AppId, LegId};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use crate::config;
use crate::limits;
use crate::outgoing::{Clients, Outgoing, Payload};
use crate::registry::Bot;

use cache::Decoded;
pub(crate) use speaker::Speaker;

/// Prompts of one leg by resource id, fetched or being fetched.
type Named = HashMap<String, Arc<OnceCell<Clip>>>;

/// Prompts of all calls.
pub(crate) struct Prompts {
    settings: config::Prompts,
    clients: Clients,
    /// For as long as the call lives.
    named: Mutex<HashMap<LegId, Named>>,
    decoded: Mutex<Decoded>,
    fetching: Semaphore,
    speaker: Arc<Speaker>,
}

impl Prompts {
    pub(crate) fn new(settings: config::Prompts, clients: Clients, speaker: Arc<Speaker>) -> Self {
        Self {
            speaker,
            settings,
            clients,
            named: Mutex::default(),
            decoded: Mutex::default(),
            fetching: Semaphore::new(limits::PROMPT_FETCHES_MAX),
        }
    }

    /// The audio of a prompt of this leg.
    pub(crate) async fn fetch(
        self: &Arc<Self>,
        bot: AppId,
        leg: LegId,
        prompt: &Prompt,
    ) -> Result<Clip, PrepareFault> {
        let uri = match prompt {
            Prompt::File { uri, .. } => uri,
            // Never an error: whoever speaks has an apology for when the words cannot be spoken.
            Prompt::Speech(speech) => return Ok(self.speak(bot, speech).await),
        };
        let Some(cell) = self.named(leg, prompt) else {
            return self.load(bot, uri).await;
        };
        // Whoever comes while it is being fetched waits for that fetch; a failed one is not kept.
        let clip = cell.get_or_try_init(|| self.load(bot, uri)).await?;
        Ok(clip.clone())
    }

    async fn speak(self: &Arc<Self>, bot: AppId, speech: &Speech) -> Clip {
        let prompts = Arc::clone(self);
        let fetch = move |uri: String| {
            let prompts = Arc::clone(&prompts);
            async move {
                let file = prompts.file(bot, &uri).await.ok()?;
                let samples = wav::read_any(&file).ok()?;
                Some(Audio {
                    rate: samples.rate,
                    samples: samples.samples,
                })
            }
        };
        self.speaker.speak(speech, fetch).await
    }

    /// Fetches a prompt before it is asked for. What goes wrong is seen when it is played.
    pub(crate) fn prefetch(self: &Arc<Self>, bot: &Bot, leg: LegId, prompt: Prompt) {
        let prompts = Arc::clone(self);
        let bot = bot.app;
        // Without a resource id there is nothing to find it under again.
        if prompt.resource_id().is_some() || matches!(prompt, Prompt::Speech(_)) {
            tokio::spawn(async move { prompts.fetch(bot, leg, &prompt).await });
        }
    }

    /// A leg begins: from now on its prompts are kept under their resource ids.
    pub(crate) fn begin(&self, leg: LegId) {
        self.all_named().insert(leg, Named::new());
    }

    /// The leg is over. A fetch that is still on its way is not kept.
    pub(crate) fn forget(&self, leg: LegId) {
        self.all_named().remove(&leg);
    }

    fn all_named(&self) -> MutexGuard<'_, HashMap<LegId, Named>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, leg: LegId, prompt: &Prompt) -> Option<Arc<OnceCell<Clip>>> {
        let id = prompt.resource_id()?;
        let mut named = self.all_named();
        let of_leg = named.get_mut(&leg)?;
        if let Some(cell) = of_leg.get(id) {
            return Some(Arc::clone(cell));
        }
        if of_leg.len() >= limits::PROMPTS_CACHED_PER_LEG_MAX {
            return None;
        }
        let cell = Arc::new(OnceCell::new());
        of_leg.insert(id.to_owned(), Arc::clone(&cell));
        Some(cell)
    }

    async fn load(&self, bot: AppId, uri: &str) -> Result<Clip, PrepareFault> {
        let file = self.file(bot, uri).await?;
        self.decode(file).await
    }

    async fn file(&self, bot: AppId, uri: &str) -> Result<Bytes, PrepareFault> {
        let client = self.clients.get(&bot).ok_or(PrepareFault::Download)?;
        let _seat = self
            .fetching
            .acquire()
            .await
            .expect("the seats are never closed");
        let fetching = self.download(client, uri);
        tokio::time::timeout(self.settings.timeout, fetching)
            .await
            .unwrap_or(Err(NotFetched::TooSlow))
            .map_err(|why| why.tell(bot))
    }

    async fn download(&self, client: &Outgoing, uri: &str) -> Result<Bytes, NotFetched> {
        let mut url = client
            .guard()
            .fetchable(uri)
            .map_err(|_| NotFetched::NotAllowed)?;
        for _ in 0..=limits::PROMPT_REDIRECTS_MAX {
            let mut request = Request::new(Payload::default());
            *request.uri_mut() = url.as_str().parse().map_err(|_| NotFetched::NotAllowed)?;
            let response = client
                .send(request)
                .await
                .map_err(|_| NotFetched::Unreachable)?;
            let status = response.status();
            if status.is_success() {
                return self.read(response.into_body()).await;
            }
            if !status.is_redirection() {
                return Err(NotFetched::Answered(status));
            }
            let location = response
                .headers()
                .get(header::LOCATION)
                .and_then(|location| location.to_str().ok())
                .ok_or(NotFetched::Answered(status))?;
            url = next_hop(client, &url, location).ok_or(NotFetched::NotAllowed)?;
        }
        Err(NotFetched::TooManyHops)
    }

    /// Reads no more than is allowed, whatever the other side says or does not say of the length.
    async fn read(&self, mut body: Incoming) -> Result<Bytes, NotFetched> {
        let at_most = self.settings.bytes_max;
        let promised = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if promised > at_most {
            return Err(NotFetched::TooLarge);
        }
        let mut file = BytesMut::with_capacity(promised);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| NotFetched::Unreachable)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if file.len() + data.len() > at_most {
                return Err(NotFetched::TooLarge);
            }
            file.extend_from_slice(&data);
        }
        Ok(file.freeze())
    }

    async fn decode(&self, file: Bytes) -> Result<Clip, PrepareFault> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &file).as_ref());
        if let Some(clip) = self.all_decoded().get(&hash) {
            return Ok(clip);
        }
        let clip = tokio::task::spawn_blocking(move || Clip::from_prompt(&file))
            .await
            .map_err(|_| PrepareFault::Format)?
            .map_err(|why| {
                tracing::info!(%why, "a prompt has the wrong format");
                PrepareFault::Format
            })?;
        self.all_decoded().keep(hash, clip.clone());
        Ok(clip)
    }

    fn all_decoded(&self) -> MutexGuard<'_, Decoded> {
        self.decoded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next_hop(client: &Outgoing, from: &Url, location: &str) -> Option<Url> {
    let next = from.join(location).ok()?;
    client.guard().fetchable(next.as_str()).ok()
}

/// Why a prompt was not fetched.
enum NotFetched {
    NotAllowed,
    Unreachable,
    Answered(StatusCode),
    TooManyHops,
    TooLarge,
    TooSlow,
}

impl NotFetched {
    /// Says it in the log, without the URL: bots put capabilities into it.
    fn tell(self, bot: AppId) -> PrepareFault {
        let why = match &self {
            Self::NotAllowed => "its URL leads to where it may not".to_owned(),
            Self::Unreachable => "its server could not be reached".to_owned(),
            Self::Answered(status) => format!("its server answered {status}"),
            Self::TooManyHops => "it was redirected too often".to_owned(),
            Self::TooLarge => "it is larger than prompts.bytes_max".to_owned(),
            Self::TooSlow => "it did not arrive within prompts.timeout".to_owned(),
        };
        tracing::info!(%bot, %why, "a prompt could not be fetched");
        match self {
            // The documentation's limit on prompts is part of their format.
            Self::TooLarge => PrepareFault::Format,
            _ => PrepareFault::Download,
        }
    }
}

#[cfg(test)]
impl Prompts {
    pub(crate) fn for_tests(clients: Clients) -> Self {
        let speaker = Speaker::new(&config::Speech::default());
        Self::new(config::Prompts::default(), clients, speaker)
    }
}

#[cfg(test)]
mod tests;
