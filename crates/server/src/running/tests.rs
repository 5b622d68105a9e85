//! Calls of the running platform: real SIP phones on loopback, a bot that is told over HTTP, and what
//! the bot asks handed in where its requests would arrive.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use offhook_engine::{BotJoin, Command, Hosting, Invitee, Party, Placement};
use offhook_sip::{
    Arrival, Callers, Credentials, Endpoint, Incoming, OutgoingCall, Register, Registration,
    Session, SessionEvent, Transport,
};
use offhook_terms::{AppId, CallId, LegId, MeetingId, OperationId, Private};
use serde_json::Value;
use tokio::sync::mpsc;
use url::Url;

use super::*;
use crate::calls::Message;
use crate::config::{Bot, Person, Trunk};

/// A machine that is busy building still does what a test waits for by then.
const WITHIN: Duration = Duration::from_secs(20);

mod reach;

/// A platform, its bot and what the bot was told.
struct World {
    platform: Running,
    told: mpsc::UnboundedReceiver<Value>,
    /// What the bot was told and nobody has asked for yet.
    heard: Vec<Value>,
    callback: Url,
    _data: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let data = tempfile::tempdir().expect("a temporary folder");
        let (callback, told) = bot().await;
        let mut config = Config::default();
        config.http.listen = local();
        config.https.enabled = false;
        config.sip.listen = local();
        config.sip.callers = Some(crate::config::Callers::Anyone);
        config.data.dir = data.path().join("data");
        config.people = vec![Person::new("Ada", "ada"), Person::new("Ben", "ben")];
        config.bots = vec![Bot::new("Bot", "bot", callback.clone())];
        change(&mut config);
        let platform = start(config).await.expect("starts");
        Self {
            platform,
            told,
            heard: Vec::new(),
            callback,
            _data: data,
        }
    }

    fn bot(&self) -> AppId {
        self.platform.registry().bots().next().expect("one").app
    }

    fn person(&self, user: &str) -> Party {
        let person = self.platform.registry().person_by_sip_user(user);
        let person = person.expect("somebody");
        Party::Person {
            id: person.id,
            name: person.name.clone(),
        }
    }

    /// The bot calls somebody, as its request would have it.
    fn place(&self, targets: Vec<Party>, ring_for: Duration) -> LegId {
        let leg = new_leg();
        let placement = Placement {
            call: CallId::from_random(rand::random()),
            bot_leg: leg,
            bot: self.bot(),
            hosting: Hosting::Service,
            is_group: targets.len() > 1,
            targets: targets
                .into_iter()
                .map(|party| Invitee::new(new_leg(), party))
                .collect(),
            ring_for,
        };
        let switchboard = &self.platform.platform.switchboard;
        switchboard
            .place(placement, 100, &self.callback)
            .expect("placed");
        leg
    }

    async fn command(&self, leg: LegId, command: Command) {
        let switchboard = &self.platform.platform.switchboard;
        let done = switchboard.command(self.bot(), leg, command).await;
        done.expect("accepted");
    }

    /// Waits until the bot is told that this leg is in this state; gives what was said of it.
    async fn until(&mut self, leg: LegId, state: &str) -> Value {
        let of_leg = format!("/calls/{leg}");
        let is_of_leg = |told: &Value| {
            let resource = told["resource"].as_str().unwrap_or_default();
            resource.ends_with(&of_leg)
        };
        let is_it = |told: &Value| is_of_leg(told) && told["resourceData"]["state"] == state;
        let heard = &mut self.heard;
        let from = &mut self.told;
        let waiting = async {
            loop {
                if let Some(at) = heard.iter().position(is_it) {
                    let found = heard[at]["resourceData"].clone();
                    // What the leg was before is of no interest any more.
                    let mut place = 0..;
                    heard.retain(|told| place.next() > Some(at) || !is_of_leg(told));
                    return found;
                }
                heard.push(from.recv().await.expect("the bot runs"));
            }
        };
        let told = tokio::time::timeout(WITHIN, waiting).await;
        told.unwrap_or_else(|_| panic!("the bot was not told that its leg is {state}"))
    }

    async fn refusals(&self) -> Vec<String> {
        self.platform.platform.store.flush().await;
        let refusals = self.platform.refusals(10).await.expect("read");
        refusals.into_iter().map(|refusal| refusal.why).collect()
    }

    /// Waits until somebody calls the bot; gives its leg.
    async fn called(&mut self) -> LegId {
        let told = tokio::time::timeout(WITHIN, self.told.recv()).await;
        let told = told.expect("in time").expect("the bot runs");
        assert_eq!(told["resourceData"]["state"], "incoming");
        let resource = told["resource"].as_str().expect("a resource");
        let (_, leg) = resource.rsplit_once('/').expect("a path");
        leg.parse().expect("a leg")
    }

    /// Two calls of the bot: one to Ada and one to Ben, who have answered.
    async fn two_calls(&mut self) -> Two {
        let mut ada = Phone::of(self, "ada").await;
        let mut ben = Phone::of(self, "ben").await;
        let adas = self.place(vec![self.person("ada")], WITHIN);
        let ada_line = ada.answers().await;
        let bens = self.place(vec![self.person("ben")], WITHIN);
        let ben_line = ben.answers().await;
        self.until(adas, "established").await;
        self.until(bens, "established").await;
        Two {
            adas,
            bens,
            ada: ada_line,
            ben: ben_line,
            _phones: (ada, ben),
        }
    }

    /// The bot has another call there, which is not what it seems.
    fn other_call(&self) -> (LegId, mpsc::Receiver<Message>) {
        let (mailbox, messages) = mpsc::channel(8);
        let leg = new_leg();
        let call = CallId::from_random(rand::random());
        let switchboard = &self.platform.platform.switchboard;
        let connected = switchboard.connect(call, leg, self.bot(), 100, mailbox);
        connected.expect("room");
        (leg, messages)
    }

    async fn trunk_is_registered(&self) {
        let registered = async {
            let trunks = self.platform.platform.dialler.trunks();
            while !trunks.impaired().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::time::timeout(WITHIN, registered).await;
        done.expect("the trunk is registered");
    }

    /// Calls the bot with this offer; gives the final answer as it came.
    async fn offers(&self, offer: &str) -> String {
        let phone = tokio::net::UdpSocket::bind(local()).await.expect("a port");
        let (us, platform) = (phone.local_addr().expect("bound"), self.platform.sip());
        let unique: u64 = rand::random();
        let length = offer.len();
        let invite = format!(
            "INVITE sip:bot@{platform} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {us};branch=z9hG4bK{unique}\r\nMax-Forwards: 70\r\n\
             From: <sip:somebody@elsewhere.example>;tag={unique}\r\nTo: <sip:bot@{platform}>\r\n\
             Call-ID: {unique}\r\nCSeq: 1 INVITE\r\nContact: <sip:somebody@{us}>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{offer}"
        );
        let sent = phone.send_to(invite.as_bytes(), platform).await;
        sent.expect("sent");
        let mut buffer = vec![0; 4096];
        let answering = async {
            loop {
                let length = phone.recv(&mut buffer).await.expect("an answer");
                let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if !answer.starts_with("SIP/2.0 1") {
                    return answer;
                }
            }
        };
        let answer = tokio::time::timeout(WITHIN, answering).await;
        answer.expect("an answer in time")
    }

    async fn nobody_is_left(&self) {
        let empty = async {
            while self.platform.live_calls() > 0 {
                tokio::task::yield_now().await;
            }
        };
        let left = tokio::time::timeout(WITHIN, empty).await;
        left.expect("every call ends");
    }
}

struct Two {
    adas: LegId,
    bens: LegId,
    ada: Line,
    ben: Line,
    _phones: (Phone, Phone),
}

/// A phone, or whatever else speaks SIP: it answers with an empty sound.
struct Phone {
    endpoint: Endpoint,
    arrivals: mpsc::Receiver<Arrival>,
    _registration: Option<Registration>,
    audio: UdpSocket,
}

impl Phone {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut offhook_sip::Config)) -> Self {
        let mut config = offhook_sip::Config::new(local());
        config.callers = Callers::Anyone;
        change(&mut config);
        let (endpoint, arrivals) = offhook_sip::listen(config).await.expect("listens");
        let audio = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        Self {
            endpoint,
            arrivals,
            _registration: None,
            audio,
        }
    }

    async fn of(world: &World, user: &str) -> Self {
        let mut phone = Self::new().await;
        phone.register(world, user).await;
        phone
    }

    async fn register(&mut self, world: &World, user: &str) {
        let person = world.platform.registry().person_by_sip_user(user);
        let password = person.expect("somebody").sip_password.reveal().clone();
        let registrar = world.platform.sip();
        let register = Register {
            address: format!("sip:{user}@{registrar}"),
            credentials: Credentials::new(user, password),
            transport: Transport::Udp,
            route: Some(registrar),
            expires: Duration::from_secs(600),
            trunk: None,
        };
        let registered = self.endpoint.register(register).await;
        self._registration = Some(registered.expect("registers"));
    }

    fn description(&self) -> Vec<u8> {
        let port = self.audio.local_addr().expect("bound").port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
        )
        .into_bytes()
    }

    async fn rings(&mut self) -> Incoming {
        let arrival = tokio::time::timeout(WITHIN, self.arrivals.recv()).await;
        match arrival.expect("somebody calls").expect("the phone listens") {
            Arrival::Invite(incoming) => *incoming,
            other => panic!("not a call: {other:?}"),
        }
    }

    async fn answers(&mut self) -> Line {
        let incoming = self.rings().await;
        incoming.session.ring();
        incoming.session.answer(self.description());
        Line::of(incoming.session)
    }

    async fn declines(&mut self, status: u16) {
        let mut incoming = self.rings().await;
        incoming.session.ring();
        incoming.session.refuse(Refusing::new(status));
    }

    /// Calls somebody at the platform.
    fn dials(&self, world: &World, user: &str) -> Line {
        let platform = world.platform.sip();
        let mut call = OutgoingCall::new(
            format!("sip:{user}@{platform}"),
            "sip:somebody@elsewhere.example",
            self.description(),
        );
        call.route = Some(platform);
        Line::of(self.endpoint.call(call).expect("tried"))
    }
}

type Refusing = offhook_sip::Refusal;

/// A session of a phone, with what happened on it.
struct Line {
    session: Session,
    events: mpsc::Receiver<SessionEvent>,
}

impl Line {
    fn of(session: Session) -> Self {
        let events = session.events();
        Self { session, events }
    }

    async fn until(&mut self, what: &str, is_it: impl Fn(&SessionEvent) -> bool) -> SessionEvent {
        let waiting = async {
            loop {
                let event = self.events.recv().await;
                let event = event.unwrap_or_else(|| panic!("the session ended before {what}"));
                if is_it(&event) {
                    return event;
                }
            }
        };
        let heard = tokio::time::timeout(WITHIN, waiting).await;
        heard.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    async fn ended(&mut self) -> offhook_sip::Ending {
        let is_end = |event: &SessionEvent| matches!(event, SessionEvent::Ended(_));
        match self.until("its end", is_end).await {
            SessionEvent::Ended(ending) => ending,
            _ => unreachable!("only ends were waited for"),
        }
    }

    async fn hung_up(&mut self) {
        let ending = self.ended().await;
        let is_it = matches!(ending, offhook_sip::Ending::HungUp { .. });
        assert!(is_it, "{ending:?}");
    }

    async fn answered(&mut self) {
        let is_answer = |event: &SessionEvent| matches!(event, SessionEvent::Answered { .. });
        self.until("an answer", is_answer).await;
    }
}

fn local() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn new_leg() -> LegId {
    LegId::from_random(rand::random())
}

/// A bot that takes every notification, and passes them on one by one.
async fn bot() -> (Url, mpsc::UnboundedReceiver<Value>) {
    let (telling, told) = mpsc::unbounded_channel();
    let take = |State(telling): State<mpsc::UnboundedSender<Value>>, body: String| async move {
        let body: Value = serde_json::from_str(&body).expect("JSON");
        for one in body["value"].as_array().into_iter().flatten() {
            let _ = telling.send(one.clone());
        }
    };
    let router = Router::new()
        .route("/callback", post(take))
        .with_state(telling);
    let listener = tokio::net::TcpListener::bind(local())
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("http://{address}/callback");
    (Url::parse(&url).expect("a URL"), told)
}

#[tokio::test]
async fn a_bot_calls_a_person_who_answers_and_hangs_up() {
    let mut world = World::new().await;
    let mut ada = Phone::of(&world, "ada").await;
    let leg = world.place(vec![world.person("ada")], WITHIN);
    let incoming = ada.rings().await;
    let from = (incoming.from.user.reveal(), &incoming.from.display);
    let name = Some(Private::new("Bot".to_owned()));
    assert_eq!(from, (&"bot".to_owned(), &name));
    incoming.session.ring();
    incoming.session.answer(ada.description());
    let mut line = Line::of(incoming.session);
    world.until(leg, "established").await;
    line.session.hang_up(None);
    world.until(leg, "terminated").await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_bot_hangs_up_on_whom_it_called() {
    let mut world = World::new().await;
    let mut ada = Phone::of(&world, "ada").await;
    let leg = world.place(vec![world.person("ada")], WITHIN);
    let mut line = ada.answers().await;
    world.until(leg, "established").await;
    world.command(leg, Command::HangUp).await;
    let ending = line.ended().await;
    assert!(matches!(ending, offhook_sip::Ending::HungUp { .. }));
    world.until(leg, "terminated").await;
}

#[tokio::test]
async fn a_bot_gives_up_before_an_answer() {
    let mut world = World::new().await;
    let mut ada = Phone::of(&world, "ada").await;
    let leg = world.place(vec![world.person("ada")], WITHIN);
    let incoming = ada.rings().await;
    incoming.session.ring();
    let mut line = Line::of(incoming.session);
    world.command(leg, Command::HangUp).await;
    assert_eq!(line.ended().await, offhook_sip::Ending::Cancelled);
    world.until(leg, "terminated").await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn an_offer_that_cannot_be_served_is_refused_with_what_is_wrong_with_it() {
    let world = World::new().await;
    let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
    for (stream, warning) in [
        ("m=video 4000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n", 304),
        ("m=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n", 305),
        ("m=audio 4000 RTP/SAVP 0\r\n", 302),
        ("c=IN IP4 elsewhere\r\nm=nonsense\r\n", 399),
    ] {
        let refused = world.offers(&format!("{head}{stream}")).await;
        assert!(refused.starts_with("SIP/2.0 488 "), "{refused}");
        let warning = format!("\r\nWarning: {warning} offhook \"");
        assert!(refused.contains(&warning), "{warning} {refused}");
    }
}

#[tokio::test]
async fn whoever_does_not_come_is_reported_once_with_why() {
    for (status, why) in [
        (486, "they were busy"),
        (603, "they declined"),
        (488, "there were no common media"),
    ] {
        let mut world = World::new().await;
        let mut ada = Phone::of(&world, "ada").await;
        let leg = world.place(vec![world.person("ada")], WITHIN);
        ada.declines(status).await;
        world.until(leg, "terminated").await;
        world.nobody_is_left().await;
        assert_eq!(world.refusals().await, [why]);
    }
}

#[tokio::test]
async fn a_person_without_a_phone_and_one_who_does_not_answer_are_told_apart() {
    let mut world = World::new().await;
    let leg = world.place(vec![world.person("ada")], WITHIN);
    world.until(leg, "terminated").await;
    let mut ada = Phone::of(&world, "ada").await;
    let leg = world.place(vec![world.person("ada")], Duration::from_millis(200));
    let incoming = ada.rings().await;
    incoming.session.ring();
    let mut line = Line::of(incoming.session);
    world.until(leg, "terminated").await;
    assert_eq!(line.ended().await, offhook_sip::Ending::Cancelled);
    let nobody = "they have no device that could ring";
    assert_eq!(
        world.refusals().await,
        ["they did not answer in time", nobody]
    );
}

#[tokio::test]
async fn all_devices_ring_and_one_answers() {
    let mut world = World::new().await;
    let mut desk = Phone::of(&world, "ada").await;
    let mut pocket = Phone::of(&world, "ada").await;
    let leg = world.place(vec![world.person("ada")], WITHIN);
    let ringing = desk.rings().await;
    ringing.session.ring();
    let mut ringing = Line::of(ringing.session);
    let mut line = pocket.answers().await;
    assert_eq!(ringing.ended().await, offhook_sip::Ending::Cancelled);
    world.until(leg, "established").await;
    line.session.hang_up(None);
    world.until(leg, "terminated").await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn one_busy_device_leaves_the_other_ringing_and_a_decline_ends_all() {
    let mut world = World::new().await;
    let mut desk = Phone::of(&world, "ada").await;
    let mut pocket = Phone::of(&world, "ada").await;
    let leg = world.place(vec![world.person("ada")], WITHIN);
    desk.declines(486).await;
    let mut line = pocket.answers().await;
    world.until(leg, "established").await;
    line.session.hang_up(None);
    world.until(leg, "terminated").await;

    let leg = world.place(vec![world.person("ada")], WITHIN);
    let ringing = desk.rings().await;
    ringing.session.ring();
    let mut ringing = Line::of(ringing.session);
    pocket.declines(603).await;
    world.until(leg, "terminated").await;
    assert_eq!(ringing.ended().await, offhook_sip::Ending::Cancelled);
    assert_eq!(world.refusals().await, ["they declined"]);
}

#[tokio::test]
async fn a_phone_calls_a_person_and_either_may_hang_up() {
    let world = World::new().await;
    let mut ada = Phone::of(&world, "ada").await;
    let ben = Phone::new().await;
    for callee_hangs_up in [false, true] {
        let mut bens = ben.dials(&world, "ada");
        let mut adas = ada.answers().await;
        bens.answered().await;
        let (leaves, stays) = match callee_hangs_up {
            true => (&mut adas, &mut bens),
            false => (&mut bens, &mut adas),
        };
        leaves.session.hang_up(None);
        let ending = stays.ended().await;
        assert!(matches!(ending, offhook_sip::Ending::HungUp { .. }));
        world.nobody_is_left().await;
    }
}

#[tokio::test]
async fn a_phone_hears_why_a_person_did_not_come() {
    let world = World::new().await;
    let mut ada = Phone::of(&world, "ada").await;
    let ben = Phone::new().await;
    for (status, heard) in [(486, 486), (603, 603), (404, 480)] {
        let mut line = ben.dials(&world, "ada");
        ada.declines(status).await;
        let ending = line.ended().await;
        let is_it = |ending| matches!(ending, offhook_sip::Ending::Refused { status, .. } if status == heard);
        assert!(is_it(ending.clone()), "{status}: {ending:?}");
    }
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_number_is_not_dialled_from_a_phone() {
    let world = World::new().await;
    let ben = Phone::new().await;
    let mut line = ben.dials(&world, "+493012345");
    let ending = line.ended().await;
    let forbidden = |ending| matches!(ending, offhook_sip::Ending::Refused { status: 403, .. });
    assert!(forbidden(ending.clone()), "{ending:?}");
    let why = "the dialled address is a phone number";
    assert_eq!(world.refusals().await, [why]);
}

/// A carrier that wants to know who calls.
async fn carrier() -> Phone {
    Phone::with(|config| {
        config.callers = Callers::Known;
        let password = |user: &str| (user == "4930123").then(|| Private::new("secret".to_owned()));
        config.accounts = Arc::new(password);
    })
    .await
}

fn trunk(carrier: &Phone) -> Trunk {
    let mut trunk = Trunk::new("carrier", carrier.endpoint.local_addr().to_string());
    trunk.user = Some("4930123".to_owned());
    trunk.password = Some(Private::new("secret".to_owned()));
    trunk.allow = vec!["+4930".to_owned()];
    trunk
}

fn number(text: &str) -> Party {
    Party::Phone {
        number: Private::new(text.to_owned()),
    }
}

#[tokio::test]
async fn a_number_is_called_through_a_trunk_that_asks_who_we_are() {
    let mut carrier = carrier().await;
    let mut world = World::with(|config| config.trunks = vec![trunk(&carrier)]).await;
    let leg = world.place(vec![number("+4930555")], WITHIN);
    let incoming = carrier.rings().await;
    assert_eq!(incoming.target.user.reveal(), "+4930555");
    let account = incoming.caller.as_ref().map(|user| user.reveal().as_str());
    assert_eq!(account, Some("4930123"));
    incoming.session.ring();
    incoming.session.answer(carrier.description());
    let mut line = Line::of(incoming.session);
    world.until(leg, "established").await;
    line.session.hang_up(None);
    world.until(leg, "terminated").await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn what_no_trunk_may_or_can_dial_is_not_dialled_and_the_record_says_what_to_change() {
    let mut carrier = carrier().await;
    let mut trunk = trunk(&carrier);
    trunk.calls_max = 1;
    let mut world = World::with(|config| config.trunks = vec![trunk]).await;
    let leg = world.place(vec![number("+4940555")], WITHIN);
    world.until(leg, "terminated").await;
    let first = world.place(vec![number("+4930555")], WITHIN);
    let mut line = carrier.answers().await;
    world.until(first, "established").await;
    let second = world.place(vec![number("+4930556")], WITHIN);
    world.until(second, "terminated").await;
    line.session.hang_up(None);
    world.until(first, "terminated").await;
    world.nobody_is_left().await;
    // The place is free again.
    let third = world.place(vec![number("+4930557")], WITHIN);
    carrier.declines(486).await;
    world.until(third, "terminated").await;
    let full = "the trunk \"carrier\" has as many calls as it may";
    let forbidden = "no trunk may dial the number";
    assert_eq!(world.refusals().await, ["they were busy", full, forbidden]);
}

#[tokio::test]
async fn a_registered_trunk_brings_calls_to_whoever_has_the_number() {
    let carrier = carrier().await;
    let mut trunk = trunk(&carrier);
    trunk.registrar = trunk.address.take();
    trunk.inbound = [("+4930123".to_owned(), "bot".to_owned())].into();
    let known = |config: &mut Config| {
        config.sip.callers = None;
        config.trunks = vec![trunk];
    };
    let mut world = World::with(known).await;
    world.trunk_is_registered().await;
    let contacts = carrier.endpoint.contacts("4930123");
    let caller = "sip:+4917055@carrier.example";
    let call = OutgoingCall::to_contact(&contacts[0], caller, carrier.description());
    let mut line = Line::of(carrier.endpoint.call(call).expect("tried"));
    let told = tokio::time::timeout(WITHIN, world.told.recv()).await;
    let told = told.expect("in time").expect("the bot runs");
    let data = &told["resourceData"];
    assert_eq!(data["state"], "incoming");
    assert_eq!(data["source"]["identity"]["phone"]["id"], "+4917055");
    line.session.hang_up(None);
    line.ended().await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_consultative_transfer_leaves_two_people_talking_and_no_bot() {
    let mut world = World::new().await;
    let mut two = world.two_calls().await;
    let transfer = Command::TransferTo {
        transferee: None,
        replaces: two.bens,
    };
    world.command(two.adas, transfer).await;
    world.until(two.adas, "transferAccepted").await;
    world.until(two.adas, "terminated").await;
    world.until(two.bens, "terminated").await;
    assert_eq!(world.platform.live_calls(), 1);
    two.ada.session.hang_up(None);
    two.ben.hung_up().await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn whoever_is_invited_out_of_another_call_is_moved_and_that_call_ends() {
    let mut world = World::new().await;
    let mut two = world.two_calls().await;
    let ben = Invitee::new(new_leg(), world.person("ben"));
    let invite = Command::Invite {
        operation: OperationId::from_random(rand::random()),
        invitees: vec![ben],
        replaces: Some(two.bens),
        ring_for: WITHIN,
        context: None,
    };
    world.command(two.adas, invite).await;
    world.until(two.bens, "terminated").await;
    two.ben.session.hang_up(None);
    two.ada.session.hang_up(None);
    world.until(two.adas, "terminated").await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_phone_that_cannot_move_is_back_with_its_bot() {
    let mut world = World::new().await;
    let mut ada = Phone::of(&world, "ada").await;
    let leg = world.place(vec![world.person("ada")], WITHIN);
    let mut line = ada.answers().await;
    world.until(leg, "established").await;
    let (gone, messages) = world.other_call();
    drop(messages);
    let (forgetful, mut messages) = world.other_call();
    tokio::spawn(async move { while messages.recv().await.is_some() {} });
    // No such call; one that is over; one that forgets what it is given.
    for other in [new_leg(), gone, forgetful] {
        let transfer = Command::TransferTo {
            transferee: None,
            replaces: other,
        };
        world.command(leg, transfer).await;
        world.until(leg, "transferring").await;
        world.until(leg, "established").await;
    }
    world.command(leg, Command::HangUp).await;
    line.hung_up().await;
    world.until(leg, "terminated").await;
}

#[tokio::test]
async fn who_hangs_up_on_the_way_to_another_call_is_heard_there() {
    let mut world = World::new().await;
    let mut two = world.two_calls().await;
    let transfer = Command::TransferTo {
        transferee: None,
        replaces: two.bens,
    };
    two.ada.session.hang_up(None);
    let switchboard = world.platform.platform.switchboard.clone();
    // It may come before the goodbye or after it; either way nobody is left alone.
    let _ = switchboard.command(world.bot(), two.adas, transfer).await;
    world.until(two.adas, "terminated").await;
    let _ = switchboard
        .command(world.bot(), two.bens, Command::HangUp)
        .await;
    two.ben.hung_up().await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_blind_transfer_is_bridged_for_a_phone_that_cannot_call_by_itself() {
    let mut world = World::new().await;
    let mut ada = Phone::of(&world, "ada").await;
    let mut ben = Phone::of(&world, "ben").await;
    let leg = world.place(vec![world.person("ada")], WITHIN);
    let mut adas = ada.answers().await;
    world.until(leg, "established").await;
    let transfer = Command::Transfer {
        transferee: None,
        target: Invitee::new(new_leg(), world.person("ben")),
        ring_for: offhook_engine::limits::RINGS_FOR,
    };
    world.command(leg, transfer).await;
    let mut bens = ben.answers().await;
    world.until(leg, "terminated").await;
    bens.session.hang_up(None);
    adas.hung_up().await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_phone_that_offers_it_calls_the_target_by_itself() {
    let mut world = World::new().await;
    let mut ada = Phone::with(|config| config.transfers = true).await;
    ada.register(&world, "ada").await;
    let leg = world.place(vec![world.person("ada")], WITHIN);
    let mut line = ada.answers().await;
    world.until(leg, "established").await;
    for (outcome, state) in [(486, "established"), (200, "transferAccepted")] {
        let transfer = Command::Transfer {
            transferee: None,
            target: Invitee::new(new_leg(), world.person("ben")),
            ring_for: offhook_engine::limits::RINGS_FOR,
        };
        world.command(leg, transfer).await;
        world.until(leg, "transferring").await;
        let is_refer = |event: &SessionEvent| matches!(event, SessionEvent::ReferRequested(_));
        match line.until("a REFER", is_refer).await {
            SessionEvent::ReferRequested(asked) => assert_eq!(asked.to.user.reveal(), "ben"),
            _ => unreachable!("only a REFER was waited for"),
        }
        line.session.report_refer(100);
        line.session.report_refer(outcome);
        world.until(leg, state).await;
    }
    world.until(leg, "terminated").await;
    line.hung_up().await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn bots_that_come_to_a_meeting_are_in_one_call() {
    let mut world = World::new().await;
    let switchboard = world.platform.platform.switchboard.clone();
    let meeting = MeetingId::from_bits(7);
    let join = |leg| BotJoin {
        leg,
        bot: world.bot(),
        hosting: Hosting::Service,
    };
    let (one, other) = (new_leg(), new_leg());
    let (first, second) = tokio::join!(
        switchboard.join_meeting(meeting, join(one), 100, &world.callback),
        switchboard.join_meeting(meeting, join(other), 100, &world.callback),
    );
    assert_eq!(first.expect("joined"), second.expect("joined"));
    assert_eq!(world.platform.live_calls(), 1);
    for leg in [one, other] {
        world.until(leg, "established").await;
        world.command(leg, Command::HangUp).await;
        world.until(leg, "terminated").await;
    }
    world.nobody_is_left().await;
}

#[tokio::test]
async fn phones_that_dial_into_a_meeting_and_its_bot_are_in_one_call() {
    let mut world = World::new().await;
    let organizer = match world.person("ada") {
        Party::Person { id, .. } => id,
        other => panic!("not a person: {other:?}"),
    };
    let meetings = &world.platform.platform.meetings;
    let meeting = meetings.make_for_tests(organizer, clock::wall()).await;
    let address = offhook_workplace::dial_in_user(meeting.number);
    let (one, other) = (Phone::new().await, Phone::new().await);
    let mut first = one.dials(&world, &address);
    first.answered().await;
    let mut second = other.dials(&world, &address);
    second.answered().await;
    let leg = new_leg();
    let join = BotJoin {
        leg,
        bot: world.bot(),
        hosting: Hosting::Service,
    };
    let switchboard = world.platform.platform.switchboard.clone();
    let joined = switchboard.join_meeting(meeting.id, join, 100, &world.callback);
    joined.await.expect("joined");
    world.until(leg, "established").await;
    assert_eq!(world.platform.live_calls(), 1);
    first.session.hang_up(None);
    second.session.hang_up(None);
    // The meeting ends with the last who leaves it, and that may be the bot or a phone.
    let _ = switchboard.command(world.bot(), leg, Command::HangUp).await;
    world.until(leg, "terminated").await;
    world.nobody_is_left().await;
    let mut nowhere = one.dials(&world, "meeting-100000000000");
    let ending = nowhere.ended().await;
    let is_404 = matches!(ending, offhook_sip::Ending::Refused { status: 404, .. });
    assert!(is_404, "{ending:?}");
}

#[tokio::test]
async fn a_redirected_caller_reaches_whoever_takes_it_and_may_stay_unknown() {
    let mut world = World::new().await;
    let mut ada = Phone::of(&world, "ada").await;
    let mut ben = Phone::of(&world, "ben").await;
    let caller = Phone::new().await;
    let mut line = caller.dials(&world, "bot");
    let leg = world.called().await;
    let targets = ["ada", "ben"].map(|user| Invitee::new(new_leg(), world.person(user)));
    let redirect = Command::Redirect {
        targets: targets.into(),
        ring_for: WITHIN,
        mask_caller: true,
        mask_callee: false,
    };
    world.command(leg, redirect).await;
    world.until(leg, "terminated").await;
    let ringing = ada.rings().await;
    assert_eq!(ringing.from.user.reveal(), "anonymous");
    ringing.session.ring();
    let mut ringing = Line::of(ringing.session);
    let mut bens = ben.answers().await;
    line.answered().await;
    assert_eq!(ringing.ended().await, offhook_sip::Ending::Cancelled);
    bens.session.hang_up(None);
    line.hung_up().await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_bot_calls_two_people_at_once_and_stays_with_whom_is_left() {
    let mut world = World::new().await;
    let mut ada = Phone::of(&world, "ada").await;
    let mut ben = Phone::of(&world, "ben").await;
    let both = vec![world.person("ada"), world.person("ben")];
    let leg = world.place(both, WITHIN);
    let mut adas = ada.answers().await;
    let mut bens = ben.answers().await;
    world.until(leg, "established").await;
    adas.session.hang_up(None);
    adas.ended().await;
    world.command(leg, Command::KeepAlive).await;
    bens.session.hang_up(None);
    world.until(leg, "terminated").await;
    world.nobody_is_left().await;
}
