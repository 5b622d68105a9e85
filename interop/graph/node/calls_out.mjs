// Calls that the bot places.

import assert from "node:assert/strict";

import { between, called, number, outgoing, person, played } from "./steps.mjs";

/** The bot calls a person, who answers and hears it; the bot hangs up. */
export async function call_a_person(stage, bot) {
  const grace = await stage.phone("grace");
  const call = await bot.client.api("/communications/calls").post(outgoing(bot, [person(bot, "grace")]));
  bot.names[call.id] = "call";
  assert.equal(call.state, "establishing");
  assert.equal(call.direction, "outgoing");
  assert(call.myParticipantId && call.callChainId);
  assert.equal(call.targets[0].identity.user.displayName, "Grace");
  await grace.accepts();
  await bot.audio(call.id);
  assert.equal((await bot.call(call.id).get()).state, "established");
  assert.deepEqual((await bot.call(call.id, "/participants").get()).value, []);
  await played(bot, call.id, 660, 1);
  await bot.call(call.id).delete();
  assert.deepEqual(await bot.terminated(call.id), [200, 7000]);
  await grace.closed();
  between(850, await grace.heard(660), 1_100);
}

/** Busy, not picked up, without a phone: each ends as published. */
export async function callees_that_do_not_come(stage, bot) {
  const grace = await stage.phone("grace");
  let call = await called(bot, [person(bot, "grace")], "busy");
  await grace.rings();
  await grace.hangsUp();
  assert.deepEqual(await bot.terminated(call), [486, 8539]);

  call = await called(bot, [person(bot, "grace")], "not picked up", { ringingTimeoutInSeconds: 3 });
  await grace.rings();
  assert.deepEqual(await bot.terminated(call), [408, 10057]);
  await grace.closed();

  call = await called(bot, [person(bot, "barbara")], "without a phone");
  assert.deepEqual(await bot.terminated(call), [480, 10037]);
}

/** A phone number is called through the trunk, with the bot's own as the caller's. */
export async function call_a_number(stage, bot) {
  const carrier = await stage.phone("carrier");
  const applicationInstance = { id: bot.app.app_id, displayName: "Bot" };
  const source = {
    "@odata.type": "#microsoft.graph.participantInfo",
    identity: { "@odata.type": "#microsoft.graph.identitySet", applicationInstance },
  };
  let call = await called(bot, [number("+4930222")], "call", { source });
  await carrier.accepts();
  await bot.audio(call);
  await played(bot, call, 660, 1);
  await carrier.hangsUp();
  assert.deepEqual(await bot.terminated(call), [200, 560000]);
  between(800, await carrier.heard(660));

  await stage.nobody();
  call = await called(bot, [number("+4960333")], "declined", { source });
  assert.deepEqual(await bot.terminated(call), [603, 8538]);
  call = await called(bot, [number("+4940333")], "not allowed", { source });
  assert.deepEqual(await bot.terminated(call), [480, 10134]);
}
