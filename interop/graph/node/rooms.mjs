// Calls of many.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { answered, between, called, person, played, refused } from "./steps.mjs";

/** The bot calls two people at once. */
export async function group_call(stage, bot) {
  const [ada, grace] = [await stage.phone("ada"), await stage.phone("grace")];
  const call = await called(bot, [person(bot, "ada"), person(bot, "grace")]);
  await ada.accepts();
  await bot.audio(call);
  await bot.roster(call, "Ada", "Bot");
  await grace.accepts();
  await bot.roster(call, "Ada", "Bot", "Grace");
  await threeAndTheBot(stage, bot, call, ada, grace);
}

/** A person calls the bot, which invites another: the call of two becomes one of many. */
export async function call_that_grows(stage, bot) {
  const [ada, grace] = [await stage.phone("ada"), await stage.phone("grace")];
  await ada.dials(bot.app.dial);
  const call = await answered(bot);
  await refused(bot.call(call, "/mute").post({}), 400, "8548");
  const invited = await bot.call(call, "/participants/invite").post({ participants: [person(bot, "grace")] });
  await grace.accepts();
  assert.equal((await bot.ended(invited)).status, "completed");
  await bot.roster(call, "Ada", "Bot", "Grace");
  await threeAndTheBot(stage, bot, call, ada, grace);
}

/** A third is invited, muted and removed; each hears the others. */
async function threeAndTheBot(stage, bot, call, ada, grace) {
  const edsger = await stage.phone("edsger");
  const invited = await bot.call(call, "/participants/invite").post({
    clientContext: "one more",
    participants: [person(bot, "edsger")],
  });
  assert.equal(invited["@odata.type"], "#microsoft.graph.inviteParticipantsOperation");
  assert.equal(invited.status, "running");
  await edsger.accepts();
  assert.equal((await bot.ended(invited)).status, "completed");
  await bot.roster(call, "Ada", "Bot", "Edsger", "Grace");
  const again = bot.call(call, "/participants/invite").post({ participants: [person(bot, "edsger")] });
  await refused(again, 400, "8523");

  const people = (await bot.call(call, "/participants").get()).value;
  const ids = Object.fromEntries(
    people.map(({ id, info: { identity } }) => [(identity.user ?? identity.application).displayName, id]),
  );
  assert.deepEqual(Object.keys(ids).sort(), ["Ada", "Bot", "Edsger", "Grace"]);
  const one = await bot.call(call, `/participants/${ids.Edsger}`).get();
  assert.equal(one.info.identity.user.displayName, "Edsger");
  assert.equal(one.isMuted, false);

  await sleep(1_500);
  const muted = await bot.call(call, `/participants/${ids.Edsger}/mute`).post({ clientContext: "quiet" });
  assert.equal(muted["@odata.type"], "#microsoft.graph.muteParticipantOperation");
  assert.equal(muted.status, "completed");
  await bot.muted(call, "Edsger", true);
  await bot.call(call, "/mute").post({});
  await bot.muted(call, "Bot", true);
  await bot.call(call, "/unmute").post({});
  await bot.muted(call, "Bot", false);
  const status = await bot.call(call, "/updateRecordingStatus").post({ status: "recording" });
  assert.equal(status.status, "completed");
  await bot.recording(call, "recording");

  const groups = "/audioRoutingGroups";
  const group = await bot.call(call, groups).post({
    routingMode: "oneToOne",
    sources: [ids.Bot],
    receivers: [ids.Ada],
  });
  assert.deepEqual(group.receivers, [ids.Ada]);
  assert.equal((await bot.call(call, groups).get()).value.length, 1);
  await played(bot, call, 660, 1);
  await bot.call(call, `${groups}/${group.id}`).delete();
  assert.deepEqual((await bot.call(call, groups).get()).value, []);

  await bot.call(call, `/participants/${ids.Edsger}`).delete();
  await edsger.closed();
  await bot.roster(call, "Ada", "Bot", "Grace");
  await bot.call(call).delete();
  assert.deepEqual(await bot.terminated(call), [200, 7000]);
  // The conversation of the two goes on without the bot.
  await ada.hangsUp();
  await grace.closed();

  between(800, await ada.heard(grace.hertz, edsger.hertz));
  between(800, await edsger.heard(ada.hertz, grace.hertz));
}
