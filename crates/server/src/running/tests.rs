//! Calls of the running platform: real SIP phones on loopback, a bot that is told over HTTP, and what
//! the bot asks handed in where its requests would arrive.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use offhook_engine::{Command, Hosting, Invitee, Party, Placement};
use offhook_sip::{
    Arrival, Callers, Credentials, Endpoint, Incoming, OutgoingCall, Register, Registration,
    Session, SessionEvent, Transport,
};
use offhook_terms::{AppId, CallId, LegId, Private};
use serde_json::Value;
use tokio::sync::mpsc;
use url::Url;

use super::*;
use crate::config::{Bot, Person, Trunk};

/// A machine that is busy building still does what a test waits for by then.
const WITHIN: Duration = Duration::from_secs(20);

struct World {
    platform: Running,
    told: mpsc::UnboundedReceiver<Value>,
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
        let waiting = async {
            loop {
                let told = self.told.recv().await.expect("the bot runs");
                let data = &told["resourceData"];
                let resource = told["resource"].as_str().unwrap_or_default();
                if resource.ends_with(&of_leg) && data["state"] == state {
                    return data.clone();
                }
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
        let registered = phone.endpoint.register(register).await;
        phone._registration = Some(registered.expect("registers"));
        phone
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
