//! What bots ask, and how they are told.

use std::time::Duration;

use offhook_engine::{
    Accepted, AtOnce, BotJoin, Call, CameBy, Command, Event, Fact, Hosting, Invitee, Participant,
    Placement, RecordingStatus, Refusal, RouteChange, RoutingGroup, limits,
};
use offhook_terms::{CallId, LegId};

use super::World;
use crate::agenda::Happening;
use crate::ladder;

/// When delivery to a dead bot is given up.
const GIVE_UP: Duration = Duration::from_secs(4);

impl World {
    pub(crate) fn bot_asks(
        &mut self,
        name: &'static str,
        command: Command,
    ) -> Result<Accepted, Refusal> {
        let leg = self.leg_of_bot(name);
        let call = self.call_of_bot(name);
        let what = self.command_words(&command);
        self.draw(name, "server", &what);
        let mut result = Ok(Accepted);
        self.with_call(call, |call, now| {
            result = call.handle_command(leg, command, now);
        });
        if let Err(refusal) = result {
            self.draw("server", name, &format!("refused: {refusal:?}"));
        }
        result
    }

    pub(crate) fn tell_bot(&mut self, event: Event) {
        let name = self.bots[&event.leg];
        let fact = self.fact_words(&event.fact);
        let is_down = self.bots_down.contains(name);
        let lost = if is_down { ", not delivered" } else { "" };
        self.draw("server", name, &format!("{} {fact}{lost}", event.number));
        if is_down && self.giving_up.insert(event.leg) {
            let at = self.after(GIVE_UP);
            self.agenda.plan(at, Happening::GiveUp(event.leg));
        }
        self.told_legs.insert(event.leg);
        self.told.push(event.fact);
    }

    /// The leg of the latest call of this bot that it was told of.
    pub(crate) fn leg_of_bot(&self, name: &str) -> LegId {
        let named = || self.bots.iter().rev().filter(|(_, bot)| **bot == name);
        let told = named().find(|(leg, _)| self.told_legs.contains(leg));
        *told
            .or_else(|| named().next())
            .expect("this bot was called")
            .0
    }

    pub(crate) fn call_of_bot(&self, name: &str) -> CallId {
        self.bot_calls[&self.leg_of_bot(name)]
    }

    /// A bot calls somebody, or several.
    pub(crate) fn place(&mut self, name: &'static str, callees: &[&'static str], is_group: bool) {
        let call = self.new_call();
        let many = if is_group { " together" } else { "" };
        self.draw(
            name,
            "server",
            &format!("call {}{many}", callees.join(", ")),
        );
        let placement = Placement {
            call,
            bot_leg: self.bot_leg(call, name),
            bot: self.app(name),
            hosting: self.hosting(name),
            targets: callees.iter().map(|one| self.invitee(call, one)).collect(),
            is_group,
            ring_for: limits::RINGS_FOR,
        };
        let made = Call::placed(placement, self.instant());
        self.add_call(made);
    }

    /// A bot joins the meeting.
    pub(crate) fn bot_joins(&mut self, name: &'static str) {
        self.draw(name, "server", "join the meeting");
        let call = self.meeting();
        let join = BotJoin {
            leg: self.bot_leg(call, name),
            bot: self.app(name),
            hosting: self.hosting(name),
        };
        let mut joined = Ok(());
        self.with_call(call, |call, now| joined = call.join_bot(join, now));
        if let Err(refusal) = joined {
            self.draw("server", name, &format!("refused: {refusal:?}"));
        }
    }

    pub(crate) fn hosting(&self, name: &str) -> Hosting {
        match self.app_hosted.contains(name) {
            true => Hosting::App,
            false => Hosting::Service,
        }
    }

    fn fact_words(&self, fact: &Fact) -> String {
        match fact {
            Fact::Incoming {
                caller, came_by, ..
            } => {
                let caller = self.label(caller);
                match came_by {
                    CameBy::Called => "incoming".into(),
                    CameBy::Forwarded { original } => {
                        format!(
                            "incoming from {caller}, forwarded by {}",
                            self.label(original)
                        )
                    }
                    CameBy::Transferred { transferor } => {
                        let transferor = self.label(transferor);
                        format!("incoming from {caller}, transferred by {transferor}")
                    }
                    CameBy::Invited => format!("incoming, invited by {caller}"),
                }
            }
            Fact::RosterChanged(roster) => {
                let participants: Vec<String> = roster
                    .participants
                    .iter()
                    .map(|one| self.participant_words(one, roster.sequence))
                    .collect();
                let left: Vec<LegId> = roster.left.iter().map(|one| one.leg).collect();
                let mut words = format!("roster {}: {}", roster.sequence, participants.join(", "));
                if !left.is_empty() {
                    words += &format!("; left: {}", self.names_of(&left));
                }
                words
            }
            other => ladder::fact(other),
        }
    }

    /// Whoever is new or changed has a star.
    fn participant_words(&self, one: &Participant, sequence: u64) -> String {
        let star = if one.changed == sequence { "*" } else { "" };
        let muted = if one.is_muted { " muted" } else { "" };
        let held = if one.is_held { " held" } else { "" };
        let recording = match one.recording {
            RecordingStatus::Unknown => "",
            RecordingStatus::NotRecording => " not recording",
            RecordingStatus::Recording => " recording",
            RecordingStatus::Failed => " failed to record",
        };
        let screen = if one.shares_screen {
            " with its screen"
        } else {
            ""
        };
        let name = self.name_of(one.leg);
        format!("{name}{star}{muted}{held}{recording}{screen}")
    }

    fn command_words(&self, command: &Command) -> String {
        let names = |all: &[Invitee]| {
            let legs: Vec<LegId> = all.iter().map(|one| one.leg).collect();
            self.names_of(&legs)
        };
        match command {
            Command::Redirect {
                targets,
                mask_caller,
                ..
            } => {
                let masked = if *mask_caller { ", caller masked" } else { "" };
                format!("redirect to {}{masked}", names(targets))
            }
            Command::Transfer {
                transferee, target, ..
            } => {
                let whom =
                    transferee.map_or(String::new(), |leg| format!("{} ", self.name_of(leg)));
                format!("transfer {whom}to {}", self.name_of(target.leg))
            }
            Command::TransferTo { replaces, .. } => {
                let bot = self.bots.get(replaces).copied().unwrap_or("nobody");
                format!("transfer to the party of {bot}")
            }
            Command::Invite {
                operation,
                invitees,
                replaces: None,
                ..
            } => format!("invite #{}: {}", operation.bits(), names(invitees)),
            Command::Invite {
                operation,
                replaces: Some(replaces),
                ..
            } => {
                let bot = self.bots.get(replaces).copied().unwrap_or("nobody");
                format!("invite #{}: the party of {bot}", operation.bits())
            }
            Command::AtOnce {
                operation, what, ..
            } => {
                let what = match what {
                    AtOnce::Mute { participant: None } => "mute itself".to_owned(),
                    AtOnce::Mute {
                        participant: Some(leg),
                    } => format!("mute {}", self.name_of(*leg)),
                    AtOnce::Unmute => "unmute itself".to_owned(),
                    AtOnce::MuteAll { participants } if participants.is_empty() => {
                        "mute all".to_owned()
                    }
                    AtOnce::MuteAll { participants } => {
                        format!("mute {}", self.names_of(participants))
                    }
                    AtOnce::CancelMedia => "cancel media".to_owned(),
                    AtOnce::SubscribeToTones => "subscribe to tones".to_owned(),
                    AtOnce::UpdateRecordingStatus { status } => format!("say {status:?}"),
                };
                format!("{what} #{}", operation.bits())
            }
            Command::StartHoldMusic {
                operation,
                participant,
                ..
            } => format!("hold {} #{}", self.name_of(*participant), operation.bits()),
            Command::StopHoldMusic {
                operation,
                participant,
                ..
            } => format!(
                "resume {} #{}",
                self.name_of(*participant),
                operation.bits()
            ),
            Command::AddLargeGalleryView { operation, .. } => {
                format!("show a gallery #{}", operation.bits())
            }
            Command::SendTones {
                operation, tones, ..
            } => {
                let tones: String = tones.iter().map(|tone| tone.symbol()).collect();
                format!("press {tones} #{}", operation.bits())
            }
            Command::Remove { participant } => format!("remove {}", self.name_of(*participant)),
            Command::Route(change) => self.route_words(change),
            other => ladder::command(other),
        }
    }

    fn route_words(&self, change: &RouteChange) -> String {
        let group = |group: &RoutingGroup| {
            let (sources, receivers) = (
                self.names_of(&group.sources),
                self.names_of(&group.receivers),
            );
            format!("{}: {sources} to {receivers}", group.id)
        };
        match change {
            RouteChange::Create(one) => format!("route {}", group(one)),
            RouteChange::Update(one) => format!("route anew {}", group(one)),
            RouteChange::Delete(id) => format!("route no more {id}"),
        }
    }
}
