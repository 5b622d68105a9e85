//! What a session's task sends: responses to their requests, requests of our own.

use sipx_sip::{HeaderName, Method, Request, RequestBuilder, Response, StatusCode, TransactionKey};

use super::run::SessionTask;
use super::{Refusal, SessionEvent};
use crate::reply::{Reply, SDP, push, reason_header, warning_header};
use crate::{limits, pump, timer};

impl SessionTask {
    /// Answers a request of theirs.
    pub(super) async fn respond(&mut self, key: &TransactionKey, reply: Option<Reply>) -> bool {
        self.office
            .respond(key, reply.map(|reply| reply.tagged(self.dialog.tag)))
            .await
    }

    pub(super) async fn status(&mut self, key: &TransactionKey, request: &Request, status: u16) {
        self.respond(key, Reply::to(request, status)).await;
    }

    /// A 2xx to an INVITE or UPDATE: who we are, where we are, what we agreed on.
    pub(super) fn acceptance(
        &self,
        request: &Request,
        terms: sipx_sip::session::Answer,
        sdp: &[u8],
    ) -> Option<Reply> {
        let mut reply = Reply::to(request, 200)?
            .recording(request)
            .with(HeaderName::Contact, self.dialog.contact())
            .with(HeaderName::Allow, self.office.allow())
            .with(HeaderName::Supported, self.office.supported(true));
        if let Some((expires, require)) = timer::accepted_header(terms) {
            reply = reply.with(HeaderName::SessionExpires, expires);
            if require {
                reply = reply.with(HeaderName::Require, "timer");
            }
        }
        Some(reply.sdp(sdp))
    }

    pub(super) fn refusal(request: &Request, refusal: &Refusal) -> Option<Reply> {
        let status = if (300..700).contains(&refusal.status) {
            refusal.status
        } else {
            500
        };
        let reply = Reply::phrased(request, status, &refusal.phrase)?;
        let reason = refusal
            .reason
            .as_ref()
            .map(|text| reason_header(status, text));
        let warning = refusal.warning.as_ref();
        let warning = warning.map(|(code, text)| warning_header(*code, text));
        let later = refusal.retry_after.map(|seconds| seconds.to_string());
        Some(
            reply
                .maybe(HeaderName::Reason, reason)
                .maybe(HeaderName::Warning, warning)
                .maybe(HeaderName::RetryAfter, later),
        )
    }

    /// Sends a request whose outcome comes back under its sequence number.
    pub(super) async fn ask(&mut self, mut request: Request) -> bool {
        let number = self.dialog.local_cseq();
        let hop = self.dialog.hop_for(&mut request);
        pump::send(&self.office.wire, request, hop, number, &self.me).await
    }

    /// Sends a request whose outcome changes nothing; the stack repeats it until it is heard.
    pub(super) async fn tell(&mut self, mut request: Request) {
        let hop = self.dialog.hop_for(&mut request);
        if let Err(error) = self.office.wire.send(request, hop).await {
            tracing::debug!(session = self.dialog.tag, %error, "a request could not be sent");
        }
    }

    /// Answers in a request every challenge we know of; gives what was added.
    pub(super) fn prove(&mut self, request: &mut Request) -> Vec<(HeaderName, String)> {
        let Some(credentials) = &self.credentials else {
            return Vec::new();
        };
        let (method, uri) = (request.method.to_string(), request.uri.to_string());
        let headers = self.proofs.headers(credentials, &method, &uri);
        for (name, value) in &headers {
            push(&mut request.headers, name.clone(), value.clone());
        }
        headers
    }

    /// Acknowledges a 2xx to our INVITE (RFC 3261 §13.2.2.4).
    pub(super) async fn acknowledge(&mut self, cseq: u32) {
        let mut ack = self.dialog.numbered(Method::Ack, cseq);
        for (name, value) in &self.proof {
            push(&mut ack.headers, name.clone(), value.clone());
        }
        let hop = self.dialog.hop_for(&mut ack);
        if let Err(error) = self
            .office
            .wire
            .send_directly(ack.clone(), hop.clone())
            .await
        {
            tracing::debug!(session = self.dialog.tag, %error, "an ACK could not be sent");
        }
        self.last_ack = Some(Box::new((cseq, ack, hop)));
    }

    /// Says goodbye.
    pub(super) async fn bye(&mut self, reason: Option<(u16, &str)>) {
        let mut bye = self.dialog.request(Method::Bye);
        if let Some((cause, text)) = reason {
            push(
                &mut bye.headers,
                HeaderName::Reason,
                reason_header(cause, text),
            );
        }
        self.prove(&mut bye);
        match &self.credentials {
            Some(_) => self.say_goodbye(bye).await,
            None => self.tell(bye).await,
        }
    }

    /// Sends a BYE that somebody on the way may want proof for; a dialog that has ended cannot
    /// wait for that itself.
    async fn say_goodbye(&mut self, mut bye: Request) {
        let hop = self.dialog.hop_for(&mut bye);
        let Ok(mut responses) = self.office.wire.send(bye.clone(), hop).await else {
            return;
        };
        let mut again = self.dialog.request(Method::Bye);
        for reason in bye.headers.get_all(&HeaderName::Reason) {
            again.headers.push(reason.clone());
        }
        let hop = self.dialog.hop_for(&mut again);
        let mut proofs = std::mem::take(&mut self.proofs);
        let (wire, credentials) = (self.office.wire.clone(), self.credentials.clone());
        tokio::spawn(async move {
            proofs.forget();
            let (Some(refusal), Some(credentials)) =
                (responses.final_response().await, credentials)
            else {
                return;
            };
            if !proofs.learn(&refusal) {
                return;
            }
            for (name, value) in proofs.headers(&credentials, "BYE", &again.uri.to_string()) {
                push(&mut again.headers, name, value);
            }
            if let Err(error) = wire.send(again, hop).await {
                tracing::debug!(%error, "a goodbye could not be sent");
            }
        });
    }

    pub(super) fn emit(&mut self, event: SessionEvent) {
        if let SessionEvent::Ended(_) = event {
            if self.ended {
                return;
            }
            self.ended = true;
        }
        match &mut self.sink {
            Some(sink) => sink(event),
            None => {
                let crowded = self.backlog.len() >= limits::BACKLOG;
                if !crowded || matches!(event, SessionEvent::Ended(_)) {
                    self.backlog.push(event);
                }
            }
        }
    }
}

/// The CANCEL of an INVITE that was sent: the same hop, the same branch (RFC 3261 §9.1).
pub(super) fn cancel_of(invite: &Request) -> Request {
    let mut cancel = RequestBuilder::new(Method::Cancel, invite.uri.clone())
        .max_forwards(70)
        .build();
    for name in [
        HeaderName::Via,
        HeaderName::Route,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::UserAgent,
    ] {
        for header in invite.headers.get_all(&name) {
            cancel.headers.push(header.clone());
        }
    }
    if let Some(Ok(cseq)) = invite.headers.typed::<sipx_sip::CSeq>() {
        push(
            &mut cancel.headers,
            HeaderName::CSeq,
            format!("{} CANCEL", cseq.sequence),
        );
    }
    cancel
}

/// Puts a body on a request.
pub(super) fn with_sdp(mut request: Request, sdp: &[u8]) -> Request {
    request.headers.remove_all(&HeaderName::ContentLength);
    if !sdp.is_empty() {
        push(&mut request.headers, HeaderName::ContentType, SDP);
    }
    push(
        &mut request.headers,
        HeaderName::ContentLength,
        sdp.len().to_string(),
    );
    request.set_body(bytes::Bytes::copy_from_slice(sdp));
    request
}

/// What a refusal says in words: its `Reason` text if there is one, else its phrase.
pub(super) fn worded(response: &Response) -> String {
    let reason = response
        .headers
        .typed::<sipx_sip::Reason>()
        .and_then(Result::ok)
        .and_then(|reason| {
            reason
                .0
                .first()
                .and_then(|value| value.text().map(<[u8]>::to_vec))
        });
    let text = reason.unwrap_or_else(|| response.reason.to_vec());
    String::from_utf8_lossy(&text)
        .chars()
        .take(limits::REASON_CHARS)
        .collect()
}

pub(super) fn is_ringing(status: StatusCode) -> bool {
    status.code() > 100 && status.is_provisional()
}
