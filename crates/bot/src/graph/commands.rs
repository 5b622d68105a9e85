//! The commands of calls of many and of calls that are handed on (reference: Graph call, participant,
//! audioRoutingGroup).

use bytes::Bytes;
use http::Method;
use offhook_terms::{Private, Tone};
use offhook_wire::graph::{
    AudioRoutingGroup, ChangeScreenSharingRoleRequest, InvitationParticipantInfo, InviteRequest,
    MediaPrompt, Operation, Page, Participant, RecordingStatus, RedirectRequest, ScreenSharingRole,
    SendDtmfTonesRequest, StartHoldMusicRequest, ToneName, TransferRequest,
    UpdateRecordingStatusRequest,
};
use serde_json::Value;

use super::{GraphClient, GraphFault, check};
use crate::CallId;
use crate::limits::INVITED_AT_ONCE_MAX;

impl GraphClient {
    /// Sends an incoming call on to somebody else, without taking it.
    ///
    /// ```
    /// # use offhook_bot::{CallId, GraphClient, GraphFault};
    /// # async fn example(graph: GraphClient, call: CallId) -> Result<(), GraphFault> {
    /// use offhook_bot::wire::graph::{Identity, IdentitySet, InvitationParticipantInfo, RedirectRequest};
    ///
    /// let ada = IdentitySet::one("user", Identity::new("ada"));
    /// let to_ada = RedirectRequest {
    ///     targets: Some(vec![InvitationParticipantInfo::new(ada)]),
    ///     timeout: Some(30),
    ///     ..RedirectRequest::default()
    /// };
    /// graph.redirect(&call, &to_ada).await
    /// # }
    /// ```
    pub async fn redirect(
        &self,
        call: &CallId,
        request: &RedirectRequest,
    ) -> Result<(), GraphFault> {
        check::redirect(request)?;
        self.post(call, &["redirect"], Some(request))
            .await
            .map(drop)
    }

    /// Hands an established call to somebody else. What becomes of it comes as notifications:
    /// `transferring`, `transferAccepted` and the end of the call, or `established` again.
    ///
    /// ```
    /// # use offhook_bot::{CallId, GraphClient, GraphFault};
    /// # async fn example(graph: GraphClient, call: CallId) -> Result<(), GraphFault> {
    /// use offhook_bot::wire::graph::{Identity, IdentitySet, InvitationParticipantInfo, TransferRequest};
    ///
    /// let desk = IdentitySet::one("phone", Identity::new("+12065550100"));
    /// let to_the_desk = TransferRequest {
    ///     transfer_target: Some(InvitationParticipantInfo::new(desk)),
    ///     ..TransferRequest::default()
    /// };
    /// graph.transfer(&call, &to_the_desk).await
    /// # }
    /// ```
    pub async fn transfer(
        &self,
        call: &CallId,
        request: &TransferRequest,
    ) -> Result<(), GraphFault> {
        check::transfer(request)?;
        self.post(call, &["transfer"], Some(request))
            .await
            .map(drop)
    }

    /// Ends what plays and records, and what waits to. Each of them is told as ended.
    pub async fn cancel_media(&self, call: &CallId) -> Result<Operation, GraphFault> {
        self.asked_for(call, &["cancelMediaProcessing"]).await
    }

    /// Presses keys, with so many milliseconds between them if said.
    ///
    /// ```
    /// # use offhook_bot::{CallId, GraphClient, GraphFault};
    /// # async fn example(graph: GraphClient, call: CallId) -> Result<(), GraphFault> {
    /// let pressing = graph.send_tones(&call, "4711#", None).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`GraphFault::Parameter`] when one of them is no key; nothing is sent then.
    pub async fn send_tones(
        &self,
        call: &CallId,
        keys: &str,
        delay_ms: Option<i64>,
    ) -> Result<Operation, GraphFault> {
        let tones: Option<Vec<Value>> = keys
            .chars()
            .map(|key| {
                let tone = Tone::from_symbol(key).map(ToneName::from)?;
                serde_json::to_value(tone).ok()
            })
            .collect();
        check::tones(tones.as_deref(), delay_ms)?;
        let mut request = SendDtmfTonesRequest {
            tones: tones.map(Private::new),
            delay_between_tones_ms: delay_ms,
            client_context: None,
        };
        let context = self.own_context(call, &mut request.client_context);
        self.operation_asked_for(call, &["sendDtmfTones"], &request, &context)
            .await
    }

    /// Mutes the bot, in a call of many.
    pub async fn mute(&self, call: &CallId) -> Result<Operation, GraphFault> {
        self.asked_for(call, &["mute"]).await
    }

    /// Unmutes the bot.
    pub async fn unmute(&self, call: &CallId) -> Result<Operation, GraphFault> {
        self.asked_for(call, &["unmute"]).await
    }

    /// Everybody in the call.
    pub async fn participants(&self, call: &CallId) -> Result<Page<Participant>, GraphFault> {
        self.get(self.url(call, &["participants"])).await
    }

    /// One of them.
    pub async fn participant(&self, call: &CallId, id: &str) -> Result<Participant, GraphFault> {
        self.get(self.url(call, &["participants", id])).await
    }

    /// Puts somebody out of the call.
    pub async fn remove_participant(&self, call: &CallId, id: &str) -> Result<(), GraphFault> {
        self.delete(self.url(call, &["participants", id])).await
    }

    /// Invites as many as you like: one request for every five, one after the other, because that is what the API takes.
    /// Each is an operation of its own. A request that fails keeps nobody else from being invited.
    ///
    /// ```
    /// # use offhook_bot::{CallId, GraphClient};
    /// # async fn example(graph: GraphClient, call: CallId) {
    /// use offhook_bot::wire::graph::{Identity, IdentitySet, InvitationParticipantInfo};
    ///
    /// let everybody = ["ada", "bob", "cem", "dee", "eli", "fay"]
    ///     .map(|id| InvitationParticipantInfo::new(IdentitySet::one("user", Identity::new(id))));
    /// for invited in graph.invite(&call, everybody.into()).await {
    ///     match invited.asked {
    ///         Ok(operation) => println!("operation {:?}", operation.id),
    ///         Err(fault) => println!("{} were not invited: {fault}", invited.participants.len()),
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn invite(
        &self,
        call: &CallId,
        participants: Vec<InvitationParticipantInfo>,
    ) -> Vec<Invited> {
        let mut invited = Vec::new();
        for some in participants.chunks(INVITED_AT_ONCE_MAX) {
            let mut request = InviteRequest {
                participants: Some(some.to_vec()),
                client_context: None,
            };
            let context = self.own_context(call, &mut request.client_context);
            let action = ["participants", "invite"];
            let asked = self.operation_asked_for(call, &action, &request, &context);
            invited.push(Invited {
                asked: asked.await,
                participants: request.participants.unwrap_or_default(),
            });
        }
        invited
    }

    /// Mutes somebody, in a call of many. Only they themselves can unmute.
    pub async fn mute_participant(&self, call: &CallId, id: &str) -> Result<Operation, GraphFault> {
        self.asked_for(call, &["participants", id, "mute"]).await
    }

    /// Puts somebody on hold: they hear music, or the prompt, and nobody hears them.
    pub async fn start_hold_music(
        &self,
        call: &CallId,
        id: &str,
        custom_prompt: Option<MediaPrompt>,
    ) -> Result<Operation, GraphFault> {
        let mut request = StartHoldMusicRequest {
            custom_prompt,
            client_context: None,
        };
        let context = self.own_context(call, &mut request.client_context);
        let action = ["participants", id, "startHoldMusic"];
        self.operation_asked_for(call, &action, &request, &context)
            .await
    }

    /// Takes somebody back from hold.
    pub async fn stop_hold_music(&self, call: &CallId, id: &str) -> Result<Operation, GraphFault> {
        self.asked_for(call, &["participants", id, "stopHoldMusic"])
            .await
    }

    /// Becomes who shares a screen, or who watches.
    pub async fn change_screen_sharing_role(
        &self,
        call: &CallId,
        role: ScreenSharingRole,
    ) -> Result<(), GraphFault> {
        let request = ChangeScreenSharingRoleRequest { role: Some(role) };
        let action = ["changeScreenSharingRole"];
        self.post(call, &action, Some(&request)).await.map(drop)
    }

    /// Says whether the bot records. Has to have succeeded before it does.
    pub async fn update_recording_status(
        &self,
        call: &CallId,
        status: RecordingStatus,
    ) -> Result<Operation, GraphFault> {
        let mut request = UpdateRecordingStatusRequest {
            status: Some(status),
            client_context: None,
        };
        let context = self.own_context(call, &mut request.client_context);
        self.operation_asked_for(call, &["updateRecordingStatus"], &request, &context)
            .await
    }

    /// Adds a stream that shows many at once.
    pub async fn add_large_gallery_view(&self, call: &CallId) -> Result<Operation, GraphFault> {
        self.asked_for(call, &["addLargeGalleryView"]).await
    }

    /// Who hears whom, beside what everybody hears.
    pub async fn audio_routing_groups(
        &self,
        call: &CallId,
    ) -> Result<Page<AudioRoutingGroup>, GraphFault> {
        self.get(self.url(call, &[GROUPS])).await
    }

    /// One such group.
    pub async fn audio_routing_group(
        &self,
        call: &CallId,
        id: &str,
    ) -> Result<AudioRoutingGroup, GraphFault> {
        self.get(self.url(call, &[GROUPS, id])).await
    }

    /// Makes one.
    pub async fn create_audio_routing_group(
        &self,
        call: &CallId,
        group: &AudioRoutingGroup,
    ) -> Result<AudioRoutingGroup, GraphFault> {
        let url = self.url(call, &[GROUPS]);
        self.write(Method::POST, url, group).await
    }

    /// Changes one.
    pub async fn update_audio_routing_group(
        &self,
        call: &CallId,
        id: &str,
        group: &AudioRoutingGroup,
    ) -> Result<AudioRoutingGroup, GraphFault> {
        let url = self.url(call, &[GROUPS, id]);
        self.write(Method::PATCH, url, group).await
    }

    /// Ends one.
    pub async fn delete_audio_routing_group(
        &self,
        call: &CallId,
        id: &str,
    ) -> Result<(), GraphFault> {
        self.delete(self.url(call, &[GROUPS, id])).await
    }

    /// Tells how well devices heard: the object that the API calls `quality`.
    pub async fn log_device_quality(&self, quality: &Value) -> Result<(), GraphFault> {
        let url = self.at(&["communications", "calls", "logTeleconferenceDeviceQuality"]);
        let report = serde_json::json!({ "quality": quality }).to_string();
        self.send(Method::POST, url, Some(Bytes::from(report)))
            .await
            .map(drop)
    }
}

const GROUPS: &str = "audioRoutingGroups";

/// What became of asking some to come.
///
/// ```
/// use offhook_bot::{CallId, GraphClient};
/// use offhook_bot::wire::graph::InvitationParticipantInfo;
///
/// # async fn example(client: GraphClient, call: CallId, guests: Vec<InvitationParticipantInfo>) {
/// // The API takes five at a time; each five are told of.
/// for five in client.invite(&call, guests).await {
///     if let Err(why) = five.asked {
///         println!("{} are not invited: {why}", five.participants.len());
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Invited {
    /// Whom this is about.
    pub participants: Vec<InvitationParticipantInfo>,
    /// The operation whose end says who came; or why they were not asked.
    pub asked: Result<Operation, GraphFault>,
}
