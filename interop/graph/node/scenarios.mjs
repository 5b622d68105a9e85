// Scenarios of a bot on Microsoft's client for JavaScript, one after the other. `../python` plays the same.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { Bot } from "./bot.mjs";
import { answer_play_record, redirected, rejected, stop_tone_and_hang_up } from "./calls_in.mjs";
import { call_a_number, call_a_person, callees_that_do_not_come } from "./calls_out.mjs";
import { forbidden_addresses, wrong_bodies, wrong_moments } from "./refusals.mjs";
import { call_that_grows, group_call } from "./rooms.mjs";
import { Stage } from "./stage.mjs";
import { cancelled_media, keys } from "./tones.mjs";
import { blind_transfer, consultative_transfer, transfer_that_fails, two_callers_put_together } from "./transfers.mjs";
import { call_record, meeting, people } from "./workplace.mjs";

const SCENARIOS = [
  answer_play_record,
  stop_tone_and_hang_up,
  rejected,
  redirected,
  call_a_person,
  callees_that_do_not_come,
  call_a_number,
  keys,
  cancelled_media,
  call_that_grows,
  group_call,
  blind_transfer,
  transfer_that_fails,
  consultative_transfer,
  two_callers_put_together,
  people,
  meeting,
  call_record,
  wrong_moments,
  wrong_bodies,
  forbidden_addresses,
];

/** One scenario, and whether what the bot was told is what is written down. */
async function play(stage, bot, scenario) {
  bot.forget();
  try {
    const late = sleep(60_000, null, { ref: false }).then(() => Promise.reject(new Error("not done in a minute")));
    await Promise.race([scenario(stage, bot), late]);
    assert.deepEqual(bot.wrong, []);
    await stage.ask({ do: "compare", scenario: scenario.name, told: bot.told, names: bot.names });
  } catch (error) {
    // The next scenario is played all the same.
    return String(error.stack ?? error);
  }
  return null;
}

const stage = new Stage();
const bot = new Bot();
await bot.listen();
const only = process.env.OFFHOOK_INTEROP;
for (const scenario of SCENARIOS) {
  if (only === undefined || only === scenario.name) {
    const failed = await play(stage, bot, scenario);
    process.stderr.write(`${scenario.name}: ${failed === null ? "ok" : "failed"}\n`);
    await stage.ask({ do: "played", scenario: scenario.name, failed });
  }
}
process.stdout.write(`${JSON.stringify({ do: "end" })}\n`, () => process.exit(0));
