// Keys in both directions, and stopping what plays.

import assert from "node:assert/strict";

import { answered, plays, prompt, refused } from "./steps.mjs";

/** Each key of the phone is told once, in order; the bot's keys arrive at the phone. */
export async function keys(stage, bot) {
  const ada = await stage.phone("ada");
  await ada.dials(bot.app.dial);
  const call = await answered(bot);
  const subscribed = await bot.call(call, "/subscribeToTone").post({});
  assert.equal(subscribed.status, "completed");
  const presses = [["5", "tone5"], ["5", "tone5"], ["*", "star"], ["#", "pound"]];
  for (const [at, [key, tone]] of presses.entries()) {
    await ada.presses(key);
    await bot.sees(
      `key ${key}`,
      ({ resourceData: { toneInfo } }) => toneInfo?.sequenceId === at + 1 && toneInfo.tone === tone,
    );
  }
  const sent = await bot.call(call, "/sendDtmfTones").post({
    tones: ["tone1", "tone9", "pound"],
    delayBetweenTonesMs: 200,
    clientContext: "digits",
  });
  assert.equal(sent["@odata.type"], "#microsoft.graph.sendDtmfTonesOperation");
  const pressed = [];
  while (pressed.length < 3) pressed.push((await ada.event("CALL_DTMF_START")).param);
  assert.deepEqual(pressed, ["1", "9", "#"]);
  assert.equal((await bot.ended(sent)).completionReason, "completedSuccessfully");
  await refused(bot.call(call, "/sendDtmfTones").post({ tones: [] }), 400, "8523");
  await bot.call(call).delete();
  await bot.terminated(call);
  await ada.closed();
}

/** What plays and what waits ends at once, each as cancelled. */
export async function cancelled_media(stage, bot) {
  const ada = await stage.phone("ada");
  await ada.dials(bot.app.dial);
  const call = await answered(bot);
  const first = await plays(bot, call, [prompt(bot, 660, 30)], "first");
  const second = await plays(bot, call, [prompt(bot, 660, 30)], "second");
  const cancelled = await bot.call(call, "/cancelMediaProcessing").post({ clientContext: "stop" });
  assert.equal(cancelled.status, "completed");
  for (const operation of [first, second]) {
    assert.equal((await bot.ended(operation)).completionReason, "mediaOperationCanceled");
  }
  await bot.call(call).delete();
  await bot.terminated(call);
  await ada.closed();
}
