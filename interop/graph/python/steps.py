"""What several scenarios do, in the words of Microsoft's client."""

import httpx
from msgraph.generated.communications.calls.item.answer.answer_post_request_body import (
    AnswerPostRequestBody,
)
from msgraph.generated.communications.calls.item.play_prompt.play_prompt_post_request_body import (
    PlayPromptPostRequestBody,
)
from msgraph.generated.models.call import Call
from msgraph.generated.models.communications_identity_set import CommunicationsIdentitySet
from msgraph.generated.models.identity import Identity
from msgraph.generated.models.identity_set import IdentitySet
from msgraph.generated.models.invitation_participant_info import InvitationParticipantInfo
from msgraph.generated.models.media_info import MediaInfo
from msgraph.generated.models.media_prompt import MediaPrompt
from msgraph.generated.models.modality import Modality
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.service_hosted_media_config import ServiceHostedMediaConfig

from sound import Recording

# The id of nothing.
NOWHERE = "00000000-0000-0000-0000-000000000001"


async def answered(bot, name="call"):
    """Waits for a call, answers it, and waits until audio flows."""
    call = await bot.incoming(name)
    await bot.calls.by_call_id(call).answer.post(answer(bot))
    await bot.audio(call)
    return call


def answer(bot, callback=None):
    return AnswerPostRequestBody(
        callback_uri=callback or bot.callback,
        accepted_modalities=[Modality.Audio],
        media_config=ServiceHostedMediaConfig(),
    )


def outgoing(bot, *targets, **more):
    """A call to these."""
    return Call(
        callback_uri=bot.callback,
        requested_modalities=[Modality.Audio],
        media_config=ServiceHostedMediaConfig(),
        tenant_id=bot.app["tenant"],
        targets=list(targets),
        **more,
    )


async def called(bot, *targets, name="call", **more):
    """Begins a call, and gives its id."""
    call = await bot.calls.post(outgoing(bot, *targets, **more))
    bot.names[call.id] = name
    return call.id


def person(bot, name, **more):
    """A person as a target."""
    known = next(one for one in bot.platform["people"] if one["sip_user"] == name)
    user = Identity(id=known["id"], display_name=known["name"])
    return InvitationParticipantInfo(identity=IdentitySet(user=user), **more)


def number(digits):
    """A phone number as a target."""
    return InvitationParticipantInfo(
        identity=CommunicationsIdentitySet(phone=Identity(id=digits))
    )


def prompt(bot, hertz, seconds):
    return prompt_at(bot.prompt(hertz, seconds))


def prompt_at(uri):
    return MediaPrompt(media_info=MediaInfo(uri=uri))


async def plays(bot, call, *prompts, context=None):
    """Begins to play, and gives the operation."""
    return await bot.calls.by_call_id(call).play_prompt.post(
        PlayPromptPostRequestBody(client_context=context, prompts=list(prompts))
    )


async def played(bot, call, hertz, seconds):
    """Plays a tone to its end."""
    ended = await bot.ended(await plays(bot, call, prompt(bot, hertz, seconds)))
    assert ended["completionReason"] == "completedSuccessfully", ended


async def fetched(ended):
    """A recording, from where the notification says and with its token."""
    async with httpx.AsyncClient() as http:
        token = {"Authorization": f"Bearer {ended['recordingAccessToken']}"}
        got = await http.get(ended["recordingLocation"], headers=token)
        assert got.status_code == 200, got
        without = await http.get(ended["recordingLocation"])
        assert without.status_code == 401, without
    return Recording(got.content)


async def refused(asked, status, code):
    """What is asked is refused like this; gives the sentence."""
    try:
        done = await asked
    except ODataError as error:
        seen = (error.response_status_code, error.error.code)
        assert seen == (status, code), (seen, error.error.message)
        assert error.error.inner_error.request_id, error.error
        return error.error.message
    raise AssertionError(f"not refused: {done}")
