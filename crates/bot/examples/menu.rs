//! A menu of keys: 1 for the opening hours, 2 for the way, and whatever else is pressed asks again. A caller may
//! press before the menu has been read out, and say "repeat" at any time.
//!
//! ```text
//! cargo run -p offhook-bot --example menu
//! cargo run --release -- demo --bot http://127.0.0.1:3978/api/messages --protocol telephony
//! ```

use futures::FutureExt;
use offhook_bot::dialogs::{Choice, Dialogs, Next, Prompt, Waterfall};
use offhook_bot::turns::{Adapter, Bot, BotFault, Turn};

struct Menu(Dialogs);

#[async_trait::async_trait]
impl Bot for Menu {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        self.0.run(turn, "menu").await.map(drop)
    }
}

fn bot() -> Menu {
    let menu = Waterfall::new()
        .step(|_| async { Ok(Next::begin("choose")) }.boxed())
        .step(|cx| {
            async move {
                let chosen: Option<Choice> = cx.result()?;
                match chosen.map(|choice| choice.index) {
                    Some(0) => cx.say("We are open from nine to five.").await?,
                    Some(_) => cx.say("We are opposite the town hall.").await?,
                    None => cx.say("I did not understand. Good bye.").await?,
                };
                cx.turn_mut().end().await?;
                Ok(Next::end())
            }
            .boxed()
        });
    let choose = Prompt::choice(
        "For the opening hours, press 1. For the way, press 2.",
        ["opening hours", "way"],
    )
    .retry("Press 1 or 2, please.")
    .times(3);
    let dialogs = Dialogs::new().with("menu", menu).with("choose", choose);
    Menu(dialogs.interruptions(|turn| {
        // Answered by asking again, which whatever was interrupted does.
        let repeats = turn.text().eq_ignore_ascii_case("repeat");
        async move { Ok(repeats.then_some(Next::Wait)) }.boxed()
    }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3978").await?;
    axum::serve(listener, Adapter::new(bot()).routes()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use offhook_bot::testing::Conversation;

    use super::*;

    #[tokio::test]
    async fn every_way_through_the_menu() {
        let menu = "For the opening hours, press 1. For the way, press 2.";
        let called = || Conversation::with(bot()).is_called().says(menu);
        let hours = called()
            .presses("1")
            .says("We are open from nine to five.")
            .hangs_up();
        hours.run().await.expect("by key");
        let way = called()
            .presses("9")
            .says("Press 1 or 2, please.")
            .hears("repeat")
            .says(menu)
            .hears("the way, please")
            .says("We are opposite the town hall.")
            .hangs_up();
        way.run().await.expect("by words");
        let lost = called()
            .presses("9")
            .says("Press 1 or 2, please.")
            .presses("8")
            .says("Press 1 or 2, please.")
            .presses("7")
            .says("I did not understand. Good bye.")
            .hangs_up();
        lost.run().await.expect("three times");
    }
}
