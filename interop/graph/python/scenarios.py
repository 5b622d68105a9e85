"""Scenarios of a bot on Microsoft's client for Python, one after the other. `../node` plays the same."""

import asyncio
import os
import sys
import traceback

import calls_in
import calls_out
import refusals
import rooms
import tones
import transfers
import workplace
from bot import Bot
from stage import Stage

SCENARIOS = [
    calls_in.answer_play_record,
    calls_in.stop_tone_and_hang_up,
    calls_in.rejected,
    calls_in.redirected,
    calls_out.call_a_person,
    calls_out.callees_that_do_not_come,
    calls_out.call_a_number,
    tones.keys,
    tones.cancelled_media,
    rooms.call_that_grows,
    rooms.group_call,
    transfers.blind_transfer,
    transfers.transfer_that_fails,
    transfers.consultative_transfer,
    transfers.two_callers_put_together,
    workplace.people,
    workplace.meeting,
    workplace.call_record,
    refusals.wrong_moments,
    refusals.wrong_bodies,
    refusals.forbidden_addresses,
]


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
