//! The hotel on this repository's own SDK, as cargo packages it. Without an app id it is open; with one, its settings are
//! those that `offhook bots show --sdk js` prints.

use std::env;
use std::io::Write as _;
use std::time::Duration;

use offhook_bot::Private;
use offhook_bot::turns::{Adapter, Bot, BotFault, Connector, InputHint, Login, Say, Turn};
use offhook_bot::wire::activity::{Activity, ChannelAccount, ConversationParameters};
use serde_json::{Value, json};

struct Hotel {
    /// For calls of its own.
    connector: Connector,
}

#[async_trait::async_trait]
impl Bot for Hotel {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        if turn.activity().name.as_deref() != Some("ContinueConversation") {
            let told = serde_json::to_value(turn.activity())?;
            tell(&json!({
                "type": told["type"], "text": told["text"], "code": told["code"], "name": told["name"],
                "value": told["value"], "isKey": turn.is_key(), "from": told["from"]["name"],
                "to": told["recipient"]["name"],
            }));
        }
        self.dispatch(turn).await
    }

    async fn on_members_added(&self, turn: &mut Turn, _: &[ChannelAccount]) -> Result<(), BotFault> {
        let welcome = "Welcome to the hotel. Press one, two or hash, or say what you want. We have all the time in the world.";
        let mut welcome = Say::text(welcome).hint(InputHint::ExpectingInput).activity();
        welcome.extra.insert("listenFor", json!(["yes please", "no thank you"]));
        turn.send(welcome).await?;
        Ok(())
    }

    async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
        let said = turn.text().to_owned();
        if !turn.is_key() {
            turn.say(format!("You said {said}.")).await?;
            return Ok(());
        }
        match said.as_str() {
            "1" => {
                turn.typing().await?;
                let speak = "<speak version='1.0' xml:lang='en-US'><voice name='en-US-GuyNeural'>One & only.</voice></speak>";
                let one = Activity {
                    text: Some(Private::new("One".to_owned())),
                    speak: Some(Private::new(speak.to_owned())),
                    ..Activity::new("message")
                };
                let said = turn.send(one).await?;
                tell(&json!({"type": "answered", "hasId": !said.id.is_empty()}));
            }
            "2" => turn.remind(Duration::from_millis(300), Value::Null)?,
            "3" => self.call_grace(turn),
            "*" => turn.send(recording("start")).await.map(drop)?,
            "7" => turn.send(recording("pause")).await.map(drop)?,
            "8" => turn.send(recording("resume")).await.map(drop)?,
            "9" => turn.send(recording("stop")).await.map(drop)?,
            "4" => {
                turn.say("One moment.").await?;
                let ada = json!({"TargetPhoneNumber": "sip:ada@hotel", "SipHeaders": {"X-Room": "101"}});
                let said = Activity {
                    text: Some(Private::new("hello".to_owned())),
                    ..Activity::new("message")
                };
                turn.hand_off(ada, vec![said]).await?;
            }
            _ => {
                turn.say("Good bye.").await?;
                turn.end().await?;
            }
        }
        Ok(())
    }

    async fn on_event(&self, turn: &mut Turn, name: &str) -> Result<(), BotFault> {
        if name == "ContinueConversation" {
            turn.say("I am back").await?;
        }
        Ok(())
    }

    async fn on_command_result(&self, turn: &mut Turn, _: &str) -> Result<(), BotFault> {
        let value = turn.activity().value.as_ref();
        let failed = value.is_some_and(|value| !value.reveal()["error"].is_null());
        turn.say(if failed { "No." } else { "Yes." }).await?;
        Ok(())
    }

    async fn on_error(&self, _: &mut Turn, fault: BotFault) -> Result<(), BotFault> {
        tell(&json!({"type": "error", "why": fault.to_string()}));
        Ok(())
    }
}

impl Hotel {
    fn call_grace(&self, turn: &Turn) {
        let service = turn.activity().service_url.as_ref();
        let service = service.map(|url| url.reveal().clone()).unwrap_or_default();
        let grace = ChannelAccount {
            id: Some(Private::new("grace".to_owned())),
            ..ChannelAccount::default()
        };
        let parameters = ConversationParameters {
            members: Some(vec![grace]),
            activity: Some(json!({"type": "message",
                "text": "This is the hotel. Your table is ready, and so is the kitchen."})),
            ..ConversationParameters::default()
        };
        let connector = self.connector.clone();
        tokio::spawn(async move {
            if let Err(why) = connector.create_conversation(&service, &parameters).await {
                tell(&json!({"type": "error", "why": why.to_string()}));
            }
        });
    }
}

fn recording(verb: &str) -> Activity {
    Activity {
        name: Some(format!("channel/vnd.microsoft.telephony.recording.{verb}")),
        value: Some(Private::new(json!({ "commandId": verb }))),
        ..Activity::new("command")
    }
}

/// By the settings of the SDK for JavaScript.
fn login() -> Option<Login> {
    let app_id = env::var("MicrosoftAppId").ok().filter(|id| !id.is_empty())?;
    let setting = |name: &str| env::var(name).unwrap_or_default();
    Some(Login {
        login: setting("ToChannelFromBotLoginUrl"),
        scope: format!("{}/.default", setting("ToChannelFromBotOAuthScope")),
        issuers: vec![setting("ToBotFromChannelTokenIssuer")],
        metadata_url: setting("ToBotFromChannelOpenIdMetadataUrl"),
        emulator: None,
        ca_file: env::var_os("SSL_CERT_FILE").map(Into::into),
        ..Login::public(app_id, setting("MicrosoftAppPassword"))
    })
}

fn tell(line: &Value) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let login = login();
    let connector = Connector::new(login.as_ref())?;
    let adapter = match &login {
        Some(login) => Adapter::with_login(Hotel { connector }, login)?,
        None => Adapter::new(Hotel { connector }),
    };
    let port: u16 = env::var("BOT_PORT")?.parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    tell(&json!({"type": "ready"}));
    Ok(axum::serve(listener, adapter.routes()).await?)
}
