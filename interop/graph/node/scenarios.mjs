// What a bot on Microsoft's client for JavaScript does with calls. `../python` does the same.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { ResponseType } from "@microsoft/microsoft-graph-client";

import { Bot } from "./bot.mjs";
import { Recording } from "./sound.mjs";
import { Stage } from "./stage.mjs";

/** A phone calls the bot, which answers, plays, records, fetches what it recorded, hangs up. */
async function answer_play_record(stage, bot) {
  const ada = await stage.phone("ada");
  await ada.dials(bot.app.dial);
  const call = await answered(bot);

  const got = await bot.call(call).select("id,state,source").get();
  assert.equal(got.id, call);
  assert.equal(got.state, "established");
  assert.equal(got.source.identity.user.displayName, "Ada");
  await bot.call(call, "/keepAlive").post();

  const played = await bot.call(call, "/playPrompt").post({
    clientContext: "greeting",
    prompts: [prompt(bot, 660, 1.2)],
  });
  assert.equal(played["@odata.type"], "#microsoft.graph.playPromptOperation");
  assert.equal(played.status, "running");
  assert.equal(played.clientContext, "greeting");
  const recorded = await bot.call(call, "/recordResponse").post({
    clientContext: "answer",
    maxRecordDurationInSeconds: 2,
    playBeep: false,
  });
  assert.equal((await bot.ended(played)).completionReason, "completedSuccessfully");
  const ended = await bot.ended(recorded);
  assert.equal(ended.completionReason, "maxRecordDurationReached");
  const operation = await bot.call(call, `/operations/${recorded.id}`).get();
  assert.equal(operation["@odata.type"], "#microsoft.graph.recordOperation");
  assert.equal(operation.status, "completed");

  const recording = await fetched(ended);
  between(1.9, recording.seconds, 2.1);
  between(0.9, recording.shareOf(ada.hertz), 1);

  await bot.call(call).delete();
  assert.deepEqual(await bot.terminated(call), [200, 7000]);
  await ada.closed();
  between(1_100, await ada.heard(660), 1_300);
}

/** A key ends a recording; then the phone hangs up in the middle of a prompt. */
async function stop_tone_and_hang_up(stage, bot) {
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
  const played = await bot.call(call, "/playPrompt").post({
    clientContext: "long",
    prompts: [prompt(bot, 660, 30)],
  });
  await ada.hangsUp();
  assert.equal((await bot.ended(played)).completionReason, "mediaOperationCanceled");
  assert.deepEqual(await bot.terminated(call), [200, 4521]);
}

/** Each reason to turn a caller away is what the phone is told. */
async function rejected(stage, bot) {
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

// What several scenarios do.

/** Waits for a call, answers it, and waits until audio flows. */
async function answered(bot, name) {
  const call = await bot.incoming(name);
  await bot.call(call, "/answer").post({
    callbackUri: bot.callback,
    acceptedModalities: ["audio"],
    mediaConfig: serviceHosted(),
  });
  await bot.audio(call);
  return call;
}

function serviceHosted() {
  return { "@odata.type": "#microsoft.graph.serviceHostedMediaConfig" };
}

function prompt(bot, hertz, seconds) {
  return {
    "@odata.type": "#microsoft.graph.mediaPrompt",
    mediaInfo: { uri: bot.prompt(hertz, seconds) },
  };
}

/** A recording, from where the notification says and with its token. */
async function fetched(ended) {
  const got = await fetch(ended.recordingLocation, {
    headers: { Authorization: `Bearer ${ended.recordingAccessToken}` },
  });
  assert.equal(got.status, 200);
  assert.equal((await fetch(ended.recordingLocation)).status, 401);
  return new Recording(Buffer.from(await got.arrayBuffer()));
}

function between(least, value, most) {
  assert(least <= value && value <= most, `${value} is not between ${least} and ${most}`);
}

const SCENARIOS = [answer_play_record, stop_tone_and_hang_up, rejected];

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
