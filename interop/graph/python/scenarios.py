"""What a bot on Microsoft's client for Python does with calls. `../node` does the same."""

import asyncio
import os
import sys
import traceback

import httpx
from msgraph.generated.communications.calls.item.answer.answer_post_request_body import (
    AnswerPostRequestBody,
)
from msgraph.generated.communications.calls.item.play_prompt.play_prompt_post_request_body import (
    PlayPromptPostRequestBody,
)
from msgraph.generated.communications.calls.item.record_response.record_response_post_request_body import (
    RecordResponsePostRequestBody,
)
from msgraph.generated.communications.calls.item.reject.reject_post_request_body import (
    RejectPostRequestBody,
)
from msgraph.generated.models.call_state import CallState
from msgraph.generated.models.media_info import MediaInfo
from msgraph.generated.models.media_prompt import MediaPrompt
from msgraph.generated.models.modality import Modality
from msgraph.generated.models.operation_status import OperationStatus
from msgraph.generated.models.play_prompt_operation import PlayPromptOperation
from msgraph.generated.models.record_operation import RecordOperation
from msgraph.generated.models.reject_reason import RejectReason
from msgraph.generated.models.service_hosted_media_config import ServiceHostedMediaConfig

from bot import Bot
from sound import Recording
from stage import Stage


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

    played = await item.play_prompt.post(
        PlayPromptPostRequestBody(client_context="greeting", prompts=[prompt(bot, 660, 1.2)])
    )
    assert isinstance(played, PlayPromptOperation), played
    assert played.status == OperationStatus.Running, played
    assert played.client_context == "greeting", played
    recorded = await item.record_response.post(
        RecordResponsePostRequestBody(
            client_context="answer", max_record_duration_in_seconds=2, play_beep=False
        )
    )
    assert isinstance(recorded, RecordOperation), recorded
    ended = await bot.ended(played)
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
    assert 1_100 < heard < 1_300, heard


async def stop_tone_and_hang_up(stage, bot):
    """A key ends a recording; then the phone hangs up in the middle of a prompt."""
    ada = await stage.phone("ada")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    item = bot.calls.by_call_id(call)
    recorded = await item.record_response.post(
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
    played = await item.play_prompt.post(
        PlayPromptPostRequestBody(client_context="long", prompts=[prompt(bot, 660, 30)])
    )
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


# What several scenarios do.


async def answered(bot, name="call"):
    """Waits for a call, answers it, and waits until audio flows."""
    call = await bot.incoming(name)
    await bot.calls.by_call_id(call).answer.post(
        AnswerPostRequestBody(
            callback_uri=bot.callback,
            accepted_modalities=[Modality.Audio],
            media_config=ServiceHostedMediaConfig(),
        )
    )
    await bot.audio(call)
    return call


def prompt(bot, hertz, seconds):
    return MediaPrompt(media_info=MediaInfo(uri=bot.prompt(hertz, seconds)))


async def fetched(ended):
    """A recording, from where the notification says and with its token."""
    async with httpx.AsyncClient() as http:
        token = {"Authorization": f"Bearer {ended['recordingAccessToken']}"}
        got = await http.get(ended["recordingLocation"], headers=token)
        assert got.status_code == 200, got
        without = await http.get(ended["recordingLocation"])
        assert without.status_code == 401, without
    return Recording(got.content)


SCENARIOS = [answer_play_record, stop_tone_and_hang_up, rejected]


async def play(stage, bot, scenario):
    """One scenario, and whether what the bot was told is what is written down."""
    bot.forget()
    try:
        async with asyncio.timeout(60):
            await scenario(stage, bot)
            assert not bot.wrong, bot.wrong
            await stage.ask(do="compare", scenario=scenario.__name__, told=bot.told, names=bot.names)
    except Exception:  # the next scenario is played all the same
        return traceback.format_exc()
    return None


async def main():
    stage, bot = Stage(), Bot()
    await bot.listen()
    only = os.environ.get("OFFHOOK_INTEROP")
    for scenario in SCENARIOS:
        if only in (None, scenario.__name__):
            failed = await play(stage, bot, scenario)
            print(f"{scenario.__name__}: {'failed' if failed else 'ok'}", file=sys.stderr)
            await stage.ask(do="played", scenario=scenario.__name__, failed=failed)
    await stage.ask(do="end")


asyncio.run(main())
