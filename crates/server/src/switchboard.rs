//! Who owns this leg: finds the task of a call for whoever has something to say to it.
//!
//! The directory below is the only thing about live calls that more than one task touches, and it
//! holds addresses only. A call itself is changed by its own task and by nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use offhook_engine::{Command, LegView, OperationView, Participant, Refusal, RoutingGroup};
use offhook_terms::{AppId, CallId, LegId, OperationId};
use tokio::sync::{mpsc, oneshot};

use crate::calls::{Message, Question, post};

/// Why a command was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandRefused {
    /// There is no such live leg of this bot.
    NotFound,
    /// The call refused it.
    Refused(Refusal),
    /// The call has more to do than fits its mailbox.
    Busy,
}

/// Why a call was not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotConnected {
    /// The platform goes down.
    Closed,
    /// The bot has as many calls as it may.
    BotIsFull,
}

/// The way to every live call. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Switchboard {
    directory: Arc<Mutex<Directory>>,
}

#[derive(Default)]
struct Directory {
    calls: HashMap<CallId, mpsc::Sender<Message>>,
    bot_legs: HashMap<LegId, BotSeat>,
    calls_of_bots: HashMap<AppId, usize>,
    /// Set once the platform goes down: no call is connected any more.
    closed: bool,
}

struct BotSeat {
    bot: AppId,
    mailbox: mpsc::Sender<Message>,
}

impl Switchboard {
    /// Makes a call reachable, unless the platform goes down or the bot has `calls_max` of them.
    pub(crate) fn connect(
        &self,
        call: CallId,
        bot_leg: LegId,
        bot: AppId,
        calls_max: usize,
        mailbox: mpsc::Sender<Message>,
    ) -> Result<(), NotConnected> {
        let mut directory = self.directory();
        if directory.closed {
            return Err(NotConnected::Closed);
        }
        let calls = directory.calls_of_bots.entry(bot).or_default();
        if *calls >= calls_max {
            return Err(NotConnected::BotIsFull);
        }
        *calls += 1;
        directory.calls.insert(call, mailbox.clone());
        directory.bot_legs.insert(bot_leg, BotSeat { bot, mailbox });
        Ok(())
    }

    /// Forgets a call that is over.
    pub(crate) fn disconnect(&self, call: CallId, bot_leg: LegId) {
        let mut directory = self.directory();
        directory.calls.remove(&call);
        if let Some(seat) = directory.bot_legs.remove(&bot_leg)
            && let Some(calls) = directory.calls_of_bots.get_mut(&seat.bot)
        {
            *calls -= 1;
        }
    }

    /// How many calls are live.
    pub(crate) fn live_calls(&self) -> usize {
        self.directory().calls.len()
    }

    /// Refuses new calls and ends the live ones.
    pub(crate) fn close(&self) {
        let mailboxes: Vec<_> = {
            let mut directory = self.directory();
            directory.closed = true;
            directory.calls.values().cloned().collect()
        };
        for mailbox in mailboxes {
            post(&mailbox, Message::Stop);
        }
    }

    /// Asks something of a bot's leg.
    pub(crate) async fn command(
        &self,
        bot: AppId,
        leg: LegId,
        command: Command,
    ) -> Result<(), CommandRefused> {
        let (reply, answer) = oneshot::channel();
        self.seat(bot, leg)
            .ok_or(CommandRefused::NotFound)?
            .try_send(Message::Command {
                leg,
                command,
                reply,
            })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => CommandRefused::Busy,
                mpsc::error::TrySendError::Closed(_) => CommandRefused::NotFound,
            })?;
        match answer.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(refusal)) => Err(CommandRefused::Refused(refusal)),
            // The call ended with this command unread.
            Err(_) => Err(CommandRefused::NotFound),
        }
    }

    /// What a bot may see of its leg.
    pub(crate) async fn leg(&self, bot: AppId, leg: LegId) -> Option<LegView> {
        self.ask(bot, leg, |reply| Question::Leg { leg, reply })
            .await?
    }

    /// What a bot may see of an operation of its leg.
    pub(crate) async fn operation(
        &self,
        bot: AppId,
        leg: LegId,
        operation: OperationId,
    ) -> Option<OperationView> {
        self.ask(bot, leg, |reply| Question::Operation {
            leg,
            operation,
            reply,
        })
        .await?
    }

    /// The operations of a bot's leg, oldest first.
    pub(crate) async fn operations(&self, bot: AppId, leg: LegId) -> Option<Vec<OperationView>> {
        self.ask(bot, leg, |reply| Question::Operations { leg, reply })
            .await
    }

    /// Who is in a bot's call, if it is one of many.
    pub(crate) async fn participants(&self, bot: AppId, leg: LegId) -> Option<Vec<Participant>> {
        self.ask(bot, leg, |reply| Question::Participants { leg, reply })
            .await?
    }

    /// Who hears whom in a bot's call beside what everybody hears.
    pub(crate) async fn routing_groups(&self, bot: AppId, leg: LegId) -> Option<Vec<RoutingGroup>> {
        self.ask(bot, leg, |reply| Question::RoutingGroups { leg, reply })
            .await?
    }

    /// The live legs of a bot, in the order of their ids.
    pub(crate) fn legs(&self, bot: AppId) -> Vec<LegId> {
        let directory = self.directory();
        let legs = directory.bot_legs.iter();
        let mut legs: Vec<_> = legs
            .filter_map(|(leg, seat)| (seat.bot == bot).then_some(*leg))
            .collect();
        legs.sort_unstable();
        legs
    }

    /// A notification for this leg was refused or given up: the call should know.
    pub(crate) fn undeliverable(&self, leg: LegId) {
        let mailbox = self
            .directory()
            .bot_legs
            .get(&leg)
            .map(|seat| seat.mailbox.clone());
        if let Some(mailbox) = mailbox {
            // Lost when the mailbox is full; the call's own timer then ends what this would have.
            let _ = mailbox.try_send(Message::Undeliverable { leg });
        }
    }

    /// Something for a call.
    pub(crate) fn tell(&self, call: CallId, message: Message) {
        let mailbox = self.directory().calls.get(&call).cloned();
        if let Some(mailbox) = mailbox {
            post(&mailbox, message);
        }
    }

    async fn ask<T>(
        &self,
        bot: AppId,
        leg: LegId,
        question: impl FnOnce(oneshot::Sender<T>) -> Question,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let mailbox = self.seat(bot, leg)?;
        mailbox
            .send(Message::Question(question(reply)))
            .await
            .ok()?;
        answer.await.ok()
    }

    /// The mailbox of a leg, if it is this bot's: another bot's leg is as good as none.
    fn seat(&self, bot: AppId, leg: LegId) -> Option<mpsc::Sender<Message>> {
        let directory = self.directory();
        let seat = directory.bot_legs.get(&leg)?;
        (seat.bot == bot).then(|| seat.mailbox.clone())
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        // Nothing that can panic happens under this lock; a poisoned one is still whole.
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use offhook_engine::MediaEvent;

    use super::*;

    #[test]
    fn a_bot_gets_as_many_calls_as_it_may_and_room_again_when_one_is_over() {
        let switchboard = Switchboard::default();
        let (mailbox, _messages) = mpsc::channel(1);
        let bot = AppId::from_bits(1);
        let connect = |n| {
            let (call, leg) = (CallId::from_bits(n), LegId::from_bits(n));
            switchboard.connect(call, leg, bot, 1, mailbox.clone())
        };
        assert_eq!(connect(1), Ok(()));
        assert_eq!(connect(2), Err(NotConnected::BotIsFull));
        switchboard.disconnect(CallId::from_bits(1), LegId::from_bits(1));
        assert_eq!(connect(3), Ok(()));
    }

    #[tokio::test]
    async fn a_closed_switchboard_ends_its_calls_and_takes_no_more() {
        let switchboard = Switchboard::default();
        let (mailbox, mut messages) = mpsc::channel(1);
        let bot = AppId::from_bits(1);
        let connect = |n| {
            let (call, leg) = (CallId::from_bits(n), LegId::from_bits(n));
            switchboard.connect(call, leg, bot, 9, mailbox.clone())
        };
        assert_eq!(connect(1), Ok(()));
        switchboard.close();
        assert!(matches!(messages.recv().await, Some(Message::Stop)));
        assert_eq!(connect(2), Err(NotConnected::Closed));
    }

    #[tokio::test]
    async fn a_full_mailbox_loses_tones_and_no_endings() {
        let switchboard = Switchboard::default();
        let (mailbox, mut messages) = mpsc::channel(1);
        let (call, leg) = (CallId::from_bits(1), LegId::from_bits(1));
        let bot = AppId::from_bits(1);
        switchboard
            .connect(call, leg, bot, 9, mailbox)
            .expect("room");
        let tone = offhook_terms::Tone::from_symbol('1').expect("a key");
        let heard = || Message::Media(MediaEvent::ToneHeard { leg, tone });
        switchboard.tell(call, heard());
        switchboard.tell(call, heard());
        switchboard.tell(call, Message::Media(MediaEvent::PeerLost { leg }));
        let first = messages.recv().await;
        assert!(matches!(
            first,
            Some(Message::Media(MediaEvent::ToneHeard { .. }))
        ));
        let second = messages.recv().await;
        assert!(matches!(
            second,
            Some(Message::Media(MediaEvent::PeerLost { .. }))
        ));
    }

    #[tokio::test]
    async fn another_bots_leg_is_as_good_as_none() {
        let switchboard = Switchboard::default();
        let (mailbox, _messages) = mpsc::channel(1);
        let (call, leg) = (CallId::from_bits(1), LegId::from_bits(1));
        let mine = AppId::from_bits(1);
        switchboard
            .connect(call, leg, mine, 9, mailbox)
            .expect("room");
        let theirs = AppId::from_bits(2);
        let refused = switchboard.command(theirs, leg, Command::HangUp).await;
        assert_eq!(refused, Err(CommandRefused::NotFound));
    }
}
