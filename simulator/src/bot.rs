//! A bot that does what a test says.

use std::time::Duration;

use offhook_engine::{
    Accepted, AtOnce, Command, Invitee, Prompt, RecordRules, RecordingStatus, Refusal,
    RejectReason, RouteChange, RoutingGroup, RoutingMode, limits,
};
use offhook_terms::{LegId, OperationId, Tone};

use crate::World;

/// What a bot may be told to do. See [`World::bot`].
///
/// Commands give back what the engine said; a refusal is drawn as well.
pub struct BotScript<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) name: &'static str,
}

impl BotScript<'_> {
    /// Its web server is down from now on.
    pub fn is_down(self) {
        self.world.bots_down.insert(self.name);
    }

    /// Handles its audio itself, in the calls that it answers or makes from now on.
    pub fn is_app_hosted(self) {
        self.world.app_hosted.insert(self.name);
    }

    /// Calls somebody.
    pub fn calls(self, callee: &'static str) {
        self.world.place(self.name, &[callee], false);
    }

    /// Calls several, for a call of many.
    pub fn calls_many(self, callees: &[&'static str]) {
        self.world.place(self.name, callees, true);
    }

    /// Joins the meeting.
    pub fn joins(self) {
        self.world.bot_joins(self.name);
    }

    /// Answers.
    pub fn answers(self) {
        let hosting = self.world.hosting(self.name);
        self.asks(Command::Answer { hosting }).ok();
    }

    /// Rejects the call as busy.
    pub fn rejects_busy(self) {
        self.asks(Command::Reject(RejectReason::Busy)).ok();
    }

    /// Rejects the call without saying why.
    pub fn rejects(self) {
        self.asks(Command::Reject(RejectReason::None)).ok();
    }

    /// Hangs up.
    pub fn hangs_up(self) {
        self.asks(Command::HangUp).ok();
    }

    /// Says that it is alive.
    pub fn keeps_alive(self) {
        self.asks(Command::KeepAlive).ok();
    }

    /// Plays prompts, one after the other.
    pub fn plays(self, uris: &[&str]) {
        self.play(uris, false);
    }

    /// Plays prompts over and over.
    pub fn plays_for_ever(self, uris: &[&str]) {
        self.play(uris, true);
    }

    /// Records an answer after a prompt and a beep; `#` ends it, five seconds of silence do, and
    /// thirty seconds of speech do.
    pub fn records(self, prompt: Option<&str>) {
        self.record(prompt, false);
    }

    /// Records an answer that ends when it is so long or nobody speaks for so long.
    pub fn records_up_to(self, max_duration: Duration, silence: Duration) {
        let operation = self.world.new_operation();
        let command = Command::Record {
            operation,
            prompt: None,
            barge_in: false,
            beep: false,
            rules: RecordRules {
                initial_silence: silence,
                max_silence: silence,
                max_duration,
                stop_tones: Vec::new(),
            },
            context: None,
        };
        self.asks(command).ok();
    }

    /// The same, and cancels everything asked for before.
    pub fn barges_in_and_records(self, prompt: Option<&str>) {
        self.record(prompt, true);
    }

    /// Sends the incoming call on to others, who ring for so long.
    pub fn redirects(self, targets: &[&'static str], ring_for: Duration) {
        self.redirect(targets, ring_for, false);
    }

    /// The same, and does not let them see who calls.
    pub fn redirects_masked(self, targets: &[&'static str], ring_for: Duration) {
        self.redirect(targets, ring_for, true);
    }

    /// Transfers the other party.
    pub fn transfers_to(mut self, target: &'static str) {
        let target = self.invitee(target);
        let transferee = None;
        self.asks(Command::Transfer {
            transferee,
            target,
            ring_for: limits::RINGS_FOR,
        })
        .ok();
    }

    /// Transfers a participant.
    pub fn transfers(mut self, transferee: &str, target: &'static str) {
        let target = self.invitee(target);
        let transferee = Some(self.world.leg_called(transferee));
        self.asks(Command::Transfer {
            transferee,
            target,
            ring_for: limits::RINGS_FOR,
        })
        .ok();
    }

    /// Transfers the other party to the party of another leg of this bot.
    pub fn transfers_to_party_of(self, bot: &str) {
        let replaces = self.world.leg_of_bot(bot);
        let transferee = None;
        self.asks(Command::TransferTo {
            transferee,
            replaces,
        })
        .ok();
    }

    /// Transfers a participant to the party of another leg of this bot.
    pub fn transfers_participant_to_party_of(self, transferee: &str, bot: &str) {
        let replaces = self.world.leg_of_bot(bot);
        let transferee = Some(self.world.leg_called(transferee));
        self.asks(Command::TransferTo {
            transferee,
            replaces,
        })
        .ok();
    }

    /// Transfers the other party to the party of a leg that there is not.
    pub fn transfers_to_party_of_nobody(self) {
        let replaces = LegId::from_bits(u128::MAX);
        let transferee = None;
        self.asks(Command::TransferTo {
            transferee,
            replaces,
        })
        .ok();
    }

    /// Lets others in.
    pub fn invites(mut self, names: &[&'static str]) {
        let operation = self.world.new_operation();
        let invitees = names.iter().map(|name| self.invitee(name)).collect();
        self.asks(Command::Invite {
            operation,
            invitees,
            replaces: None,
            ring_for: limits::RINGS_FOR,
            context: None,
        })
        .ok();
    }

    /// Lets somebody in who neither hears nor is heard except through routing groups.
    pub fn invites_apart(mut self, name: &'static str) {
        let operation = self.world.new_operation();
        let mut invitee = self.invitee(name);
        invitee.is_routed_only = true;
        self.asks(Command::Invite {
            operation,
            invitees: vec![invitee],
            replaces: None,
            ring_for: limits::RINGS_FOR,
            context: None,
        })
        .ok();
    }

    /// Lets the party of another leg of this bot in.
    pub fn invites_party_of(self, bot: &str, party: &'static str) {
        let operation = self.world.new_operation();
        let invitees = vec![self.world.somebody(party)];
        let replaces = Some(self.world.leg_of_bot(bot));
        self.asks(Command::Invite {
            operation,
            invitees,
            replaces,
            ring_for: limits::RINGS_FOR,
            context: None,
        })
        .ok();
    }

    /// Mutes a participant.
    pub fn mutes(self, name: &str) {
        let participant = Some(self.world.leg_called(name));
        self.at_once(AtOnce::Mute { participant });
    }

    /// Mutes itself.
    pub fn mutes_itself(self) {
        self.at_once(AtOnce::Mute { participant: None });
    }

    /// Unmutes itself.
    pub fn unmutes_itself(self) {
        self.at_once(AtOnce::Unmute);
    }

    /// Mutes everybody else.
    pub fn mutes_all(self) {
        let participants = Vec::new();
        self.at_once(AtOnce::MuteAll { participants });
    }

    /// Asks for tones.
    pub fn subscribes_to_tones(self) {
        self.at_once(AtOnce::SubscribeToTones);
    }

    /// Cancels what is played and recorded.
    pub fn cancels_media(self) {
        self.at_once(AtOnce::CancelMedia);
    }

    /// Says what it does about recording.
    pub fn says(self, status: RecordingStatus) {
        self.at_once(AtOnce::UpdateRecordingStatus { status });
    }

    /// Says whether it shows its screen.
    pub fn shares_its_screen(self, shares: bool) {
        self.asks(Command::ShareScreen { shares }).ok();
    }

    /// Lets a participant hear music.
    pub fn holds(self, name: &str, uri: Option<&str>) {
        let operation = self.world.new_operation();
        let participant = self.world.leg_called(name);
        self.asks(Command::StartHoldMusic {
            operation,
            participant,
            prompt: uri.map(prompt),
            context: None,
        })
        .ok();
    }

    /// Lets a participant hear the call again.
    pub fn resumes(self, name: &str) {
        let operation = self.world.new_operation();
        let participant = self.world.leg_called(name);
        self.asks(Command::StopHoldMusic {
            operation,
            participant,
            context: None,
        })
        .ok();
    }

    /// Asks for a gallery.
    pub fn shows_a_gallery(self) {
        let operation = self.world.new_operation();
        let context = None;
        self.asks(Command::AddLargeGalleryView { operation, context })
            .ok();
    }

    /// Drops a participant.
    pub fn removes(self, name: &str) {
        let participant = self.world.leg_called(name);
        self.asks(Command::Remove { participant }).ok();
    }

    /// Presses keys.
    pub fn presses(self, keys: &str) {
        let operation = self.world.new_operation();
        let tones = keys.chars().filter_map(Tone::from_symbol).collect();
        self.asks(Command::SendTones {
            operation,
            tones,
            gap: Duration::ZERO,
            context: None,
        })
        .ok();
    }

    /// Lets some hear some.
    pub fn routes(self, id: &str, sources: &[&str], receivers: &[&str]) {
        let group = self.group(id, sources, receivers);
        self.asks(Command::Route(RouteChange::Create(group))).ok();
    }

    /// Changes a routing group.
    pub fn routes_anew(self, id: &str, sources: &[&str], receivers: &[&str]) {
        let group = self.group(id, sources, receivers);
        self.asks(Command::Route(RouteChange::Update(group))).ok();
    }

    /// Deletes a routing group.
    pub fn routes_no_more(self, id: &str) {
        self.asks(Command::Route(RouteChange::Delete(id.to_owned())))
            .ok();
    }

    fn group(&self, id: &str, sources: &[&str], receivers: &[&str]) -> RoutingGroup {
        let legs = |names: &[&str]| {
            names
                .iter()
                .map(|name| self.world.leg_called(name))
                .collect()
        };
        RoutingGroup {
            id: id.to_owned(),
            mode: RoutingMode::Multicast,
            sources: legs(sources),
            receivers: legs(receivers),
        }
    }

    fn redirect(mut self, targets: &[&'static str], ring_for: Duration, mask_caller: bool) {
        let targets = targets.iter().map(|name| self.invitee(name)).collect();
        self.asks(Command::Redirect {
            targets,
            ring_for,
            mask_caller,
            mask_callee: false,
        })
        .ok();
    }

    fn at_once(self, what: AtOnce) {
        let operation = self.world.new_operation();
        self.asks(Command::AtOnce {
            operation,
            what,
            context: None,
        })
        .ok();
    }

    fn invitee(&mut self, name: &'static str) -> Invitee {
        let call = self.world.call_of_bot(self.name);
        self.world.invitee(call, name)
    }

    fn play(self, uris: &[&str], for_ever: bool) {
        let operation = self.world.new_operation();
        let prompts = uris.iter().map(|uri| prompt(uri)).collect();
        let command = Command::Play {
            operation,
            prompts,
            for_ever,
            context: None,
        };
        self.asks(command).ok();
    }

    fn record(self, uri: Option<&str>, barge_in: bool) {
        let operation: OperationId = self.world.new_operation();
        let command = Command::Record {
            operation,
            prompt: uri.map(prompt),
            barge_in,
            beep: true,
            rules: RecordRules {
                initial_silence: Duration::from_secs(5),
                max_silence: Duration::from_secs(5),
                max_duration: Duration::from_secs(30),
                stop_tones: Tone::from_symbol('#').into_iter().collect(),
            },
            context: None,
        };
        self.asks(command).ok();
    }

    /// Asks for anything.
    pub fn asks(self, command: Command) -> Result<Accepted, Refusal> {
        self.world.bot_asks(self.name, command)
    }
}

fn prompt(uri: &str) -> Prompt {
    Prompt::File {
        uri: uri.to_owned(),
        resource_id: None,
    }
}
