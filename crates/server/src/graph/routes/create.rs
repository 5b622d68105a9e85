//! Making calls, and joining meetings.

use http::StatusCode;
use offhook_engine::{
    BotJoin, CallDirection, Hosting, Invitee, LegState, LegView, Party, Placement,
};
use offhook_terms::{CallId, LegId};
use offhook_wire::graph::{self as wire, FullCall};
use offhook_workplace::{Key, Meeting};
use url::Url;

use super::super::response::Answer;
use super::super::to_engine::{self, Wanted, WhichMeeting};
use super::super::{Refused, from_engine};
use super::{Ask, print};
use crate::switchboard::{CommandRefused, NotConnected, NotJoined};
use crate::workplace::NotFound;
use crate::{clock, limits};

/// A call that was made.
struct Made {
    call: CallId,
    targets: Vec<Invitee>,
    is_group: bool,
}

impl Ask<'_> {
    pub(super) async fn create(&self, body: &[u8]) -> Result<Answer, Refused> {
        if body.len() > limits::CALL_BODY_BYTES_MAX {
            return Err(Refused::body_too_large(limits::CALL_BODY_BYTES_MAX));
        }
        let request: wire::Call = to_engine::read(body)?;
        let asked = to_engine::create(request, self.asker(), self.caller.roles, self.version)?;
        let leg = LegId::from_random(rand::random());
        let outboxes = &self.graph.outboxes;
        // Its first event may come before we hear that it was made.
        outboxes.papers().file(leg, asked.paper);
        let made = match asked.what {
            Wanted::Targets {
                targets,
                is_group,
                ring_for,
            } => {
                let placement = Placement {
                    call: CallId::from_random(rand::random()),
                    bot_leg: leg,
                    bot: self.caller.bot.app,
                    hosting: asked.hosting,
                    targets,
                    is_group,
                    ring_for,
                };
                self.place(placement, &asked.callback)
            }
            Wanted::Meeting(which) => self.join(leg, &which, asked.hosting, &asked.callback).await,
        };
        let made = made.inspect_err(|_| outboxes.papers().forget(leg))?;
        for prompt in asked.prefetch {
            self.graph.prompts.prefetch(&self.caller.bot, leg, prompt);
        }
        Ok(self.created(leg, made, asked.hosting, asked.callback.as_str()))
    }

    fn place(&self, placement: Placement, callback: &Url) -> Result<Made, Refused> {
        let made = Made {
            call: placement.call,
            targets: placement.targets.clone(),
            is_group: placement.is_group,
        };
        let calls_max = self.caller.bot.limits.calls;
        self.graph
            .switchboard
            .place(placement, calls_max, callback)
            .map_err(not_connected)?;
        Ok(made)
    }

    async fn join(
        &self,
        leg: LegId,
        which: &WhichMeeting,
        hosting: Hosting,
        callback: &Url,
    ) -> Result<Made, Refused> {
        let meeting = self.meeting(which).await?;
        let thread = meeting.thread_id();
        self.graph.outboxes.papers().change(leg, |paper| {
            paper.organizer = Some(meeting.organizer);
            let chat = paper.chat.get_or_insert_default();
            chat.thread_id = Some(thread);
            chat.message_id.get_or_insert_with(|| "0".to_owned());
        });
        let bot = &self.caller.bot;
        let join = BotJoin {
            leg,
            bot: bot.app,
            hosting,
        };
        let joined = self
            .graph
            .switchboard
            .join_meeting(meeting.id, join, bot.limits.calls, callback)
            .await;
        let call = joined.map_err(|why| match why {
            NotJoined::NotConnected(why) => not_connected(why),
            NotJoined::Refused(refusal) => Refused::command(CommandRefused::Refused(refusal)),
        })?;
        Ok(Made {
            call,
            targets: Vec::new(),
            is_group: true,
        })
    }

    /// The meeting that is opened by what was said of it.
    async fn meeting(&self, which: &WhichMeeting) -> Result<Meeting, Refused> {
        let key = match which {
            WhichMeeting::Thread { thread, organizer } => {
                let organizer = organizer.as_ref().map(|id| id.reveal().parse());
                let organizer = organizer.transpose().map_err(|_| {
                    Refused::parameter("organizer", "has a user 'id' that is no GUID")
                })?;
                Key::Thread { thread, organizer }
            }
            WhichMeeting::Token(token) => Key::Token(token.reveal()),
            WhichMeeting::JoinId { id, passcode } => Key::Number {
                number: id,
                passcode: passcode.as_ref().map(|passcode| passcode.reveal().as_str()),
            },
        };
        let meetings = self.graph.workplace.meetings();
        meetings
            .find(&key, clock::wall())
            .await
            .map_err(|why| match (why, which) {
                (NotFound::Store(why), _) => {
                    tracing::error!(%why, "the book of meetings cannot be read");
                    Refused::fault()
                }
                (_, WhichMeeting::Token(_)) => {
                    Refused::not_a_meeting("8526", "Invalid join meeting token.")
                }
                (_, WhichMeeting::Thread { .. }) => {
                    Refused::not_a_meeting("8527", "Invalid join meeting coordinates.")
                }
                (_, WhichMeeting::JoinId { .. }) => {
                    Refused::not_a_meeting("8561", "Invalid join meeting id or passcode.")
                }
            })
    }

    fn created(&self, leg: LegId, made: Made, hosting: Hosting, callback: &str) -> Answer {
        let bot = self.caller.bot.app;
        let view = LegView {
            bot,
            call: made.call,
            state: LegState::Establishing,
            caller: Party::Bot { app: bot },
            caller_leg: leg,
            audio_flows: false,
            number: 0,
            direction: CallDirection::Outgoing,
            targets: made.targets,
            is_group: made.is_group,
            hosting,
        };
        let paper = self.graph.outboxes.papers().of(leg);
        let known = self.known(&view, leg, callback, None, &paper);
        let context = Some(self.context("communications/calls/$entity"));
        let call = from_engine::call(&view, known, &self.graph.wording, context);
        let mut answer = Answer::body(print(&FullCall(&call)));
        answer.status = StatusCode::CREATED;
        answer.location = Some(format!("{}/communications/calls/{leg}", self.versioned()));
        answer.chain = Some(made.call);
        answer
    }
}

fn not_connected(why: NotConnected) -> Refused {
    match why {
        NotConnected::BotIsFull => Refused::too_many_calls(),
        NotConnected::MonthIsFull { wait } => Refused::too_many_calls_this_month(wait),
        NotConnected::Closed | NotConnected::Over => Refused::unavailable(),
    }
}
