"""Keys in both directions, and stopping what plays."""

from msgraph.generated.communications.calls.item.cancel_media_processing.cancel_media_processing_post_request_body import (
    CancelMediaProcessingPostRequestBody,
)
from msgraph.generated.communications.calls.item.send_dtmf_tones.send_dtmf_tones_post_request_body import (
    SendDtmfTonesPostRequestBody,
)
from msgraph.generated.communications.calls.item.subscribe_to_tone.subscribe_to_tone_post_request_body import (
    SubscribeToTonePostRequestBody,
)
from msgraph.generated.models.operation_status import OperationStatus
from msgraph.generated.models.send_dtmf_tones_operation import SendDtmfTonesOperation
from msgraph.generated.models.tone import Tone

from steps import answered, plays, prompt, refused


async def keys(stage, bot):
    """Each key of the phone is told once, in order; the bot's keys arrive at the phone."""
    ada = await stage.phone("ada")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    item = bot.calls.by_call_id(call)
    subscribed = await item.subscribe_to_tone.post(SubscribeToTonePostRequestBody())
    assert subscribed.status == OperationStatus.Completed, subscribed
    for at, (key, tone) in enumerate((("5", "tone5"), ("5", "tone5"), ("*", "star"), ("#", "pound"))):
        await ada.presses(key)
        await bot.sees(
            f"key {key}",
            lambda one: (one["resourceData"].get("toneInfo") or {}).get("sequenceId") == at + 1
            and one["resourceData"]["toneInfo"]["tone"] == tone,
        )
    sent = await item.send_dtmf_tones.post(
        SendDtmfTonesPostRequestBody(
            tones=[Tone.Tone1, Tone.Tone9, Tone.Pound],
            delay_between_tones_ms=200,
            client_context="digits",
        )
    )
    assert isinstance(sent, SendDtmfTonesOperation), sent
    pressed = [(await ada.event("CALL_DTMF_START"))["param"] for _ in range(3)]
    assert pressed == ["1", "9", "#"], pressed
    ended = await bot.ended(sent)
    assert ended["completionReason"] == "completedSuccessfully", ended
    await refused(item.send_dtmf_tones.post(SendDtmfTonesPostRequestBody(tones=[])), 400, "8523")
    await item.delete()
    await bot.terminated(call)
    await ada.closed()


async def cancelled_media(stage, bot):
    """What plays and what waits ends at once, each as cancelled."""
    ada = await stage.phone("ada")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    item = bot.calls.by_call_id(call)
    first = await plays(bot, call, prompt(bot, 660, 30), context="first")
    second = await plays(bot, call, prompt(bot, 660, 30), context="second")
    cancelled = await item.cancel_media_processing.post(
        CancelMediaProcessingPostRequestBody(client_context="stop")
    )
    assert cancelled.status == OperationStatus.Completed, cancelled
    for operation in (first, second):
        ended = await bot.ended(operation)
        assert ended["completionReason"] == "mediaOperationCanceled", ended
    await item.delete()
    await bot.terminated(call)
    await ada.closed()
