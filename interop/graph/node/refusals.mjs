// What the bot may not do is refused with the published error, and the call goes on.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";

import { clientOf } from "./bot.mjs";
import { NOWHERE, answer, answered, played, plays, prompt, promptAt, refused } from "./steps.mjs";

/** Unknown calls, others' calls, commands too early, too late and twice. */
export async function wrong_moments(stage, bot) {
  await refused(bot.call(NOWHERE).get(), 404, "8522");
  await refused(bot.call(NOWHERE).delete(), 404, "8522");
  await refused(bot.call("no-id", "/keepAlive").post(), 404, "8522");

  const ada = await stage.phone("ada");
  await ada.dials(bot.app.dial);
  const call = await bot.incoming();
  await refused(plays(bot, call, [prompt(bot, 660, 1)]), 400, "8501");
  const theirs = clientOf(bot.platform, bot.otherApp);
  await refused(theirs.api(`/communications/calls/${call}`).get(), 404, "8522");
  await refused(theirs.api(`/communications/calls/${call}/answer`).post(answer(bot)), 404, "8522");
  await bot.call(call, "/answer").post(answer(bot));
  await refused(bot.call(call, "/answer").post(answer(bot)), 409, "8519");
  await bot.audio(call);
  await refused(bot.call(call, "/reject").post({}), 400, "8585");
  await refused(bot.call(call, `/operations/${NOWHERE}`).get(), 404, "8522");
  await refused(bot.call(call, `/participants/${NOWHERE}`).get(), 404, "8522");
  await played(bot, call, 660, 0.5);

  await bot.call(call).delete();
  await bot.terminated(call);
  await refused(bot.call(call).delete(), 404, "8522");
  await refused(bot.call(call, "/keepAlive").post(), 404, "8522");
  await refused(plays(bot, call, [prompt(bot, 660, 1)]), 404, "8522");
  await ada.closed();
}

/** Too little, too much, of the wrong kind, far too big. */
export async function wrong_bodies(stage, bot) {
  const ada = await stage.phone("ada");
  await ada.dials(bot.app.dial);
  const call = await answered(bot);
  assert.match(await refused(plays(bot, call), 400, "8523"), /prompts/);
  const one = prompt(bot, 660, 1);
  await refused(plays(bot, call, Array(21).fill(one)), 400, "8523");
  await refused(plays(bot, call, [one], "x".repeat(257)), 400, "8523");
  await refused(plays(bot, call, [one], "x".repeat(10_000_000)), 413, "BadRequest");
  for (const [type, body, status] of [
    ["text/plain", "{}", 415],
    ["application/x-www-form-urlencoded", "prompts=1", 415],
    ["application/json", "{", 400],
    ["application/json", '{"prompts": 7}', 400],
    ["application/json", "[".repeat(100_000), 400],
  ]) {
    const sent = bot.call(call, "/playPrompt").header("Content-Type", type).post(body);
    const error = await sent.then(() => null, (error) => error);
    assert.equal(error?.statusCode, status, `${type} ${body.slice(0, 20)}: ${error?.message}`);
    assert(error.code);
  }
  await played(bot, call, 660, 0.5);
  await ada.hangsUp();
  assert.deepEqual(await bot.terminated(call), [200, 4521]);
}

/** No URL of a bot leads the platform into a network where only its own origins are allowed. */
export async function forbidden_addresses(stage, bot) {
  const visits = [];
  const trap = createServer((request, response) => {
    visits.push(request.url);
    response.end();
  });
  trap.listen(0, "127.0.0.1");
  await once(trap, "listening");
  const { port } = trap.address();
  const places = [
    `http://localhost:${port}`,
    `http://127.0.0.1:${port}`,
    `http://[::ffff:127.0.0.1]:${port}`,
    `http://2130706433:${port}`,
    "http://10.0.0.1",
    "http://169.254.169.254",
    "http://[fd00::1]",
    "ftp://127.0.0.1",
    "no url",
  ];
  bot.names[`http://127.0.0.1:${port}`] = "loopback";
  try {
    const ada = await stage.phone("ada");
    await ada.dials(bot.app.dial);
    const call = await bot.incoming();
    for (const place of places) {
      await refused(bot.call(call, "/answer").post(answer(bot, `${place}/x`)), 400, "8523");
    }
    await bot.call(call, "/answer").post(answer(bot));
    await bot.audio(call);
    for (const place of [...places, "file:///etc"]) {
      await refused(plays(bot, call, [promptAt(`${place}/x.wav`)]), 400, "8523");
    }
    // What only shows when it is fetched: the bot's own server sends us there.
    const elsewhere = `${bot.address}/elsewhere?to=http://127.0.0.1:${port}/x.wav`;
    const ended = await bot.ended(await plays(bot, call, [promptAt(elsewhere)]));
    assert.equal(ended.resultInfo.subcode, 8536);
    assert.deepEqual(visits, []);
    await played(bot, call, 660, 0.5);
    await bot.call(call).delete();
    await bot.terminated(call);
    await ada.closed();
  } finally {
    trap.close();
  }
}
