//! Calls' audio with real phones at the far ends, on tick threads and loopback sockets.

use std::f64::consts::TAU;
use std::net::{IpAddr, Ipv4Addr};

use offhook_media::recording;
use offhook_media::threads::{self, Events, Notice, RoomKey, Threads};
use tokio::sync::Notify;

use super::*;
use crate::clock;
use crate::config::Config;
use crate::outgoing;
use crate::registry::{Bot, Registry};
use crate::store::{Store, open_folder};
use crate::switchboard::Switchboard;

const BOT: LegId = LegId::from_bits(9);
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Long enough for any machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The platform's side, and phones that talk and listen.
struct World {
    _data: tempfile::TempDir,
    means: Means,
    phones: Threads,
    events: Events,
    bell: Arc<Notify>,
}

/// One call's audio and what it tells its call.
struct OneCall {
    audio: CallAudio,
    messages: mpsc::Receiver<Message>,
}

impl World {
    async fn new() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        open_folder(data.path()).expect("made");
        let store = Store::open(data.path()).await.expect("opens");
        let own = "http://127.0.0.1:8080".to_owned();
        let recordings = Recordings::open(store, data.path(), Duration::ZERO, own, None)
            .await
            .expect("opens");
        let registry = Registry::of_bot(Bot::for_tests("http://127.0.0.1:9/callback"));
        let clients = outgoing::clients(&registry, &outgoing::trust_nobody());
        let (media, notices) =
            Host::start(&Config::default(), LOCALHOST, LOCALHOST).expect("starts");
        tokio::spawn(notices.pump(Arc::clone(&media), Switchboard::default()));
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        let (phones, events) = Threads::start(threads::Config {
            threads: 1,
            bind: LOCALHOST,
            advertised: LOCALHOST,
            ports: None,
            clock: clock::now,
            wake: Arc::new(move || ring.notify_one()),
        })
        .expect("starts");
        Self {
            _data: data,
            means: Means {
                media,
                prompts: Arc::new(Prompts::for_tests(clients)),
                recordings,
                beep: Clip::beep(),
            },
            phones,
            events,
            bell,
        }
    }

    fn call(&self, number: u128) -> OneCall {
        let (mailbox, messages) = mpsc::channel(64);
        let call = CallId::from_bits(number);
        OneCall {
            audio: CallAudio::with(self.means.clone(), call, mailbox),
            messages,
        }
    }

    /// A phone comes into a call, and talks at one frequency from then on.
    fn join(&self, call: &mut OneCall, leg: LegId, hertz: f64) {
        let phone = self.phones.prepare_port().expect("a port");
        let mut session = phone.describe();
        let offer = Some(Description::new(session.offer()));
        let opened = call.audio.perform(MediaRequest::Open { leg, offer });
        let Some(MediaEvent::Opened { description, .. }) = opened else {
            panic!("not opened: {opened:?}");
        };
        let agreed = session.accept(description.as_str()).expect("an answer");
        let key = RoomKey(leg.bits());
        self.phones.open_room(key, phone, agreed).expect("room");
        assert_eq!(call.audio.perform(MediaRequest::Start { leg }), None);
        let talk = MediaCommand::Play {
            operation: OperationId::from_bits(1),
            clips: vec![Clip::tone(hertz, Duration::from_secs(1), 0.2)],
            repeat: Repeat::UntilStopped,
        };
        self.phones.send(key, PortId::FIRST, talk).expect("taken");
    }

    /// Listens at a phone for a while, and says which of these frequencies it heard.
    async fn heard<const N: usize>(&self, leg: LegId, hertz: [f64; N]) -> [bool; N] {
        let (feed, mut tap) = recording();
        let plan = RecordPlan {
            max_duration: Some(Duration::from_millis(400)),
            ..RecordPlan::default()
        };
        let key = RoomKey(leg.bits());
        let record = MediaCommand::Record {
            operation: OperationId::from_bits(2),
            plan,
            feed,
        };
        self.phones.send(key, PortId::FIRST, record).expect("taken");
        let recorded = async {
            loop {
                while let Some(notice) = self.events.try_recv() {
                    if let Notice::Event { room, event, .. } = notice
                        && room == key
                        && matches!(event, offhook_media::MediaEvent::Recorded { .. })
                    {
                        return;
                    }
                }
                self.bell.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, recorded)
            .await
            .expect("ends");
        let (mut samples, mut rate) = (Vec::new(), 8_000.0);
        while let Some(frame) = tap.read() {
            rate = f64::from(frame.rate().hertz());
            samples.extend_from_slice(&frame);
        }
        // What was decided just before needs a moment to get there.
        let samples = &samples[samples.len() / 2..];
        hertz.map(|hertz| level(samples, hertz, rate) > 0.05)
    }
}

/// The peak of one frequency, of full scale.
fn level(samples: &[i16], hertz: f64, rate: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = TAU * hertz * n as f64 / rate;
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    2.0 * f64::hypot(real, imaginary) / samples.len() as f64 / 32_767.0
}

impl OneCall {
    fn asks(&mut self, request: MediaRequest) {
        assert_eq!(self.audio.perform(request), None);
    }

    fn hears(&mut self, leg: LegId, from: Hearing) {
        self.asks(MediaRequest::Hears { leg, from });
    }

    /// The port that was adopted comes in.
    async fn receives(&mut self) {
        let message = tokio::time::timeout(PATIENCE, self.messages.recv()).await;
        let Ok(Some(Message::PortCame(came))) = message else {
            panic!("no port came");
        };
        assert_eq!(self.audio.port_came(came), None);
    }
}

fn leg(n: u128) -> LegId {
    LegId::from_bits(n)
}

#[tokio::test]
async fn phones_hear_each_other_ringing_and_music_as_their_call_decides() {
    const RINGING: f64 = 425.0;
    let world = World::new().await;
    let mut call = world.call(1);
    let (a, b) = (leg(1), leg(2));
    // Decided before anybody is there.
    call.hears(a, Hearing::Only(vec![b]));
    world.join(&mut call, a, 700.0);
    world.join(&mut call, b, 1_100.0);
    call.asks(MediaRequest::Seat { leg: BOT });
    assert_eq!(world.heard(a, [700.0, 1_100.0]).await, [false, true]);
    assert_eq!(world.heard(b, [700.0, 1_100.0]).await, [true, false]);

    call.hears(a, Hearing::Only(vec![]));
    call.asks(MediaRequest::Ringback { leg: a });
    let mut rings = false;
    // It rings for one second in five.
    for _ in 0..15 {
        let [ringing, voice] = world.heard(a, [RINGING, 1_100.0]).await;
        rings |= ringing;
        assert!(!voice);
        if rings {
            break;
        }
    }
    assert!(rings);
    call.hears(a, Hearing::Everyone);
    assert_eq!(world.heard(a, [RINGING, 1_100.0]).await, [false, true]);

    let music = OperationId::from_bits(7);
    call.hears(a, Hearing::Only(vec![]));
    call.hears(b, Hearing::Only(vec![BOT]));
    call.asks(MediaRequest::HoldMusic {
        operation: music,
        leg: a,
    });
    assert_eq!(world.heard(a, [1_100.0]).await, [false]);
    assert_eq!(world.heard(b, [700.0]).await, [false]);
    call.asks(MediaRequest::Stop { operation: music });
    call.hears(a, Hearing::Everyone);
    call.hears(b, Hearing::Everyone);
    assert_eq!(world.heard(a, [1_100.0]).await, [true]);
    call.asks(MediaRequest::Close { leg: b });
    assert_eq!(world.heard(a, [1_100.0]).await, [false]);
}

#[tokio::test]
async fn a_phone_that_moves_is_heard_in_the_other_call_and_in_the_first_no_more() {
    let world = World::new().await;
    let (mut first, mut second) = (world.call(1), world.call(2));
    let (a, b, c) = (leg(1), leg(2), leg(3));
    world.join(&mut first, a, 700.0);
    world.join(&mut first, b, 1_100.0);
    world.join(&mut second, c, 1_700.0);
    assert_eq!(world.heard(b, [700.0, 1_700.0]).await, [true, false]);

    let audio = first.audio.release(a).expect("it is there");
    second.audio.adopt(audio);
    second.hears(c, Hearing::Only(vec![a]));
    second.receives().await;
    assert_eq!(world.heard(a, [1_100.0, 1_700.0]).await, [false, true]);
    assert_eq!(world.heard(b, [700.0, 1_700.0]).await, [false, false]);
    assert_eq!(world.heard(c, [700.0, 1_100.0]).await, [true, false]);

    // Once more, before it has arrived: through the second call and back to the first.
    let audio = second.audio.release(a).expect("it is there");
    first.audio.adopt(audio);
    let audio = first.audio.release(a).expect("it is on its way");
    second.audio.adopt(audio);
    first.receives().await;
    second.receives().await;
    assert_eq!(world.heard(c, [700.0, 1_100.0]).await, [true, false]);

    // A call that is over takes its phones with it, and nobody else's.
    drop(second);
    assert_eq!(world.heard(b, [700.0]).await, [false]);
}
