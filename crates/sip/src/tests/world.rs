//! The one helper that knows the API under test: a platform on one end of an in-process wire, a
//! scripted peer on the other, and the ladder of what passed between them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use offhook_terms::Private;
use sipx_sip::{
    CSeq, HeaderName, Limits, Message, Method, Request, Response, ResponseBuilder, StatusCode,
    Timers, TuEvent, parse_datagram,
};
use sipx_transport::{Handle, Incoming as Inbound, Responses, Target, in_process_pair};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::{Arrival, Callers, Config, Endpoint, Incoming, SessionEvent};

pub(super) const OFFER: &str = "v=0 their offer";
pub(super) const ANSWER: &[u8] = b"v=0 our answer";

pub(super) struct World {
    pub(super) endpoint: Endpoint,
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    peer: Handle,
    inbound: mpsc::Receiver<Inbound>,
    born: Instant,
    ladder: String,
    cseq: u32,
}

/// A request of the peer's, before it is sent.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) method: &'static str,
    pub(super) uri: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) call_id: String,
    pub(super) cseq: u32,
    pub(super) branch: String,
    pub(super) headers: String,
    pub(super) body: String,
    pub(super) max_forwards: u8,
}

impl Draft {
    pub(super) fn text(&self) -> String {
        let Self {
            method,
            uri,
            from,
            to,
            call_id,
            cseq,
            branch,
            headers,
            body,
            max_forwards,
        } = self;
        format!(
            "{method} {uri} SIP/2.0\n\
             Via: SIP/2.0/UDP 127.0.0.1:50601;branch={branch}\n\
             From: {from}\nTo: {to}\nCall-ID: {call_id}\nCSeq: {cseq} {method}\n\
             Max-Forwards: {max_forwards}\nContact: <sip:ann@127.0.0.1:50601>\n{headers}\
             Content-Length: {}\n\n",
            body.len()
        )
        .replace('\n', "\r\n")
            + body
    }

    pub(super) fn header(mut self, line: &str) -> Self {
        let _ = writeln!(self.headers, "{line}");
        self
    }
}

impl World {
    /// Nobody has an account; anyone may call.
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    /// Ann has an account with the password `secret`; strangers may not call.
    pub(super) fn of_people() -> Self {
        Self::with(|config| {
            config.callers = Callers::Known;
            config.accounts =
                Arc::new(|user| (user == "ann").then(|| Private::new("secret".to_owned())));
        })
    }

    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let ((ours, requests), (peer, inbound)) =
            in_process_pair(256).expect("a runtime is entered");
        let mut config = Config::new(ours.local_addr());
        config.domains = vec!["example.com".to_owned()];
        config.session_expires = Duration::ZERO;
        change(&mut config);
        let (endpoint, arrivals) = crate::endpoint::open(
            ours,
            requests,
            Timers::default(),
            "127.0.0.1".into(),
            config,
        );
        Self {
            endpoint,
            arrivals,
            peer,
            inbound,
            born: Instant::now(),
            ladder: String::new(),
            cseq: 1,
        }
    }

    fn draw(&mut self, arrow: &str, what: &str) {
        let at = self.born.elapsed().as_secs_f64();
        let _ = writeln!(self.ladder, "{at:<8.3}{arrow}  {what}");
    }

    #[track_caller]
    pub(super) fn check_ladder(&self, expected: expect_test::Expect) {
        expected.assert_eq(&self.ladder);
    }

    pub(super) fn our_addr(&self) -> SocketAddr {
        self.endpoint.local_addr()
    }

    /// A request outside any dialog, all of it usual.
    pub(super) fn draft(&mut self, method: &'static str) -> Draft {
        self.cseq += 1;
        Draft {
            method,
            uri: "sip:bot@example.com".into(),
            from: "Ann <sip:ann@example.com>;tag=peer".into(),
            to: "<sip:bot@example.com>".into(),
            call_id: "call-1".into(),
            cseq: self.cseq,
            branch: format!("z9hG4bK-{}", self.cseq),
            headers: String::new(),
            body: String::new(),
            max_forwards: 70,
        }
    }

    pub(super) fn invite(&mut self) -> Draft {
        let mut draft = self.draft("INVITE").header("Content-Type: application/sdp");
        draft.body = OFFER.to_owned();
        draft
    }

    /// A request inside the dialog our response with a tag began.
    pub(super) fn within(&mut self, method: &'static str, answer: &Response) -> Draft {
        let mut draft = self.draft(method);
        draft.to = header(answer, &HeaderName::To);
        draft.uri = header(answer, &HeaderName::Contact)
            .trim_matches(['<', '>'])
            .to_owned();
        draft
    }

    /// The peer sends a request.
    pub(super) async fn send(&mut self, draft: &Draft) -> Responses {
        let request = parse(draft.text().into());
        let body = if draft.body.is_empty() {
            ""
        } else {
            " with a body"
        };
        self.draw("peer → us", &format!("{}{body}", draft.method));
        let target = Target::udp(self.our_addr());
        self.peer
            .send(request, target)
            .await
            .expect("the wire is up")
    }

    /// The peer sends what no transaction answers: an ACK.
    pub(super) async fn send_ack(&mut self, answer: &Response, cseq: u32, body: &str) {
        let mut draft = self.within("ACK", answer);
        draft.cseq = cseq;
        if !body.is_empty() {
            draft = draft.header("Content-Type: application/sdp");
            draft.body = body.to_owned();
        }
        self.draw("peer → us", "ACK");
        let request = parse(draft.text().into());
        let target = Target::udp(self.our_addr());
        self.peer
            .send_directly(request, target)
            .await
            .expect("the wire is up");
    }

    /// The next response to a request of the peer's.
    pub(super) async fn response(&mut self, responses: &mut Responses) -> Response {
        let event = timeout(Duration::from_secs(600), responses.next()).await;
        let Some(TuEvent::Response(response)) = event.expect("a response comes") else {
            panic!("the transaction ended without a response");
        };
        let phrase = String::from_utf8_lossy(&response.reason).into_owned();
        self.draw("us → peer", &format!("{} {phrase}", response.status));
        *response
    }

    /// The final response, provisional ones drawn on the way.
    pub(super) async fn answer(&mut self, responses: &mut Responses) -> Response {
        loop {
            let response = self.response(responses).await;
            if response.status.is_final() {
                return response;
            }
        }
    }

    /// Sends a request and waits for its final response.
    pub(super) async fn ask(&mut self, draft: &Draft) -> Response {
        let mut responses = self.send(draft).await;
        self.answer(&mut responses).await
    }

    /// The next request of ours that reaches the peer.
    pub(super) async fn request(&mut self) -> Inbound {
        let inbound = timeout(Duration::from_secs(3_600), self.inbound.recv()).await;
        let inbound = inbound.expect("a request comes").expect("the wire is up");
        let reason = inbound.request.headers.value(&HeaderName::Reason);
        let reason = reason.map(|r| format!(" ({})", String::from_utf8_lossy(&r)));
        let method = inbound.request.method.to_string();
        self.draw(
            "us → peer",
            &format!("{method}{}", reason.unwrap_or_default()),
        );
        inbound
    }

    /// The peer answers one of ours.
    pub(super) async fn respond(&mut self, inbound: &Inbound, status: u16, extra: &[(&str, &str)]) {
        self.respond_with(inbound, status, extra, "").await;
    }

    pub(super) async fn respond_with(
        &mut self,
        inbound: &Inbound,
        status: u16,
        extra: &[(&str, &str)],
        sdp: &str,
    ) {
        self.respond_as(inbound, status, "callee", extra, sdp).await;
    }

    /// As one of several phones behind the number we called, each of which has its own tag.
    pub(super) async fn respond_as(
        &mut self,
        inbound: &Inbound,
        status: u16,
        tag: &str,
        extra: &[(&str, &str)],
        sdp: &str,
    ) {
        let code = StatusCode::new(status).expect("a status");
        let mut builder =
            ResponseBuilder::to_request(&inbound.request, code, "As Scripted").expect("answerable");
        let to = inbound
            .request
            .headers
            .value(&HeaderName::To)
            .expect("a To")
            .into_owned();
        let to = String::from_utf8(to).expect("text");
        if !to.contains(";tag=") && status > 100 {
            builder = builder
                .set_header(&HeaderName::To, format!("{to};tag={tag}"))
                .expect("fine");
        }
        builder = builder
            .header(HeaderName::Contact, "<sip:bob@127.0.0.1:50601>")
            .expect("fine");
        for (name, value) in extra {
            let name = HeaderName::parse(&Bytes::from((*name).to_owned()));
            builder = builder.header(name, (*value).to_owned()).expect("fine");
        }
        if !sdp.is_empty() {
            builder = builder
                .header(HeaderName::ContentType, "application/sdp")
                .expect("fine");
        }
        let response = builder.body(sdp.to_owned()).build();
        self.draw("peer → us", &status.to_string());
        // Nobody waits for the response to a goodbye; the in-process wire says so by an error.
        let _ = self.peer.respond(&inbound.key, response).await;
    }

    /// The call that arrived, and its events.
    pub(super) async fn incoming(&mut self) -> (Box<Incoming>, mpsc::Receiver<SessionEvent>) {
        match self.arrivals.recv().await.expect("the endpoint is up") {
            Arrival::Invite(incoming) => {
                let events = incoming.session.events();
                (incoming, events)
            }
            other => panic!("a call was expected, not {other:?}"),
        }
    }

    /// The next event of a session, drawn.
    pub(super) async fn event(
        &mut self,
        events: &mut mpsc::Receiver<SessionEvent>,
    ) -> SessionEvent {
        let event = timeout(Duration::from_secs(3_600), events.recv()).await;
        let event = event.expect("an event comes").expect("the session reports");
        self.draw("session ", &told(&event));
        event
    }

    /// Calls, is answered, acknowledges: the dialog is up.
    pub(super) async fn established(
        &mut self,
    ) -> (Box<Incoming>, mpsc::Receiver<SessionEvent>, Response) {
        let invite = self.invite();
        let mut responses = self.send(&invite).await;
        let (call, mut events) = self.incoming().await;
        call.session.answer(ANSWER.to_vec());
        let answer = self.answer(&mut responses).await;
        self.send_ack(&answer, invite.cseq, "").await;
        self.event(&mut events).await;
        (call, events, answer)
    }
}

/// An event in words.
fn told(event: &SessionEvent) -> String {
    match event {
        SessionEvent::Reoffered { sdp } => format!("Reoffered, offer: {}", sdp.is_some()),
        SessionEvent::Confirmed { sdp: Some(_) } => "Confirmed with their answer".into(),
        SessionEvent::Confirmed { sdp: None } => "Confirmed".into(),
        SessionEvent::Answered { .. } => "Answered".into(),
        SessionEvent::Reanswered { .. } => "Reanswered".into(),
        SessionEvent::ReferRequested(_) => "ReferRequested".into(),
        SessionEvent::Ringing { status, .. } => format!("Ringing {status}"),
        other => format!("{other:?}"),
    }
}

pub(super) fn header(response: &Response, name: &HeaderName) -> String {
    let value = response.headers.value(name).map(|value| value.into_owned());
    String::from_utf8(value.unwrap_or_default()).expect("text")
}

pub(super) fn cseq(request: &Request) -> u32 {
    request
        .headers
        .typed::<CSeq>()
        .expect("a CSeq")
        .expect("well formed")
        .sequence
}

pub(super) fn is(inbound: &Inbound, method: &Method) -> bool {
    inbound.request.method == *method
}

fn parse(text: Bytes) -> Request {
    match parse_datagram(text, &Limits::datagram()).expect("the script parses") {
        Message::Request(request) => request,
        Message::Response(_) => panic!("the script sends requests"),
    }
}
