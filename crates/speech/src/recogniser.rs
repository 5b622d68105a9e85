//! Sound to words.

use std::sync::Arc;

use offhook_terms::Private;

use crate::pocketsphinx::Pocketsphinx;
use crate::scripted::ScriptedWords;
use crate::{Azure, OpenAi, SpeechFault, Utterance};

/// Somebody who understands.
#[derive(Debug)]
pub struct Recogniser(Provider);

#[derive(Debug)]
enum Provider {
    Pocketsphinx(Pocketsphinx),
    Scripted(Arc<ScriptedWords>),
    Azure(Azure),
    OpenAi(OpenAi),
}

/// What is known of an utterance before it is understood.
#[derive(Debug, Clone)]
pub struct Request {
    /// The language, a BCP 47 tag.
    pub locale: String,
    /// What will probably be said.
    pub phrases: Vec<String>,
    /// The time, RFC 3339, for providers that want to know.
    pub timestamp: String,
}

/// What was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    /// The words.
    pub text: Private<String>,
    /// The language.
    pub locale: String,
    /// How sure, from 0 to 1, if the provider says so.
    pub confidence: Option<f32>,
}

impl Recogniser {
    /// The program of this name, Pocketsphinx or one like it, with the model in this folder.
    pub fn pocketsphinx(program: String, model: String) -> Self {
        Self(Provider::Pocketsphinx(Pocketsphinx::new(program, model)))
    }

    /// Words that are known before anybody speaks.
    pub fn scripted(words: Arc<ScriptedWords>) -> Self {
        Self(Provider::Scripted(words))
    }

    /// Azure Speech.
    pub fn azure(azure: Azure) -> Self {
        Self(Provider::Azure(azure))
    }

    /// A service with the interface of OpenAI's.
    pub fn openai(openai: OpenAi) -> Self {
        Self(Provider::OpenAi(openai))
    }

    /// Understands one utterance; nothing when there were no words in it, or when it was given up. A
    /// provider that can listens while it is spoken, the others begin at its end.
    ///
    /// # Errors
    /// What the provider met.
    pub async fn understand(
        &self,
        request: Request,
        utterance: &mut Utterance,
    ) -> Result<Option<Words>, SpeechFault> {
        match &self.0 {
            Provider::Azure(azure) => azure.understand(request, utterance).await,
            Provider::Pocketsphinx(pocketsphinx) => match utterance.whole().await {
                Some(audio) => pocketsphinx.understand(request, &audio).await,
                None => Ok(None),
            },
            Provider::Scripted(words) => {
                let whole = utterance.whole().await;
                Ok(whole.and_then(|_| words.understand(&request)))
            }
            Provider::OpenAi(openai) => match utterance.whole().await {
                Some(audio) => openai.understand(request, &audio).await,
                None => Ok(None),
            },
        }
    }
}
