// Calls that phones place.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { ResponseType } from "@microsoft/microsoft-graph-client";

import { answered, between, fetched, person, plays, prompt } from "./steps.mjs";

/** A phone calls the bot, which answers, plays, records, fetches what it recorded, hangs up. */
export async function answer_play_record(stage, bot) {
  const ada = await stage.phone("ada");
  await ada.dials(bot.app.dial);
  const call = await answered(bot);

  const got = await bot.call(call).select("id,state,source").get();
  assert.equal(got.id, call);
  assert.equal(got.state, "established");
  assert.equal(got.source.identity.user.displayName, "Ada");
  await bot.call(call, "/keepAlive").post();

  const greeting = await plays(bot, call, [prompt(bot, 660, 1.2)], "greeting");
  assert.equal(greeting["@odata.type"], "#microsoft.graph.playPromptOperation");
  assert.equal(greeting.status, "running");
  assert.equal(greeting.clientContext, "greeting");
  const recorded = await bot.call(call, "/recordResponse").post({
    clientContext: "answer",
    maxRecordDurationInSeconds: 2,
    playBeep: false,
  });
  assert.equal((await bot.ended(greeting)).completionReason, "completedSuccessfully");
  const ended = await bot.ended(recorded);
  assert.equal(ended.completionReason, "maxRecordDurationReached");
  const operation = await bot.call(call, `/operations/${recorded.id}`).get();
  assert.equal(operation["@odata.type"], "#microsoft.graph.recordOperation");
  assert.equal(operation.status, "completed");

  const recording = await fetched(ended);
  between(1.9, recording.seconds, 2.1);
  between(0.9, recording.shareOf(ada.hertz));

  await bot.call(call).delete();
  assert.deepEqual(await bot.terminated(call), [200, 7000]);
  await ada.closed();
  between(1_000, await ada.heard(660), 1_300);
}

/** A key ends a recording; then the phone hangs up in the middle of a prompt. */
export async function stop_tone_and_hang_up(stage, bot) {
  const ada = await stage.phone("ada");
  await ada.dials(bot.app.dial);
  const call = await answered(bot);
  const recorded = await bot.call(call, "/recordResponse").post({
    clientContext: "until-key",
    prompts: [prompt(bot, 660, 0.2)],
    playBeep: true,
    stopTones: ["#"],
    maxRecordDurationInSeconds: 60,
  });
  // The phone cannot say when it hears the beep, so it presses until that ends the recording.
  while (!bot.told.some((one) => one.resourceUrl.endsWith(recorded.id))) {
    await sleep(1_000);
    await ada.presses("#");
  }
  assert.equal((await bot.ended(recorded)).completionReason, "stopToneDetected");
  const played = await plays(bot, call, [prompt(bot, 660, 30)], "long");
  await ada.hangsUp();
  assert.equal((await bot.ended(played)).completionReason, "mediaOperationCanceled");
  assert.deepEqual(await bot.terminated(call), [200, 4521]);
}

/** Each reason to turn a caller away is what the phone is told. */
export async function rejected(stage, bot) {
  const ada = await stage.phone("ada");
  for (const [reason, status, result] of [
    ["busy", "486", [486, 8539]],
    ["none", "603", [603, 8538]],
    ["forbidden", "403", [403, 8538]],
  ]) {
    await ada.dials(bot.app.dial);
    const call = await bot.incoming(reason);
    const answer = await bot
      .call(call, "/reject")
      .responseType(ResponseType.RAW)
      .post({ reason, callbackUri: bot.callback });
    assert.equal(answer.status, 202);
    assert.deepEqual(await bot.terminated(call), result);
    assert((await ada.closed()).includes(status), reason);
  }
}

/** A caller is sent on to a person: the two hear each other, and the bot is out. */
export async function redirected(stage, bot) {
  const [ada, grace] = [await stage.phone("ada"), await stage.phone("grace")];
  await ada.dials(bot.app.dial);
  const call = await bot.incoming();
  await bot.call(call, "/redirect").post({
    targets: [person(bot, "grace")],
    timeout: 30,
    callbackUri: bot.callback,
  });
  await grace.accepts();
  await ada.event("CALL_ESTABLISHED");
  await bot.terminated(call);
  await sleep(1_500);
  await ada.hangsUp();
  await grace.closed();
  between(800, await grace.heard(ada.hertz));
  between(800, await ada.heard(grace.hertz));
}
