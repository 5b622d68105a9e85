"""Calls that phones place."""

import asyncio

from msgraph.generated.communications.calls.item.record_response.record_response_post_request_body import (
    RecordResponsePostRequestBody,
)
from msgraph.generated.communications.calls.item.redirect.redirect_post_request_body import (
    RedirectPostRequestBody,
)
from msgraph.generated.communications.calls.item.reject.reject_post_request_body import (
    RejectPostRequestBody,
)
from msgraph.generated.models.call_state import CallState
from msgraph.generated.models.operation_status import OperationStatus
from msgraph.generated.models.play_prompt_operation import PlayPromptOperation
from msgraph.generated.models.record_operation import RecordOperation
from msgraph.generated.models.reject_reason import RejectReason

from steps import answered, fetched, person, plays, prompt


async def answer_play_record(stage, bot):
    """A phone calls the bot, which answers, plays, records, fetches what it recorded, hangs up."""
    ada = await stage.phone("ada")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    item = bot.calls.by_call_id(call)

    got = await item.get()
    assert got.id == call and got.state == CallState.Established, got
    assert got.source.identity.user.display_name == "Ada", got.source
    await item.keep_alive.post()

    greeting = await plays(bot, call, prompt(bot, 660, 1.2), context="greeting")
    assert isinstance(greeting, PlayPromptOperation), greeting
    assert greeting.status == OperationStatus.Running, greeting
    assert greeting.client_context == "greeting", greeting
    recorded = await item.record_response.post(
        RecordResponsePostRequestBody(
            client_context="answer", max_record_duration_in_seconds=2, play_beep=False
        )
    )
    assert isinstance(recorded, RecordOperation), recorded
    ended = await bot.ended(greeting)
    assert ended["completionReason"] == "completedSuccessfully", ended
    ended = await bot.ended(recorded)
    assert ended["completionReason"] == "maxRecordDurationReached", ended
    got = await item.operations.by_comms_operation_id(recorded.id).get()
    assert isinstance(got, RecordOperation), got
    assert got.status == OperationStatus.Completed, got

    recording = await fetched(ended)
    assert 1.9 < recording.seconds < 2.1, recording.seconds
    assert recording.share_of(ada.hertz) > 0.9, recording.share_of(ada.hertz)

    await item.delete()
    assert await bot.terminated(call) == (200, 7000)
    await ada.closed()
    heard = await ada.heard(660)
    assert 1_000 < heard < 1_300, heard


async def stop_tone_and_hang_up(stage, bot):
    """A key ends a recording; then the phone hangs up in the middle of a prompt."""
    ada = await stage.phone("ada")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    recorded = await bot.calls.by_call_id(call).record_response.post(
        RecordResponsePostRequestBody(
            client_context="until-key",
            prompts=[prompt(bot, 660, 0.2)],
            play_beep=True,
            stop_tones=["#"],
            max_record_duration_in_seconds=60,
        )
    )
    # The phone cannot say when it hears the beep, so it presses until that ends the recording.
    while not any(one["resourceUrl"].endswith(recorded.id) for one in bot.told):
        await asyncio.sleep(1)
        await ada.presses("#")
    ended = await bot.ended(recorded)
    assert ended["completionReason"] == "stopToneDetected", ended
    played = await plays(bot, call, prompt(bot, 660, 30), context="long")
    await ada.hangs_up()
    ended = await bot.ended(played)
    assert ended["completionReason"] == "mediaOperationCanceled", ended
    assert await bot.terminated(call) == (200, 4521)


async def rejected(stage, bot):
    """Each reason to turn a caller away is what the phone is told."""
    ada = await stage.phone("ada")
    for reason, status, result in (
        (RejectReason.Busy, "486", (486, 8539)),
        (RejectReason.None_, "603", (603, 8538)),
        (RejectReason.Forbidden, "403", (403, 8538)),
    ):
        await ada.dials(bot.app["dial"])
        call = await bot.incoming(reason.value)
        await bot.calls.by_call_id(call).reject.post(
            RejectPostRequestBody(reason=reason, callback_uri=bot.callback)
        )
        assert await bot.terminated(call) == result, reason
        why = await ada.closed()
        assert status in why, (reason, why)


async def redirected(stage, bot):
    """A caller is sent on to a person: the two hear each other, and the bot is out."""
    ada, grace = await stage.phone("ada"), await stage.phone("grace")
    await ada.dials(bot.app["dial"])
    call = await bot.incoming()
    await bot.calls.by_call_id(call).redirect.post(
        RedirectPostRequestBody(
            targets=[person(bot, "grace")], timeout=30, callback_uri=bot.callback
        )
    )
    await grace.accepts()
    await ada.event("CALL_ESTABLISHED")
    await bot.terminated(call)
    await asyncio.sleep(1.5)
    await ada.hangs_up()
    await grace.closed()
    assert await grace.heard(ada.hertz) > 800
    assert await ada.heard(grace.hertz) > 800
