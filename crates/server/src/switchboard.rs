//! Who owns this leg: finds the task of a call for whoever has something to say to it.
//!
//! The directory below is the only thing about live calls that more than one task touches, and it
//! holds addresses only. A call itself is changed by its own task and by nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use offhook_engine::{
    Arrival, BotJoin, Call, Command, Connection, LegView, OperationView, Participant, PhoneJoin,
    Placement, Refusal, RoutingGroup,
};
use offhook_terms::{AppId, CallId, LegId, MeetingId, OperationId};
use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::calls::{Message, NewCall, Question, post};
use crate::monthly::Monthly;
use crate::sip::PhoneLeg;
use crate::{clock, limits};

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
    /// The bot had as many calls this month as it may.
    MonthIsFull {
        /// How long until the next.
        wait: Duration,
    },
    /// The call is over.
    Over,
}

/// A phone whose call was not connected, and why; it is to be turned down.
pub(crate) type Unconnected = Box<(NotConnected, PhoneLeg)>;

/// Why a bot did not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotJoined {
    /// There is no room for its leg.
    NotConnected(NotConnected),
    /// The meeting refused it.
    Refused(Refusal),
}

/// The way to every live call. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Switchboard {
    directory: Arc<Mutex<Directory>>,
    starter: Arc<OnceLock<Starter>>,
}

/// Starts the task of a call. A bot that is in it from the start has its seat already; it hears of
/// the call at that address, or at its webhook.
type Starter = Box<dyn Fn(NewCall, Option<&Url>) + Send + Sync>;

#[derive(Default)]
struct Directory {
    calls: HashMap<CallId, Live>,
    bot_legs: HashMap<LegId, BotSeat>,
    calls_of_bots: HashMap<AppId, usize>,
    /// Of the bots that may have so many calls a month only.
    months: HashMap<AppId, Monthly>,
    /// The calls that meetings are held in.
    meetings: HashMap<MeetingId, CallId>,
    /// Set once the platform goes down: no call is connected any more.
    closed: bool,
}

struct Live {
    mailbox: mpsc::Sender<Message>,
    bot_legs: Vec<LegId>,
    meeting: Option<MeetingId>,
}

struct BotSeat {
    bot: AppId,
    call: CallId,
    mailbox: mpsc::Sender<Message>,
}

impl Switchboard {
    /// Says who starts the tasks of calls; once, before the first call.
    pub(crate) fn start_with(
        &self,
        starter: impl Fn(NewCall, Option<&Url>) + Send + Sync + 'static,
    ) {
        // A second one would be a mistake of ours that the first call's tests show.
        let _ = self.starter.set(Box::new(starter));
    }

    /// From now on a bot may have so many calls a month.
    pub(crate) fn allow_monthly(&self, bot: AppId, monthly: Monthly) {
        self.directory().months.insert(bot, monthly);
    }

    fn start(&self, new: NewCall, callback: Option<&Url>) {
        match self.starter.get() {
            Some(start) => start(new, callback),
            None => self.disconnect(new.call.id()),
        }
    }

    /// A phone calls a bot.
    pub(crate) fn arrive(
        &self,
        arrival: Arrival,
        calls_max: usize,
        phone: PhoneLeg,
    ) -> Result<(), Unconnected> {
        let (mailbox, messages) = mpsc::channel(limits::CALL_MAILBOX);
        let Arrival {
            call, bot_leg, bot, ..
        } = arrival;
        if let Err(why) = self.connect(call, bot_leg, bot, calls_max, mailbox.clone()) {
            return Err(Box::new((why, phone)));
        }
        phone.deliver_to(&mailbox);
        let new = NewCall {
            phones: vec![phone],
            bot: Some((bot_leg, bot)),
            call: Call::arrived(arrival, clock::now()),
            mailbox,
            messages,
        };
        self.start(new, None);
        Ok(())
    }

    /// A bot calls somebody; it wants to hear of its leg at `callback`.
    pub(crate) fn place(
        &self,
        placement: Placement,
        calls_max: usize,
        callback: &Url,
    ) -> Result<(), NotConnected> {
        let (mailbox, messages) = mpsc::channel(limits::CALL_MAILBOX);
        let (call, leg, bot) = (placement.call, placement.bot_leg, placement.bot);
        self.connect(call, leg, bot, calls_max, mailbox.clone())?;
        let new = NewCall {
            phones: Vec::new(),
            bot: Some((leg, bot)),
            call: Call::placed(placement, clock::now()),
            mailbox,
            messages,
        };
        self.start(new, Some(callback));
        Ok(())
    }

    /// A phone calls another phone.
    pub(crate) fn connect_phones(
        &self,
        connection: Connection,
        phone: PhoneLeg,
    ) -> Result<(), Unconnected> {
        let (mailbox, messages) = mpsc::channel(limits::CALL_MAILBOX);
        if let Err(why) = self.open(connection.call, mailbox.clone()) {
            return Err(Box::new((why, phone)));
        }
        phone.deliver_to(&mailbox);
        let new = NewCall {
            phones: vec![phone],
            bot: None,
            call: Call::connecting(connection, clock::now()),
            mailbox,
            messages,
        };
        self.start(new, None);
        Ok(())
    }

    /// A bot joins a meeting, whose call begins with the first who comes. It wants to hear of its
    /// leg at `callback`.
    pub(crate) async fn join_meeting(
        &self,
        meeting: MeetingId,
        join: BotJoin,
        calls_max: usize,
        callback: &Url,
    ) -> Result<CallId, NotJoined> {
        let mut why = NotJoined::NotConnected(NotConnected::Over);
        for _ in 0..limits::JOIN_TRIES {
            let (call, mailbox) = self.meeting(meeting).map_err(NotJoined::NotConnected)?;
            match self.seat(call, join.leg, join.bot, calls_max) {
                Ok(()) => {}
                // It ended between our look and our seat.
                Err(NotConnected::Over) => continue,
                Err(why) => return Err(NotJoined::NotConnected(why)),
            }
            let (reply, answer) = oneshot::channel();
            let message = Message::Join {
                join: join.clone(),
                callback: callback.clone(),
                reply,
            };
            // A call that is over has dropped the reply, if it got the message at all.
            let _ = mailbox.send(message).await;
            match answer.await {
                Ok(Ok(())) => return Ok(call),
                Ok(Err(refusal)) => why = NotJoined::Refused(refusal),
                Err(_) => why = NotJoined::NotConnected(NotConnected::Over),
            }
            self.directory().withdraw(join.leg);
            if !matches!(
                why,
                NotJoined::NotConnected(_) | NotJoined::Refused(Refusal::Terminated)
            ) {
                break;
            }
        }
        Err(why)
    }

    /// A phone dials into a meeting, whose call begins with the first who comes. It is turned down
    /// there when the meeting cannot take it.
    pub(crate) fn dial_in(
        &self,
        meeting: MeetingId,
        join: PhoneJoin,
        phone: PhoneLeg,
    ) -> Result<(), Unconnected> {
        let (_, mailbox) = match self.meeting(meeting) {
            Ok(live) => live,
            Err(why) => return Err(Box::new((why, phone))),
        };
        phone.deliver_to(&mailbox);
        post(&mailbox, Message::JoinPhone(Box::new((join, phone))));
        Ok(())
    }

    /// The live call of a meeting, or a new one.
    fn meeting(&self, meeting: MeetingId) -> Result<(CallId, mpsc::Sender<Message>), NotConnected> {
        let call = CallId::from_random(rand::random());
        let (mailbox, messages) = mpsc::channel(limits::CALL_MAILBOX);
        if let Some(live) = self.open_meeting(meeting, call, mailbox.clone())? {
            return Ok(live);
        }
        let new = NewCall {
            phones: Vec::new(),
            bot: None,
            call: Call::meeting(call, clock::now()),
            mailbox: mailbox.clone(),
            messages,
        };
        self.start(new, None);
        Ok((call, mailbox))
    }

    /// Makes the call of two parties reachable, unless the platform goes down or the bot has
    /// `calls_max` of them.
    pub(crate) fn connect(
        &self,
        call: CallId,
        bot_leg: LegId,
        bot: AppId,
        calls_max: usize,
        mailbox: mpsc::Sender<Message>,
    ) -> Result<(), NotConnected> {
        let mut directory = self.directory();
        directory.open(call, None, mailbox)?;
        let seated = directory.seat(call, bot_leg, bot, calls_max);
        if seated.is_err() {
            directory.close(call);
        }
        seated
    }

    /// Makes a call reachable that no bot is in yet, unless the platform goes down.
    pub(crate) fn open(
        &self,
        call: CallId,
        mailbox: mpsc::Sender<Message>,
    ) -> Result<(), NotConnected> {
        self.directory().open(call, None, mailbox)
    }

    /// The call of a meeting: the live one, or this one from now on, and then `None`. Of two who
    /// come first at the same time, the second joins the first.
    pub(crate) fn open_meeting(
        &self,
        meeting: MeetingId,
        call: CallId,
        mailbox: mpsc::Sender<Message>,
    ) -> Result<Option<(CallId, mpsc::Sender<Message>)>, NotConnected> {
        let mut directory = self.directory();
        if let Some(live) = directory.meetings.get(&meeting)
            && let Some(held) = directory.calls.get(live)
        {
            return Ok(Some((*live, held.mailbox.clone())));
        }
        directory.open(call, Some(meeting), mailbox)?;
        Ok(None)
    }

    /// One more bot has a leg in a live call, unless it has `calls_max` of them.
    pub(crate) fn seat(
        &self,
        call: CallId,
        leg: LegId,
        bot: AppId,
        calls_max: usize,
    ) -> Result<(), NotConnected> {
        self.directory().seat(call, leg, bot, calls_max)
    }

    /// A bot's leg has ended.
    pub(crate) fn unseat(&self, leg: LegId) {
        self.directory().unseat(leg);
    }

    /// Forgets a call that is over, with whoever is still in it.
    pub(crate) fn disconnect(&self, call: CallId) {
        self.directory().close(call);
    }

    /// Whose leg this is, and the mailbox of the call it is in.
    pub(crate) fn owner(&self, leg: LegId) -> Option<(AppId, mpsc::Sender<Message>)> {
        let directory = self.directory();
        let seat = directory.bot_legs.get(&leg)?;
        Some((seat.bot, seat.mailbox.clone()))
    }

    /// The mailbox of a call.
    pub(crate) fn mailbox(&self, call: CallId) -> Option<mpsc::Sender<Message>> {
        let directory = self.directory();
        directory.calls.get(&call).map(|live| live.mailbox.clone())
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
            directory
                .calls
                .values()
                .map(|live| live.mailbox.clone())
                .collect()
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
        self.seat_of(bot, leg)
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
        if let Some(mailbox) = self.mailbox(call) {
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
        let mailbox = self.seat_of(bot, leg)?;
        mailbox
            .send(Message::Question(question(reply)))
            .await
            .ok()?;
        answer.await.ok()
    }

    /// The mailbox of a leg, if it is this bot's: another bot's leg is as good as none.
    pub(crate) fn seat_of(&self, bot: AppId, leg: LegId) -> Option<mpsc::Sender<Message>> {
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

impl Directory {
    fn open(
        &mut self,
        call: CallId,
        meeting: Option<MeetingId>,
        mailbox: mpsc::Sender<Message>,
    ) -> Result<(), NotConnected> {
        if self.closed {
            return Err(NotConnected::Closed);
        }
        if let Some(meeting) = meeting {
            self.meetings.insert(meeting, call);
        }
        let bot_legs = Vec::new();
        let live = Live {
            mailbox,
            bot_legs,
            meeting,
        };
        self.calls.insert(call, live);
        Ok(())
    }

    fn seat(
        &mut self,
        call: CallId,
        leg: LegId,
        bot: AppId,
        calls_max: usize,
    ) -> Result<(), NotConnected> {
        if self.closed {
            return Err(NotConnected::Closed);
        }
        let live = self.calls.get_mut(&call).ok_or(NotConnected::Over)?;
        let calls = self.calls_of_bots.entry(bot).or_default();
        if *calls >= calls_max {
            return Err(NotConnected::BotIsFull);
        }
        if let Some(monthly) = self.months.get_mut(&bot) {
            monthly
                .take(clock::wall())
                .map_err(|wait| NotConnected::MonthIsFull { wait })?;
        }
        *calls += 1;
        live.bot_legs.push(leg);
        let mailbox = live.mailbox.clone();
        self.bot_legs.insert(leg, BotSeat { bot, call, mailbox });
        Ok(())
    }

    /// A leg that had a seat and never began. Counted nowhere else, so that this month's calls here
    /// and in the store stay the same.
    fn withdraw(&mut self, leg: LegId) {
        let Some(bot) = self.bot_legs.get(&leg).map(|seat| seat.bot) else {
            return;
        };
        self.unseat(leg);
        if let Some(monthly) = self.months.get_mut(&bot) {
            monthly.give_back();
        }
    }

    fn unseat(&mut self, leg: LegId) {
        let Some(seat) = self.bot_legs.remove(&leg) else {
            return;
        };
        if let Some(live) = self.calls.get_mut(&seat.call) {
            live.bot_legs.retain(|seated| *seated != leg);
        }
        if let Some(calls) = self.calls_of_bots.get_mut(&seat.bot) {
            *calls -= 1;
        }
    }

    fn close(&mut self, call: CallId) {
        let Some(live) = self.calls.remove(&call) else {
            return;
        };
        if let Some(meeting) = live.meeting {
            self.meetings.remove(&meeting);
        }
        for leg in live.bot_legs {
            self.unseat(leg);
        }
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
        switchboard.disconnect(CallId::from_bits(1));
        assert_eq!(connect(3), Ok(()));
    }

    #[test]
    fn a_month_of_calls_comes_to_an_end() {
        let switchboard = Switchboard::default();
        let (mailbox, _messages) = mpsc::channel(1);
        let (bot, other) = (AppId::from_bits(1), AppId::from_bits(2));
        switchboard.allow_monthly(bot, Monthly::new(2, 1, clock::wall()));
        let connect = |n, bot| {
            let (call, leg) = (CallId::from_bits(n), LegId::from_bits(n));
            switchboard.connect(call, leg, bot, 9, mailbox.clone())
        };
        assert_eq!(connect(1, bot), Ok(()));
        // That it is over makes no room in the month.
        switchboard.disconnect(CallId::from_bits(1));
        let refused = connect(2, bot);
        assert!(matches!(refused, Err(NotConnected::MonthIsFull { .. })));
        assert_eq!(switchboard.live_calls(), 0);
        assert_eq!(connect(3, other), Ok(()));
    }

    #[test]
    fn of_two_who_come_first_to_a_meeting_the_second_joins_the_first() {
        let switchboard = Switchboard::default();
        let (mailbox, _messages) = mpsc::channel(1);
        let meeting = MeetingId::from_bits(7);
        let come = |n| switchboard.open_meeting(meeting, CallId::from_bits(n), mailbox.clone());
        let come = |n| come(n).expect("open").map(|(call, _)| call);
        assert_eq!(come(1), None);
        assert_eq!(come(2), Some(CallId::from_bits(1)));
        switchboard.disconnect(CallId::from_bits(1));
        assert_eq!(come(3), None);
    }

    #[test]
    fn a_bot_may_be_in_a_call_many_are_in_and_leave_it_alone() {
        let switchboard = Switchboard::default();
        let (mailbox, _messages) = mpsc::channel(1);
        let call = CallId::from_bits(1);
        let (one, other) = (AppId::from_bits(1), AppId::from_bits(2));
        let seat = |leg, bot| switchboard.seat(call, LegId::from_bits(leg), bot, 1);
        assert_eq!(seat(1, one), Err(NotConnected::Over));
        switchboard.open(call, mailbox).expect("open");
        assert_eq!(seat(1, one), Ok(()));
        assert_eq!(seat(2, other), Ok(()));
        assert_eq!(seat(3, one), Err(NotConnected::BotIsFull));
        switchboard.unseat(LegId::from_bits(1));
        assert!(switchboard.seat_of(one, LegId::from_bits(1)).is_none());
        assert!(switchboard.seat_of(other, LegId::from_bits(2)).is_some());
        assert_eq!(seat(3, one), Ok(()));
        switchboard.disconnect(call);
        assert!(switchboard.seat_of(other, LegId::from_bits(2)).is_none());
        assert_eq!(switchboard.live_calls(), 0);
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
