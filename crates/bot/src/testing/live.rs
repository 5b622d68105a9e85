//! The same conversation with a real call: the bot is served, the platform is called with `offhook dial`, and what is
//! pressed, said and heard goes over the wire.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offhook_wire::activity::{Activity, ResourceResponse, event, kind};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Conversation, DID_NOT_FAIL, Mismatch, Step, is_as, nothing_came, shown};
use crate::limits::{CALL_SETTLES, SEEN_MAX};
use crate::turns::{Bot, BotFault, Connector, ConnectorFault, Login, Outbox, Turn};

type Voice = Arc<dyn Fn(&str) -> std::io::Result<PathBuf> + Send + Sync>;

/// How a [`Conversation`] is had with a real call, by [`Conversation::call`].
///
/// ```
/// # use offhook_bot::turns::{Bot, BotFault, Turn};
/// # struct Echo;
/// # #[async_trait::async_trait]
/// # impl Bot for Echo {
/// #     async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
/// #         turn.say("Hello.").await.map(drop).map_err(BotFault::from)
/// #     }
/// # }
/// use offhook_bot::testing::{Conversation, Live};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// // `offhook demo --bot http://127.0.0.1:3978/api/messages --protocol telephony` prints the address.
/// let live = Live::new("sip:your-bot@127.0.0.1:5060");
/// Conversation::with(Echo).presses("1").says("Hello.").call(&live).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Live {
    uri: String,
    phone: PathBuf,
    phone_args: Vec<String>,
    listen: SocketAddr,
    login: Option<Login>,
    voice: Option<Voice>,
    patience: Duration,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

impl Live {
    /// By calling this address with the `offhook` on the path. The platform is one that tells its bot at
    /// `http://127.0.0.1:3978/api/messages`, such as `offhook demo --bot … --protocol telephony`.
    ///
    /// ```no_run
    /// # use offhook_bot::testing::{Conversation, Live, Mismatch};
    /// # struct Echo;
    /// # impl offhook_bot::turns::Bot for Echo {}
    /// # async fn example() -> Result<(), Mismatch> {
    /// let call = Conversation::with(Echo).is_called().says("Hello.").presses("1").says("You pressed 1.");
    /// call.call(&Live::new("sip:your-bot@127.0.0.1")).await
    /// # }
    /// ```
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            phone: "offhook".into(),
            phone_args: Vec::new(),
            listen: (Ipv4Addr::LOCALHOST, 3978).into(),
            login: None,
            voice: None,
            patience: Duration::from_secs(15),
        }
    }

    /// Another program than the `offhook` on the path.
    #[must_use]
    pub fn phone(mut self, program: impl Into<PathBuf>) -> Self {
        self.phone = program.into();
        self
    }

    /// A further argument of `offhook dial`, such as `--codec=PCMU`.
    #[must_use]
    pub fn phone_arg(mut self, arg: impl Into<String>) -> Self {
        self.phone_args.push(arg.into());
        self
    }

    /// Where the platform tells the bot.
    #[must_use]
    pub fn listen(mut self, at: SocketAddr) -> Self {
        self.listen = at;
        self
    }

    /// With the bot's identity: only the platform is believed, and what the bot sends is signed.
    #[must_use]
    pub fn login(mut self, login: Login) -> Self {
        self.login = Some(login);
        self
    }

    /// Who speaks for the caller: gives a WAV file (16 bit, mono, 8, 16 or 48 kHz) of these words. Without one, nothing can
    /// be heard but keys.
    #[must_use]
    pub fn voice(
        mut self,
        speaks: impl Fn(&str) -> std::io::Result<PathBuf> + Send + Sync + 'static,
    ) -> Self {
        self.voice = Some(Arc::new(speaks));
        self
    }

    /// How long each thing may take to happen; 15 seconds when not said.
    #[must_use]
    pub fn patience(mut self, how_long: Duration) -> Self {
        self.patience = how_long;
        self
    }
}

impl<B: Bot> Conversation<B> {
    /// Runs the steps on a real call. What the bot says is compared word for word, and has to be heard on the phone as
    /// sound. Time that passes has to be waited for. Of results and of a transfer's failure it is looked at whether they
    /// are failures, and not at their words: those are the platform's. What only a test can do to a bot, such as
    /// telling it of any activity, cannot be done on a call.
    ///
    /// # Errors
    /// The first thing that was not as it should be.
    pub async fn call(self, live: &Live) -> Result<(), Mismatch> {
        let mismatch = |step: usize| move |what: String| Mismatch { step, what };
        let (tell, told) = mpsc::channel(SEEN_MAX);
        let seen = tell.clone();
        let adapter = self.adapter.rewired(
            live.login.as_ref(),
            |bot| Watched { bot, seen: tell },
            |connector| Arc::new(Watching { connector, seen }),
        );
        let adapter = adapter.map_err(|why| mismatch(0)(why.to_string()))?;
        let adapter = adapter.ok_or_else(|| mismatch(0)("the bot is in use".to_owned()))?;
        let listener = TcpListener::bind(live.listen).await;
        let listener = listener.map_err(|why| mismatch(0)(format!("{}: {why}", live.listen)))?;
        let routes = adapter.routes();
        let served = tokio::spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        let mut call = Call {
            live,
            told,
            sent: VecDeque::new(),
            heard: VecDeque::new(),
            failure: None,
            phone: None,
            _served: Served(served),
        };
        let count = self.steps.len();
        for (at, step) in self.steps.into_iter().enumerate() {
            call.step(step).await.map_err(mismatch(at + 1))?;
        }
        call.finish().await.map_err(mismatch(count))
    }
}

/// What happened at the bot.
enum Seen {
    Told(Activity),
    Sent(Activity),
    Failed(String),
}

/// The bot, and what it is told.
struct Watched<B> {
    bot: B,
    seen: mpsc::Sender<Seen>,
}

#[async_trait]
impl<B: Bot> Bot for Watched<B> {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        let told = Seen::Told(turn.activity().clone());
        // Nobody looks any more once the conversation is over.
        let _ = self.seen.send(told).await;
        self.bot.on_turn(turn).await
    }

    async fn on_error(&self, turn: &mut Turn, fault: BotFault) -> Result<(), BotFault> {
        let left = self.bot.on_error(turn, fault).await;
        if let Err(why) = &left {
            let _ = self.seen.send(Seen::Failed(why.to_string())).await;
        }
        left
    }
}

/// The connector, and what goes through it.
struct Watching {
    connector: Connector,
    seen: mpsc::Sender<Seen>,
}

#[async_trait]
impl Outbox for Watching {
    async fn deliver(&self, activity: Activity) -> Result<ResourceResponse, ConnectorFault> {
        let taken = self.connector.deliver(activity.clone()).await?;
        let _ = self.seen.send(Seen::Sent(activity)).await;
        Ok(taken)
    }
}

/// Ends with whoever holds it.
struct Served(JoinHandle<()>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Phone {
    process: Child,
    /// Steps, a line each.
    steps: ChildStdin,
}

struct Call<'a> {
    live: &'a Live,
    told: mpsc::Receiver<Seen>,
    /// By the bot, and not looked at yet.
    sent: VecDeque<Activity>,
    /// What the bot was told of and nobody waited for yet.
    heard: VecDeque<Activity>,
    failure: Option<String>,
    phone: Option<Phone>,
    _served: Served,
}

impl Call<'_> {
    async fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Tell(activity) => self.happen(*activity).await,
            Step::Passes(how_long) => {
                tokio::time::sleep(how_long).await;
                Ok(())
            }
            Step::Fails => {
                let failed = self.until(|call| call.failure.take()).await;
                failed.map(drop).ok_or_else(|| DID_NOT_FAIL.to_owned())
            }
            Step::CommandEnds(name, error) => {
                if let Some(next) = self.sent.front()
                    && next.is(kind::COMMAND)
                {
                    self.wants(&Step::Commands(name.clone())).await?;
                }
                let is = |told: &Activity| {
                    let is_of_name = |told: &String| super::is_named(told, &name);
                    let value = told.value.as_ref().map(|value| value.reveal());
                    let has_failed = value.is_some_and(|value| value["error"].is_object());
                    told.is(kind::COMMAND_RESULT)
                        && told.name.as_ref().is_some_and(is_of_name)
                        && has_failed == error.is_some()
                };
                self.hears_of("the result of the command", is).await
            }
            Step::Says(_) => {
                self.wants(&step).await?;
                self.phone("expect-sound 200ms").await
            }
            Step::HangsUp => {
                self.wants(&step).await?;
                self.phone("expect-hang-up").await
            }
            step => self.wants(&step).await.map(drop),
        }
    }

    /// What the caller does, or the platform.
    async fn happen(&mut self, activity: Activity) -> Result<(), String> {
        self.is_quiet()?;
        let words = activity.text.as_ref().map(|text| text.reveal().clone());
        let has_keys = activity.entities.is_some();
        match (activity.kind.as_deref(), words) {
            (Some(kind::CONVERSATION_UPDATE), _) => {
                self.dial()?;
                self.hears_of("the call", |told| told.is(kind::CONVERSATION_UPDATE))
                    .await
            }
            (Some(kind::MESSAGE), Some(words)) => {
                match has_keys {
                    true => self.phone(&format!("press {words}")).await?,
                    false => {
                        let voice = self.live.voice.as_ref();
                        let voice = voice.ok_or("somebody has to speak: see `Live::voice`")?;
                        let file = voice(&words).map_err(|why| why.to_string())?;
                        self.phone(&format!("play {}", file.display())).await?;
                    }
                }
                let is_it = |told: &Activity| {
                    let said = told.text.as_ref().map(|text| bare(text.reveal()));
                    told.is(kind::MESSAGE) && said == Some(bare(&words))
                };
                self.hears_of(&format!("{words:?}"), is_it).await
            }
            (Some(kind::END_OF_CONVERSATION), _) => {
                // Of a call that was transferred, nobody has to hang up.
                let _ = self.phone("hang-up").await;
                self.hears_of("the end", |told| told.is(kind::END_OF_CONVERSATION))
                    .await
            }
            (Some(kind::EVENT), _) if activity.name.as_deref() == Some(event::HANDOFF_STATUS) => {
                let is_failure = |told: &Activity| {
                    let state = told.value.as_ref().map(|value| &value.reveal()["state"]);
                    told.name.as_deref() == Some(event::HANDOFF_STATUS)
                        && state.and_then(Value::as_str) == Some("failed")
                };
                self.hears_of("the failure of the transfer", is_failure)
                    .await
            }
            _ => Err("this cannot happen on a call".to_owned()),
        }
    }

    fn dial(&mut self) -> Result<(), String> {
        let mut command = Command::new(&self.live.phone);
        command
            .args(["dial", &self.live.uri, "--json", "--script=-"])
            .args(&self.live.phone_args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let phone = self.live.phone.display();
        let process = command.spawn();
        let mut process = process.map_err(|why| format!("{phone} cannot be started: {why}"))?;
        let steps = process.stdin.take().ok_or("the phone takes no steps")?;
        self.phone = Some(Phone { process, steps });
        Ok(())
    }

    async fn phone(&mut self, step: &str) -> Result<(), String> {
        let phone = self.phone.as_mut().ok_or("nobody has called yet")?;
        let line = format!("{step}\n");
        let told = phone.steps.write_all(line.as_bytes());
        // Whatever ended the phone is told when it is asked, at the end.
        let _ = told.await;
        Ok(())
    }

    /// The next activity of the bot, as it should be.
    async fn wants(&mut self, step: &Step) -> Result<Activity, String> {
        let (wanted, is) = step.wanted();
        // A turn that failed sends nothing more.
        let sent = self.until(|call| match call.sent.pop_front() {
            None => call.failure.is_some().then_some(None),
            sent => Some(sent),
        });
        match sent.await.flatten() {
            Some(sent) => is_as(&wanted, sent, is),
            None => Err(nothing_came(&wanted, self.failure.as_deref())),
        }
    }

    /// The bot is told of this; what it is told of besides is let pass.
    async fn hears_of(&mut self, what: &str, is: impl Fn(&Activity) -> bool) -> Result<(), String> {
        let found = self
            .until(|call| {
                std::iter::from_fn(|| call.heard.pop_front()).find(|told: &Activity| is(told))
            })
            .await;
        match found {
            Some(_) => Ok(()),
            None => Err(format!("the bot should be told of {what}, and was not")),
        }
    }

    /// Waits for something, as long as there is patience.
    async fn until<T>(&mut self, mut look: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let until = Instant::now() + self.live.patience;
        loop {
            while let Ok(seen) = self.told.try_recv() {
                self.note(seen);
            }
            if let Some(found) = look(self) {
                return Some(found);
            }
            match tokio::time::timeout_at(until, self.told.recv()).await {
                Ok(Some(seen)) => self.note(seen),
                Ok(None) | Err(_) => return look(self),
            }
        }
    }

    fn note(&mut self, seen: Seen) {
        match seen {
            Seen::Told(activity) => self.heard.push_back(activity),
            Seen::Sent(activity) => self.sent.push_back(activity),
            Seen::Failed(why) => self.failure = Some(why),
        }
    }

    fn is_quiet(&self) -> Result<(), String> {
        if let Some(more) = self.sent.front() {
            return Err(format!("nothing more should come, and {}", shown(more)));
        }
        match &self.failure {
            Some(why) => Err(format!("the turn failed: {why}")),
            None => Ok(()),
        }
    }

    /// Hangs up, if nobody has, and asks the phone whether it heard what it should.
    async fn finish(mut self) -> Result<(), String> {
        if let Some(Phone { process, steps }) = self.phone.take() {
            drop(steps);
            let ended = tokio::time::timeout(self.live.patience, process.wait_with_output()).await;
            let ended = ended.map_err(|_| "the phone does not come to its end")?;
            let ended = ended.map_err(|why| why.to_string())?;
            if !ended.status.success() {
                let said = [ended.stdout, ended.stderr].concat();
                let said = String::from_utf8_lossy(&said);
                return Err(format!("the phone says: {}", said.trim()));
            }
        }
        // What was on its way when the caller hung up.
        tokio::time::sleep(CALL_SETTLES).await;
        while let Ok(seen) = self.told.try_recv() {
            self.note(seen);
        }
        self.is_quiet()
    }
}

/// As whoever listens may write it.
fn bare(words: &str) -> String {
    let words = words.trim().trim_end_matches(['.', '?', '!']);
    words.to_lowercase()
}
