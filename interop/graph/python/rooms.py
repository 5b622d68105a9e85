"""Calls of many."""

import asyncio

from msgraph.generated.communications.calls.item.mute.mute_post_request_body import (
    MutePostRequestBody,
)
from msgraph.generated.communications.calls.item.participants.invite.invite_post_request_body import (
    InvitePostRequestBody,
)
from msgraph.generated.communications.calls.item.participants.item.mute.mute_post_request_body import (
    MutePostRequestBody as MuteParticipantPostRequestBody,
)
from msgraph.generated.communications.calls.item.unmute.unmute_post_request_body import (
    UnmutePostRequestBody,
)
from msgraph.generated.communications.calls.item.update_recording_status.update_recording_status_post_request_body import (
    UpdateRecordingStatusPostRequestBody,
)
from msgraph.generated.models.audio_routing_group import AudioRoutingGroup
from msgraph.generated.models.invite_participants_operation import InviteParticipantsOperation
from msgraph.generated.models.mute_participant_operation import MuteParticipantOperation
from msgraph.generated.models.operation_status import OperationStatus
from msgraph.generated.models.recording_status import RecordingStatus
from msgraph.generated.models.routing_mode import RoutingMode

from steps import answered, called, person, played, refused


async def group_call(stage, bot):
    """The bot calls two people at once."""
    ada, grace = await stage.phone("ada"), await stage.phone("grace")
    call = await called(bot, person(bot, "ada"), person(bot, "grace"))
    await ada.accepts()
    await bot.audio(call)
    await bot.roster(call, "Ada", "Bot")
    await grace.accepts()
    await bot.roster(call, "Ada", "Bot", "Grace")
    await three_and_the_bot(stage, bot, call, ada, grace)


async def call_that_grows(stage, bot):
    """A person calls the bot, which invites another: the call of two becomes one of many."""
    ada, grace = await stage.phone("ada"), await stage.phone("grace")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    await refused(bot.calls.by_call_id(call).mute.post(MutePostRequestBody()), 400, "8548")
    invited = await bot.calls.by_call_id(call).participants.invite.post(
        InvitePostRequestBody(participants=[person(bot, "grace")])
    )
    await grace.accepts()
    ended = await bot.ended(invited)
    assert ended["status"] == "completed", ended
    await bot.roster(call, "Ada", "Bot", "Grace")
    await three_and_the_bot(stage, bot, call, ada, grace)


async def three_and_the_bot(stage, bot, call, ada, grace):
    """A third is invited, muted and removed; each hears the others."""
    edsger = await stage.phone("edsger")
    item = bot.calls.by_call_id(call)
    invited = await item.participants.invite.post(
        InvitePostRequestBody(client_context="one more", participants=[person(bot, "edsger")])
    )
    assert isinstance(invited, InviteParticipantsOperation), invited
    assert invited.status == OperationStatus.Running, invited
    await edsger.accepts()
    ended = await bot.ended(invited)
    assert ended["status"] == "completed", ended
    await bot.roster(call, "Ada", "Bot", "Edsger", "Grace")
    await refused(
        item.participants.invite.post(InvitePostRequestBody(participants=[person(bot, "edsger")])),
        400,
        "8523",
    )

    people = (await item.participants.get()).value
    ids = {(one.info.identity.user or one.info.identity.application).display_name: one.id for one in people}
    assert sorted(ids) == ["Ada", "Bot", "Edsger", "Grace"], ids
    one = await item.participants.by_participant_id(ids["Edsger"]).get()
    assert one.info.identity.user.display_name == "Edsger" and not one.is_muted, one

    await asyncio.sleep(1.5)
    muted = await item.participants.by_participant_id(ids["Edsger"]).mute.post(
        MuteParticipantPostRequestBody(client_context="quiet")
    )
    assert isinstance(muted, MuteParticipantOperation), muted
    assert muted.status == OperationStatus.Completed, muted
    await bot.muted(call, "Edsger", True)
    await item.mute.post(MutePostRequestBody())
    await bot.muted(call, "Bot", True)
    await item.unmute.post(UnmutePostRequestBody())
    await bot.muted(call, "Bot", False)
    status = await item.update_recording_status.post(
        UpdateRecordingStatusPostRequestBody(status=RecordingStatus.Recording)
    )
    assert status.status == OperationStatus.Completed, status
    await bot.recording(call, "recording")

    groups = item.audio_routing_groups
    group = await groups.post(
        AudioRoutingGroup(
            routing_mode=RoutingMode.OneToOne, sources=[ids["Bot"]], receivers=[ids["Ada"]]
        )
    )
    assert group.receivers == [ids["Ada"]], group
    assert len((await groups.get()).value) == 1
    await played(bot, call, 660, 1)
    await groups.by_audio_routing_group_id(group.id).delete()
    assert (await groups.get()).value == []

    await item.participants.by_participant_id(ids["Edsger"]).delete()
    await edsger.closed()
    await bot.roster(call, "Ada", "Bot", "Grace")
    await item.delete()
    assert await bot.terminated(call) == (200, 7000)
    # The conversation of the two goes on without the bot.
    await ada.hangs_up()
    await grace.closed()

    assert await ada.heard(grace.hertz, edsger.hertz) > 800
    both = await edsger.heard(ada.hertz, grace.hertz)
    assert both > 800, both
