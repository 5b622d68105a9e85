// People, meetings and call records: what bots look for beside the calls.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { clientOf } from "./bot.mjs";
import { between, called, person, played, refused } from "./steps.mjs";

/** Found by filter, selection and page; and one by id and by address. */
export async function people(stage, bot) {
  const { id } = bot.platform.people.find((one) => one.name === "Ada");
  const found = await bot.client
    .api("/users")
    .filter("startswith(displayName,'A')")
    .select(["id", "displayName"])
    .top(5)
    .get();
  assert.deepEqual(
    found.value.map((one) => [one.id, one.displayName, one.userPrincipalName]),
    [[id, "Ada", undefined]],
  );

  let page = await bot.client.api("/users").orderby("displayName").top(3).get();
  const names = page.value.map((one) => one.displayName);
  while (page["@odata.nextLink"] !== undefined) {
    page = await bot.client.api(page["@odata.nextLink"]).get();
    names.push(...page.value.map((one) => one.displayName));
  }
  assert.deepEqual(names, ["Ada", "Barbara", "Edsger", "Grace"]);

  const one = await bot.client.api(`/users/${id}`).get();
  assert.equal(one.displayName, "Ada");
  assert.equal((await bot.client.api(`/users/${one.userPrincipalName}`).get()).id, id);
  await refused(bot.client.api("/users/nobody@nowhere.example").get(), 404, "Request_ResourceNotFound");
  const theirs = clientOf(bot.platform, bot.otherApp);
  await refused(theirs.api("/users").get(), 403, "Authorization_RequestDenied");
}

/** A meeting is made for a person, found again, joined by its organizer's name and by its number. */
export async function meeting(stage, bot) {
  const { id } = bot.platform.people.find((one) => one.name === "Ada");
  const meetings = `/users/${id}/onlineMeetings`;
  const begin = Date.now();
  const made = await bot.client.api(meetings).post({
    subject: "Planning",
    startDateTime: new Date(begin).toISOString(),
    endDateTime: new Date(begin + 3_600_000).toISOString(),
    joinMeetingIdSettings: { isPasscodeRequired: true },
  });
  assert.equal(made.subject, "Planning");
  assert.equal(made.participants.organizer.identity.user.id, id);
  const { threadId } = made.chatInfo;
  assert.equal((await bot.client.api(`${meetings}/${made.id}`).get()).chatInfo.threadId, threadId);
  const found = await bot.client.api(meetings).filter(`JoinWebUrl eq '${made.joinWebUrl}'`).get();
  assert.deepEqual(found.value.map((one) => one.id), [made.id]);

  bot.names[threadId] = "thread";
  const call = await called(bot, [], "call", {
    chatInfo: { threadId, messageId: "0" },
    meetingInfo: {
      "@odata.type": "#microsoft.graph.organizerMeetingInfo",
      organizer: { user: { id, tenantId: bot.app.tenant } },
      allowConversationWithoutHost: true,
    },
  });
  await bot.state(call, "established");
  await bot.roster(call, "Bot");
  const got = await bot.call(call).get();
  assert.equal(got.chatInfo.threadId, threadId);
  const grace = await stage.phone("grace");
  const invited = await bot.call(call, "/participants/invite").post({ participants: [person(bot, "grace")] });
  await grace.accepts();
  assert.equal((await bot.ended(invited)).status, "completed");
  await bot.roster(call, "Bot", "Grace");
  await played(bot, call, 660, 1);

  const { joinMeetingId, passcode } = made.joinMeetingIdSettings;
  bot.names[joinMeetingId] = "meeting number";
  const meetingInfo = { "@odata.type": "#microsoft.graph.joinMeetingIdMeetingInfo", joinMeetingId };
  const wrong = { meetingInfo: { ...meetingInfo, passcode: "wrong" } };
  await refused(called(bot, [], "wrong", wrong), 400, "8561");
  bot.names[passcode] = "passcode";
  const second = await called(bot, [], "second", { meetingInfo: { ...meetingInfo, passcode } });
  await bot.state(second, "established");
  assert.equal((await bot.call(second).get()).callChainId, got.callChainId);
  await bot.call(second).delete();
  await bot.terminated(second);
  await bot.roster(call, "Bot", "Grace");

  await grace.hangsUp();
  await bot.roster(call, "Bot");
  await bot.call(call).delete();
  await bot.terminated(call);
  between(800, await grace.heard(660));
  await bot.client.api(`${meetings}/${made.id}`).delete();
  await refused(bot.client.api(`${meetings}/${made.id}`).get(), 404, "NotFound");
}

/** What is left of a call when it is over. */
export async function call_record(stage, bot) {
  const grace = await stage.phone("grace");
  const call = await called(bot, [person(bot, "grace")]);
  await grace.accepts();
  await bot.audio(call);
  const chain = (await bot.call(call).get()).callChainId;
  await grace.hangsUp();
  await bot.terminated(call);
  const record = await eventually(() => bot.client.api(`/communications/callRecords/${chain}`).get());
  assert.equal(record.id, chain);
  assert.equal(record.type, "peerToPeer");
  assert(record.startDateTime <= record.endDateTime);
}

/** Asks again while the answer is that there is nothing, for ten seconds. */
async function eventually(get) {
  const late = Date.now() + 10_000;
  for (;;) {
    try {
      return await get();
    } catch (error) {
      if (error.statusCode !== 404 || Date.now() > late) throw error;
      await sleep(200);
    }
  }
}
