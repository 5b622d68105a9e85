//! What bots ask of a call.

use http::StatusCode;
use offhook_engine::{
    AtOnce, CallDirection, Command, Hosting, LegState, LegView, OperationKind, Outcome, Party,
    RouteChange,
};
use offhook_terms::{LegId, OperationId};
use offhook_wire::graph::{self as wire, FullOperation};
use url::Url;

use super::super::path::Action;
use super::super::response::Answer;
use super::super::to_engine::{self, Phones, Target};
use super::super::{Paper, Refused, from_engine};
use super::{Ask, print};
use crate::limits;
use crate::registry::Roles;

impl Ask<'_> {
    pub(super) async fn act(
        &self,
        leg: Option<LegId>,
        action: Action,
        body: &[u8],
    ) -> Result<Answer, Refused> {
        let operation = OperationId::from_random(rand::random());
        let guard = &self.caller.bot.guard;
        match action {
            Action::KeepAlive => {
                let leg = leg.ok_or_else(Refused::no_call)?;
                self.command(leg, Command::KeepAlive).await?;
                Ok(self.about(leg, Answer::empty(StatusCode::OK)))
            }
            Action::Answer => self.take(leg, body).await,
            Action::Reject => {
                let request = to_engine::read(or_nothing(body))?;
                let leg = leg.ok_or_else(Refused::no_call)?;
                let asked = to_engine::reject(request, guard);
                let asked = self.existing(leg, asked).await?;
                let command = Command::Reject(asked.reason);
                self.decide(leg, command, asked.callback, None).await
            }
            Action::Redirect => {
                let request = to_engine::read(body)?;
                let leg = leg.ok_or_else(Refused::no_call)?;
                let asked = self
                    .needs_all(&[Roles::INITIATE])
                    .and_then(|()| to_engine::redirect(request, self.asker()));
                let asked = self.existing(leg, asked).await?;
                self.decide(leg, asked.command, asked.callback, None).await
            }
            Action::Transfer => self.transfer(leg, to_engine::read(body)?).await,
            Action::PlayPrompt => {
                let request = to_engine::read(body)?;
                let asked = to_engine::play(operation, request, guard);
                self.operate(leg, operation, asked).await
            }
            Action::RecordResponse | Action::Record => {
                let request = to_engine::read(body)?;
                let asked = self
                    .needs_all(&[Roles::ACCESS_MEDIA])
                    .and_then(|()| to_engine::record(operation, request, guard));
                let mut answer = self.operate(leg, operation, asked).await?;
                answer.deprecated = action == Action::Record;
                Ok(answer)
            }
            Action::CancelMediaProcessing => {
                let asked = self.at_once(operation, body, AtOnce::CancelMedia)?;
                self.operate(leg, operation, asked).await
            }
            Action::SubscribeToTone => {
                let asked = self.at_once(operation, body, AtOnce::SubscribeToTones)?;
                let asked = self.needs_all(&[Roles::ACCESS_MEDIA]).and(asked);
                self.operate(leg, operation, asked).await
            }
            Action::SendDtmfTones => {
                let request = to_engine::read(body)?;
                let asked = to_engine::send_tones(operation, request);
                self.operate(leg, operation, asked).await
            }
            Action::Mute => {
                let mute = AtOnce::Mute { participant: None };
                let asked = self.at_once(operation, body, mute)?;
                self.operate(leg, operation, asked).await
            }
            Action::Unmute => {
                let asked = self.at_once(operation, body, AtOnce::Unmute)?;
                self.operate(leg, operation, asked).await
            }
            Action::MuteParticipant(party) => {
                let mute = AtOnce::Mute { participant: party };
                let asked = self.at_once(operation, body, mute)?;
                let asked = to_engine::participant(party).and(asked);
                self.operate(leg, operation, asked).await
            }
            Action::MuteAll => {
                let request = to_engine::read(or_nothing(body))?;
                let asked = to_engine::mute_all(operation, request);
                self.operate(leg, operation, asked).await
            }
            Action::UpdateRecordingStatus => {
                let request = to_engine::read(body)?;
                let asked = self
                    .needs_all(&[Roles::JOIN_GROUP_CALL, Roles::ACCESS_MEDIA])
                    .and_then(|()| to_engine::update_recording_status(operation, request));
                self.operate(leg, operation, asked).await
            }
            Action::ChangeScreenSharingRole => self.share_screen(leg, to_engine::read(body)?).await,
            Action::AddLargeGalleryView => {
                let request: wire::ContextRequest = to_engine::read(or_nothing(body))?;
                let asked = self
                    .needs_any(&[
                        Roles::JOIN_GROUP_CALL_AS_GUEST,
                        Roles::JOIN_GROUP_CALL,
                        Roles::INITIATE_GROUP_CALL,
                    ])
                    .and_then(|()| to_engine::add_large_gallery_view(operation, request));
                self.operate(leg, operation, asked).await
            }
            Action::Invite => self.invite(leg, operation, to_engine::read(body)?).await,
            Action::StartHoldMusic(party) => {
                let request = to_engine::read(or_nothing(body))?;
                let asked = to_engine::participant(party).and_then(|party| {
                    to_engine::start_hold_music(operation, party, request, guard)
                });
                self.operate(leg, operation, asked).await
            }
            Action::StopHoldMusic(party) => {
                let request = to_engine::read(or_nothing(body))?;
                let asked = to_engine::participant(party)
                    .and_then(|party| to_engine::stop_hold_music(operation, party, request));
                self.operate(leg, operation, asked).await
            }
        }
    }

    /// What needs nothing but a word for its operation. A body that cannot be read is refused at
    /// once, as everywhere; what else is wrong waits until the call is found.
    fn at_once(
        &self,
        operation: OperationId,
        body: &[u8],
        what: AtOnce,
    ) -> Result<Result<Command, Refused>, Refused> {
        let request: wire::ContextRequest = to_engine::read(or_nothing(body))?;
        Ok(to_engine::at_once(operation, what, request.client_context))
    }

    async fn take(&self, leg: Option<LegId>, body: &[u8]) -> Result<Answer, Refused> {
        if body.len() > limits::CALL_BODY_BYTES_MAX {
            return Err(Refused::body_too_large(limits::CALL_BODY_BYTES_MAX));
        }
        let request: wire::AnswerRequest = to_engine::read(body)?;
        let leg = leg.ok_or_else(Refused::no_call)?;
        let may = self.may_take(leg, &request).await?;
        let asked = may.and_then(|()| to_engine::answer(&request, &self.caller.bot.guard));
        let asked = self.existing(leg, asked).await?;
        let paper = Paper {
            version: self.version,
            media_config: request.media_config,
            modalities: request.accepted_modalities.unwrap_or_default(),
            options: request.call_options,
            ..Paper::clone(&self.graph.outboxes.papers().of(leg))
        };
        let command = Command::Answer {
            hosting: asked.hosting,
        };
        let answer = self
            .decide(leg, command, asked.callback, Some(paper))
            .await?;
        for prompt in asked.prefetch {
            self.graph.prompts.prefetch(&self.caller.bot, leg, prompt);
        }
        Ok(answer)
    }

    /// A call of two is answered by anybody; a call of many by those who may join one.
    async fn may_take(
        &self,
        leg: LegId,
        request: &wire::AnswerRequest,
    ) -> Result<Result<(), Refused>, Refused> {
        let is_app_hosted = matches!(
            request.media_config,
            Some(wire::MediaConfig::AppHosted { .. })
        );
        if is_app_hosted && !self.caller.roles.contains(Roles::ACCESS_MEDIA) {
            return Ok(Err(Refused::role()));
        }
        let joins = self.needs_any(&[Roles::JOIN_GROUP_CALL, Roles::JOIN_GROUP_CALL_AS_GUEST]);
        if joins.is_err() && !self.view(leg).await?.is_group {
            return Ok(Ok(()));
        }
        Ok(joins)
    }

    /// Answers, rejects or sends on. Where the notifications go must be known before the first of
    /// them.
    async fn decide(
        &self,
        leg: LegId,
        command: Command,
        callback: Option<Url>,
        paper: Option<Paper>,
    ) -> Result<Answer, Refused> {
        let outboxes = &self.graph.outboxes;
        let says_something = callback.is_some() || paper.is_some();
        let proposed = says_something && outboxes.propose(leg, callback.as_ref(), paper);
        let decided = self.command(leg, command).await;
        if decided.is_err() && proposed {
            outboxes.withdraw(leg);
        }
        decided?;
        Ok(self.about(leg, Answer::empty(StatusCode::ACCEPTED)))
    }

    async fn transfer(
        &self,
        leg: Option<LegId>,
        request: wire::TransferRequest,
    ) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let view = self.view(leg).await?;
        self.needs_all(&[Roles::INITIATE])?;
        let asked = to_engine::transfer(request, self.asker(), self.phones(leg, &view))?;
        if let Target::PartyOf(other) = asked.target {
            self.replaceable(leg, other).await?;
        }
        let roster = match view.is_group {
            true => Some(self.roster(leg).await?),
            false => None,
        };
        self.command(leg, asked.command(roster.as_deref())?).await?;
        Ok(self.about(leg, Answer::empty(StatusCode::ACCEPTED)))
    }

    async fn invite(
        &self,
        leg: Option<LegId>,
        operation: OperationId,
        request: wire::InviteRequest,
    ) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let view = self.view(leg).await?;
        self.needs_all(&[Roles::INITIATE_GROUP_CALL])?;
        let given = request.participants.clone().unwrap_or_default();
        let phones = self.phones(leg, &view);
        let command = to_engine::invite(operation, request, self.asker(), phones)?;
        let Command::Invite {
            invitees, replaces, ..
        } = &command
        else {
            unreachable!("an invitation is read as one")
        };
        if let Some(other) = replaces {
            self.replaceable(leg, *other).await?;
        }
        let echoed = from_engine::invited(given, invitees);
        self.started(leg, operation, command, Some(echoed)).await
    }

    /// Phones may be called by calls of an application that stands for a number. Whoever was called
    /// here was reached at an address of its own, as an instance is.
    fn phones(&self, leg: LegId, view: &LegView) -> Phones {
        let is_instance = view.direction == CallDirection::Incoming
            || self.graph.outboxes.papers().of(leg).is_instance;
        match is_instance {
            true => Phones::Allowed,
            false => Phones::NeedInstance,
        }
    }

    /// Another call of the bot, whose party can be taken from it.
    async fn replaceable(&self, leg: LegId, other: LegId) -> Result<(), Refused> {
        let view = self.view(other).await;
        match view {
            Ok(view) if other != leg && view.state == LegState::Established => Ok(()),
            _ => Err(Refused::no_replaced_call()),
        }
    }

    /// There is no video here, so who shares a screen is a word and nothing more: it is shown in the
    /// roster.
    async fn share_screen(
        &self,
        leg: Option<LegId>,
        request: wire::ChangeScreenSharingRoleRequest,
    ) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let view = self.view(leg).await?;
        self.needs_all(&[Roles::ACCESS_MEDIA])?;
        let shares = to_engine::screen_sharing(request)?;
        if view.state != LegState::Established {
            return Err(Refused::not_established());
        }
        if !view.is_group {
            return Err(Refused::not_a_group());
        }
        if view.hosting != Hosting::App {
            return Err(Refused::media_mode());
        }
        self.command(leg, Command::ShareScreen { shares }).await?;
        Ok(self.about(leg, Answer::empty(StatusCode::ACCEPTED)))
    }

    async fn operate(
        &self,
        leg: Option<LegId>,
        operation: OperationId,
        asked: Result<Command, Refused>,
    ) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let command = self.existing(leg, asked).await?;
        self.started(leg, operation, command, None).await
    }

    async fn started(
        &self,
        leg: LegId,
        operation: OperationId,
        command: Command,
        participants: Option<Vec<wire::InvitationParticipantInfo>>,
    ) -> Result<Answer, Refused> {
        let Started {
            kind,
            context,
            outcome,
            status,
        } = Started::of(&command);
        self.command(leg, command).await?;
        let mut body = from_engine::operation(
            operation,
            &kind,
            context.as_deref(),
            outcome.as_ref(),
            &self.caller.bot,
            &self.graph.wording,
        );
        if participants.is_some() {
            body.participants = participants;
        }
        let mut answer = Answer::body(print(&FullOperation(&body)));
        answer.status = status;
        answer.location = Some(format!(
            "{}/communications/calls/{leg}/operations/{operation}",
            self.versioned()
        ));
        Ok(self.about(leg, answer))
    }

    pub(super) async fn hang_up(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let answer = self.about(leg, Answer::empty(StatusCode::NO_CONTENT));
        self.command(leg, Command::HangUp).await?;
        Ok(answer)
    }

    pub(super) async fn remove(
        &self,
        leg: Option<LegId>,
        party: Option<LegId>,
    ) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let may = match self.caller.bot.removes_participants {
            true => to_engine::participant(party),
            // It is not on the tenant's list of applications that may.
            false => Err(Refused::role()),
        };
        let participant = self.existing(leg, may).await?;
        if self.organizes(leg, participant).await? {
            return Err(Refused::organizer());
        }
        self.command(leg, Command::Remove { participant }).await?;
        Ok(self.about(leg, Answer::empty(StatusCode::NO_CONTENT)))
    }

    /// The participant holds the meeting.
    async fn organizes(&self, leg: LegId, participant: LegId) -> Result<bool, Refused> {
        let paper = self.graph.outboxes.papers().of(leg);
        let Some(organizer) = paper.organizer else {
            return Ok(false);
        };
        let roster = self.roster(leg).await?;
        let mut of = roster.iter().filter(|one| one.leg == participant);
        Ok(of.any(|one| matches!(one.party, Party::Person { id, .. } if id == organizer)))
    }

    pub(super) async fn create_routing_group(
        &self,
        leg: Option<LegId>,
        body: &[u8],
    ) -> Result<Answer, Refused> {
        let request = to_engine::read(body)?;
        let leg = leg.ok_or_else(Refused::no_call)?;
        let asked = self
            .may_route()
            .and_then(|()| to_engine::new_group(request));
        let group = self.existing(leg, asked).await?;
        let change = RouteChange::Create(group.clone());
        self.command(leg, Command::Route(change)).await?;
        Ok(self.routed(leg, &group))
    }

    pub(super) async fn change_routing_group(
        &self,
        leg: Option<LegId>,
        id: &str,
        body: &[u8],
    ) -> Result<Answer, Refused> {
        let request = to_engine::read(body)?;
        let leg = leg.ok_or_else(Refused::no_call)?;
        let group = self.find_routing_group(leg, id).await?;
        let group = to_engine::changed_group(group, request)?;
        let change = RouteChange::Update(group.clone());
        self.command(leg, Command::Route(change)).await?;
        Ok(self.routed(leg, &group))
    }

    pub(super) async fn delete_routing_group(
        &self,
        leg: Option<LegId>,
        id: String,
    ) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        self.existing(leg, self.may_route()).await?;
        let change = RouteChange::Delete(id);
        self.command(leg, Command::Route(change)).await?;
        Ok(self.about(leg, Answer::empty(StatusCode::NO_CONTENT)))
    }
}

/// The body of an action whose every property is optional, and so is its body.
fn or_nothing(body: &[u8]) -> &[u8] {
    if body.is_empty() { b"{}" } else { body }
}

/// An operation as the answer shows it.
struct Started {
    kind: OperationKind,
    context: Option<String>,
    /// Of what is done at once.
    outcome: Option<Outcome>,
    status: StatusCode,
}

impl Started {
    fn of(command: &Command) -> Self {
        let (kind, context) = match command {
            Command::Play { context, .. } => {
                let prompts = Vec::new();
                (OperationKind::Play { prompts }, context)
            }
            Command::Record { context, .. } => (OperationKind::Record, context),
            Command::SendTones { context, .. } => (OperationKind::SendTones, context),
            Command::Invite {
                invitees, context, ..
            } => {
                let invitees = invitees.clone();
                (OperationKind::Invite { invitees }, context)
            }
            Command::StartHoldMusic { context, .. } => (OperationKind::StartHoldMusic, context),
            Command::StopHoldMusic { context, .. } => (OperationKind::StopHoldMusic, context),
            Command::AddLargeGalleryView { context, .. } => {
                (OperationKind::AddLargeGalleryView, context)
            }
            Command::AtOnce { what, context, .. } => {
                let kind = match what {
                    AtOnce::Mute { .. } => OperationKind::Mute,
                    AtOnce::Unmute => OperationKind::Unmute,
                    AtOnce::MuteAll { .. } => OperationKind::MuteAll,
                    AtOnce::CancelMedia => OperationKind::CancelMedia,
                    AtOnce::SubscribeToTones => OperationKind::SubscribeToTones,
                    AtOnce::UpdateRecordingStatus { .. } => OperationKind::UpdateRecordingStatus,
                };
                (kind, context)
            }
            _ => unreachable!("every other command is no operation"),
        };
        // Published so; the documentation gives no reason.
        let status = match kind {
            OperationKind::StartHoldMusic
            | OperationKind::StopHoldMusic
            | OperationKind::AddLargeGalleryView => StatusCode::ACCEPTED,
            _ => StatusCode::OK,
        };
        Self {
            kind,
            context: context.clone(),
            outcome: matches!(command, Command::AtOnce { .. }).then_some(Outcome::Done),
            status,
        }
    }
}
