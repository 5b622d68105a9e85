"""What the bot may not do is refused with the published error, and the call goes on."""

import httpx
from aiohttp import web
from msgraph.generated.communications.calls.item.reject.reject_post_request_body import (
    RejectPostRequestBody,
)

from bot import client_of
from steps import NOWHERE, answer, answered, played, plays, prompt, prompt_at, refused

async def wrong_moments(stage, bot):
    """Unknown calls, others' calls, commands too early, too late and twice."""
    await refused(bot.calls.by_call_id(NOWHERE).get(), 404, "8522")
    await refused(bot.calls.by_call_id(NOWHERE).delete(), 404, "8522")
    await refused(bot.calls.by_call_id("no-id").keep_alive.post(), 404, "8522")

    ada = await stage.phone("ada")
    await ada.dials(bot.app["dial"])
    call = await bot.incoming()
    item = bot.calls.by_call_id(call)
    await refused(plays(bot, call, prompt(bot, 660, 1)), 400, "8501")
    theirs = client_of(bot.platform, bot.other_app).communications.calls.by_call_id(call)
    await refused(theirs.get(), 404, "8522")
    await refused(theirs.answer.post(answer(bot)), 404, "8522")
    await item.answer.post(answer(bot))
    await refused(item.answer.post(answer(bot)), 409, "8519")
    await bot.audio(call)
    await refused(item.reject.post(RejectPostRequestBody()), 400, "8585")
    await refused(item.operations.by_comms_operation_id(NOWHERE).get(), 404, "8522")
    await refused(item.participants.by_participant_id(NOWHERE).get(), 404, "8522")
    await played(bot, call, 660, 0.5)

    await item.delete()
    await bot.terminated(call)
    await refused(item.delete(), 404, "8522")
    await refused(item.keep_alive.post(), 404, "8522")
    await refused(plays(bot, call, prompt(bot, 660, 1)), 404, "8522")
    await ada.closed()


async def wrong_bodies(stage, bot):
    """Too little, too much, of the wrong kind, far too big."""
    ada = await stage.phone("ada")
    await ada.dials(bot.app["dial"])
    call = await answered(bot)
    said = await refused(plays(bot, call), 400, "8523")
    assert "prompts" in said, said
    await refused(plays(bot, call, *[prompt(bot, 660, 1)] * 21), 400, "8523")
    one = prompt(bot, 660, 1)
    await refused(plays(bot, call, one, context="x" * 257), 400, "8523")
    # The client takes seconds to write more, and nobody listens for notifications meanwhile.
    await refused(plays(bot, call, one, context="x" * 500_000), 413, "BadRequest")

    # What the client would not send.
    url = f"{bot.platform['https']}/v1.0/communications/calls/{call}/playPrompt"
    token = bot.credential.get_token("https://graph.microsoft.com/.default").token
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
        for kind, body, status in (
            ("text/plain", b"{}", 415),
            ("application/x-www-form-urlencoded", b"prompts=1", 415),
            ("application/json", b"{", 400),
            ("application/json", b'{"prompts": 7}', 400),
            ("application/json", b"[" * 100_000, 400),
            ("application/json", b" " * 10_000_000, 413),
        ):
            got = await http.post(url, content=body, headers={"Content-Type": kind})
            assert got.status_code == status, (kind, body[:20], got.status_code, got.text)
            assert got.json()["error"]["code"], got.text

    await played(bot, call, 660, 0.5)
    await ada.hangs_up()
    assert await bot.terminated(call) == (200, 4521)


async def forbidden_addresses(stage, bot):
    """No URL of a bot leads the platform into a network where only its own origins are allowed."""
    visits = []

    async def visited(request):
        visits.append(str(request.url))
        return web.Response(body=b"")

    trap = web.Application()
    trap.router.add_route("*", "/{path:.*}", visited)
    runner = web.AppRunner(trap)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    places = [
        f"http://localhost:{port}",
        f"http://127.0.0.1:{port}",
        f"http://[::ffff:127.0.0.1]:{port}",
        f"http://2130706433:{port}",
        "http://10.0.0.1",
        "http://169.254.169.254",
        "http://[fd00::1]",
        "ftp://127.0.0.1",
        "no url",
    ]
    bot.names[f"http://127.0.0.1:{port}"] = "loopback"
    try:
        ada = await stage.phone("ada")
        await ada.dials(bot.app["dial"])
        call = await bot.incoming()
        item = bot.calls.by_call_id(call)
        for place in places:
            await refused(item.answer.post(answer(bot, f"{place}/x")), 400, "8523")
        await item.answer.post(answer(bot))
        await bot.audio(call)
        for place in [*places, "file:///etc"]:
            await refused(plays(bot, call, prompt_at(f"{place}/x.wav")), 400, "8523")
        # What only shows when it is fetched: the bot's own server sends us there.
        elsewhere = f"{bot.address}/elsewhere?to=http://127.0.0.1:{port}/x.wav"
        ended = await bot.ended(await plays(bot, call, prompt_at(elsewhere)))
        assert ended["resultInfo"]["subcode"] == 8536, ended
        assert visits == [], visits
        await played(bot, call, 660, 0.5)
        await item.delete()
        await bot.terminated(call)
        await ada.closed()
    finally:
        await runner.cleanup()
