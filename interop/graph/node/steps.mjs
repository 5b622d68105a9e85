// What several scenarios do, in the words of Microsoft's client.

import assert from "node:assert/strict";

import { GraphError } from "@microsoft/microsoft-graph-client";

import { Recording } from "./sound.mjs";

/** The id of nothing. */
export const NOWHERE = "00000000-0000-0000-0000-000000000001";

/** Waits for a call, answers it, and waits until audio flows. */
export async function answered(bot, name) {
  const call = await bot.incoming(name);
  await bot.call(call, "/answer").post(answer(bot));
  await bot.audio(call);
  return call;
}

export function answer(bot, callbackUri = bot.callback) {
  return { callbackUri, acceptedModalities: ["audio"], mediaConfig: serviceHosted() };
}

/** A call to these. */
export function outgoing(bot, targets, more = {}) {
  return {
    "@odata.type": "#microsoft.graph.call",
    callbackUri: bot.callback,
    requestedModalities: ["audio"],
    mediaConfig: serviceHosted(),
    tenantId: bot.app.tenant,
    targets,
    ...more,
  };
}

/** Begins a call, and gives its id. */
export async function called(bot, targets, name = "call", more = {}) {
  const call = await bot.client.api("/communications/calls").post(outgoing(bot, targets, more));
  bot.names[call.id] = name;
  return call.id;
}

/** A person as a target. */
export function person(bot, name, more = {}) {
  const { id, name: displayName } = bot.platform.people.find((one) => one.sip_user === name);
  return {
    "@odata.type": "#microsoft.graph.invitationParticipantInfo",
    identity: { "@odata.type": "#microsoft.graph.identitySet", user: { id, displayName } },
    ...more,
  };
}

/** A phone number as a target. */
export function number(id) {
  return {
    "@odata.type": "#microsoft.graph.invitationParticipantInfo",
    identity: { "@odata.type": "#microsoft.graph.identitySet", phone: { id } },
  };
}

export function serviceHosted() {
  return { "@odata.type": "#microsoft.graph.serviceHostedMediaConfig" };
}

export function prompt(bot, hertz, seconds) {
  return promptAt(bot.prompt(hertz, seconds));
}

export function promptAt(uri) {
  return { "@odata.type": "#microsoft.graph.mediaPrompt", mediaInfo: { uri } };
}

/** Begins to play, and gives the operation. */
export function plays(bot, call, prompts, clientContext) {
  return bot.call(call, "/playPrompt").post({ clientContext, prompts });
}

/** Plays a tone to its end. */
export async function played(bot, call, hertz, seconds) {
  const ended = await bot.ended(await plays(bot, call, [prompt(bot, hertz, seconds)]));
  assert.equal(ended.completionReason, "completedSuccessfully");
}

/** A recording, from where the notification says and with its token. */
export async function fetched(ended) {
  const got = await fetch(ended.recordingLocation, {
    headers: { Authorization: `Bearer ${ended.recordingAccessToken}` },
  });
  assert.equal(got.status, 200);
  assert.equal((await fetch(ended.recordingLocation)).status, 401);
  return new Recording(Buffer.from(await got.arrayBuffer()));
}

/** What is asked is refused like this; gives the sentence. */
export async function refused(asked, status, code) {
  try {
    await asked;
  } catch (error) {
    assert(error instanceof GraphError, String(error.stack));
    assert.deepEqual([error.statusCode, error.code], [status, code], error.message);
    assert(error.requestId);
    return error.message;
  }
  throw new Error(`not refused: ${status} ${code}`);
}

export function between(least, value, most = Infinity) {
  assert(least <= value && value <= most, `${value} is not between ${least} and ${most}`);
}
