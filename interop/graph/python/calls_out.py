"""Calls that the bot places."""

from msgraph.generated.models.call_direction import CallDirection
from msgraph.generated.models.call_state import CallState
from msgraph.generated.models.communications_identity_set import CommunicationsIdentitySet
from msgraph.generated.models.identity import Identity
from msgraph.generated.models.participant_info import ParticipantInfo

from steps import called, number, outgoing, person, played


async def call_a_person(stage, bot):
    """The bot calls a person, who answers and hears it; the bot hangs up."""
    grace = await stage.phone("grace")
    call = await bot.calls.post(outgoing(bot, person(bot, "grace")))
    bot.names[call.id] = "call"
    assert call.state == CallState.Establishing, call
    assert call.direction == CallDirection.Outgoing, call
    assert call.my_participant_id and call.call_chain_id, call
    assert call.targets[0].identity.user.display_name == "Grace", call.targets
    await grace.accepts()
    await bot.audio(call.id)
    got = await bot.calls.by_call_id(call.id).get()
    assert got.state == CallState.Established, got
    people = await bot.calls.by_call_id(call.id).participants.get()
    assert people.value == [], people.value
    await played(bot, call.id, 660, 1)
    await bot.calls.by_call_id(call.id).delete()
    assert await bot.terminated(call.id) == (200, 7000)
    await grace.closed()
    heard = await grace.heard(660)
    assert 850 < heard < 1_100, heard


async def callees_that_do_not_come(stage, bot):
    """Busy, not picked up, without a phone: each ends as published."""
    grace = await stage.phone("grace")
    call = await called(bot, person(bot, "grace"), name="busy")
    await grace.rings()
    await grace.hangs_up()
    assert await bot.terminated(call) == (486, 8539)

    soon = {"ringingTimeoutInSeconds": 3}
    call = await called(bot, person(bot, "grace"), name="not picked up", additional_data=soon)
    await grace.rings()
    assert await bot.terminated(call) == (408, 10057)
    await grace.closed()

    call = await called(bot, person(bot, "barbara"), name="without a phone")
    assert await bot.terminated(call) == (480, 10037)


async def call_a_number(stage, bot):
    """A phone number is called through the trunk, with the bot's own as the caller's."""
    carrier = await stage.phone("carrier")
    instance = Identity(id=bot.app["app_id"], display_name="Bot")
    source = ParticipantInfo(
        identity=CommunicationsIdentitySet(application_instance=instance)
    )
    call = await called(bot, number("+4930222"), source=source)
    await carrier.accepts()
    await bot.audio(call)
    await played(bot, call, 660, 1)
    await carrier.hangs_up()
    assert await bot.terminated(call) == (200, 560000)
    assert await carrier.heard(660) > 800

    await stage.nobody()
    call = await called(bot, number("+4960333"), source=source, name="declined")
    assert await bot.terminated(call) == (603, 8538)
    call = await called(bot, number("+4940333"), source=source, name="not allowed")
    assert await bot.terminated(call) == (480, 10134)
