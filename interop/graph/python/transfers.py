"""Calls that are given away."""

import asyncio

from msgraph.generated.communications.calls.item.transfer.transfer_post_request_body import (
    TransferPostRequestBody,
)

from steps import NOWHERE, answered, called, person, refused


async def blind_transfer(stage, bot):
    """A caller is given to a person, who answers; the two hear each other."""
    ada, grace = await stage.phone("ada"), await stage.phone("grace")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    await bot.calls.by_call_id(call).transfer.post(
        TransferPostRequestBody(transfer_target=person(bot, "grace"))
    )
    await bot.state(call, "transferring")
    await grace.accepts()
    await bot.state(call, "transferAccepted")
    assert await bot.terminated(call) == (0, 7015)
    await asyncio.sleep(1.5)
    await ada.hangs_up()
    await grace.closed()
    assert await grace.heard(ada.hertz) > 800
    assert await ada.heard(grace.hertz) > 800


async def transfer_that_fails(stage, bot):
    """Who shall get the call is busy: the caller is the bot's again."""
    ada, grace = await stage.phone("ada"), await stage.phone("grace")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    await bot.calls.by_call_id(call).transfer.post(
        TransferPostRequestBody(transfer_target=person(bot, "grace"))
    )
    await grace.rings()
    await grace.hangs_up()
    await bot.sees(
        "the failure",
        lambda one: one["resourceData"].get("state") == "established"
        and (one["resourceData"].get("resultInfo") or {}).get("code") == 500,
    )
    await bot.calls.by_call_id(call).delete()
    await bot.terminated(call)
    await ada.closed()


async def consultative_transfer(stage, bot):
    """The bot asks a person first, in a call of its own, and then puts the two together."""
    ada, grace = await stage.phone("ada"), await stage.phone("grace")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    asked = await called(bot, person(bot, "grace"), name="asked")
    await grace.accepts()
    await bot.audio(asked)
    await bot.calls.by_call_id(call).transfer.post(
        TransferPostRequestBody(transfer_target=person(bot, "grace", replaces_call_id=asked))
    )
    await bot.state(call, "transferAccepted")
    assert await bot.terminated(call) == (0, 7015)
    await bot.terminated(asked)
    await asyncio.sleep(1.5)
    await ada.hangs_up()
    await grace.closed()
    assert await grace.heard(ada.hertz) > 800
    assert await ada.heard(grace.hertz) > 800


async def two_callers_put_together(stage, bot):
    """Two people have called the bot, which gives the one to the other and is out of both calls."""
    ada, grace = await stage.phone("ada"), await stage.phone("grace")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    await grace.dials(bot.app["dial"])
    other = await answered(bot, "other")
    await refused(
        bot.calls.by_call_id(call).transfer.post(
            TransferPostRequestBody(transfer_target=person(bot, "grace", replaces_call_id=NOWHERE))
        ),
        400,
        "8523",
    )
    await bot.calls.by_call_id(call).transfer.post(
        TransferPostRequestBody(transfer_target=person(bot, "grace", replaces_call_id=other))
    )
    await bot.state(call, "transferAccepted")
    assert await bot.terminated(call) == (0, 7015)
    assert (await bot.terminated(other))[1] == 7015
    await asyncio.sleep(1.5)
    await ada.hangs_up()
    await grace.closed()
    assert await grace.heard(ada.hertz) > 800
    assert await ada.heard(grace.hertz) > 800
