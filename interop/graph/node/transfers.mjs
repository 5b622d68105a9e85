// Calls that are given away.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { NOWHERE, answered, between, called, person, refused } from "./steps.mjs";

/** A caller is given to a person, who answers; the two hear each other. */
export async function blind_transfer(stage, bot) {
  const [ada, grace] = [await stage.phone("ada"), await stage.phone("grace")];
  await ada.dials(bot.app.dial);
  const call = await answered(bot);
  await bot.call(call, "/transfer").post({ transferTarget: person(bot, "grace") });
  await bot.state(call, "transferring");
  await grace.accepts();
  await bot.state(call, "transferAccepted");
  assert.deepEqual(await bot.terminated(call), [0, 7015]);
  await sleep(1_500);
  await ada.hangsUp();
  await grace.closed();
  between(800, await grace.heard(ada.hertz));
  between(800, await ada.heard(grace.hertz));
}

/** Who shall get the call is busy: the caller is the bot's again. */
export async function transfer_that_fails(stage, bot) {
  const [ada, grace] = [await stage.phone("ada"), await stage.phone("grace")];
  await ada.dials(bot.app.dial);
  const call = await answered(bot);
  await bot.call(call, "/transfer").post({ transferTarget: person(bot, "grace") });
  await grace.rings();
  await grace.hangsUp();
  await bot.sees(
    "the failure",
    ({ resourceData }) => resourceData.state === "established" && resourceData.resultInfo?.code === 500,
  );
  await bot.call(call).delete();
  await bot.terminated(call);
  await ada.closed();
}

/** The bot asks a person first, in a call of its own, and then puts the two together. */
export async function consultative_transfer(stage, bot) {
  const [ada, grace] = [await stage.phone("ada"), await stage.phone("grace")];
  await ada.dials(bot.app.dial);
  const call = await answered(bot);
  const asked = await called(bot, [person(bot, "grace")], "asked");
  await grace.accepts();
  await bot.audio(asked);
  const transferTarget = person(bot, "grace", { replacesCallId: asked });
  await bot.call(call, "/transfer").post({ transferTarget });
  await bot.state(call, "transferAccepted");
  assert.deepEqual(await bot.terminated(call), [0, 7015]);
  await bot.terminated(asked);
  await sleep(1_500);
  await ada.hangsUp();
  await grace.closed();
  between(800, await grace.heard(ada.hertz));
  between(800, await ada.heard(grace.hertz));
}

/** Two people have called the bot, which gives the one to the other and is out of both calls. */
export async function two_callers_put_together(stage, bot) {
  const [ada, grace] = [await stage.phone("ada"), await stage.phone("grace")];
  await ada.dials(bot.app.dial);
  const call = await answered(bot);
  await grace.dials(bot.app.dial);
  const other = await answered(bot, "other");
  const transfer = (replacesCallId) =>
    bot.call(call, "/transfer").post({ transferTarget: person(bot, "grace", { replacesCallId }) });
  await refused(transfer(NOWHERE), 400, "8523");
  await transfer(other);
  await bot.state(call, "transferAccepted");
  assert.deepEqual(await bot.terminated(call), [0, 7015]);
  assert.equal((await bot.terminated(other))[1], 7015);
  await sleep(1_500);
  await ada.hangsUp();
  await grace.closed();
  between(800, await grace.heard(ada.hertz));
  between(800, await ada.heard(grace.hertz));
}
