// A bot on Microsoft's client for JavaScript, with nothing of its own but its addresses.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { EventEmitter, once } from "node:events";

import { ClientSecretCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";
import { createRemoteJWKSet, jwtVerify } from "jose";

import { tone } from "./sound.mjs";

// Longer than anything the platform does by itself in a scenario, on a machine that is busy.
const SOON_MS = 20_000;

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Microsoft's client, led to another login authority and another Graph. */
export function clientOf(platform, app) {
  const credential = new ClientSecretCredential(app.tenant, app.app_id, app.secret, {
    authorityHost: platform.https,
    disableInstanceDiscovery: true,
  });
  return Client.initWithMiddleware({
    baseUrl: `${platform.https}/`,
    defaultVersion: "v1.0",
    // Without this the client sends no token, and does not say so.
    customHosts: new Set([new URL(platform.https).hostname]),
    authProvider: new TokenCredentialAuthenticationProvider(credential, {
      scopes: ["https://graph.microsoft.com/.default"],
    }),
  });
}

/** A webhook, what it was told, and the client. */
export class Bot {
  #keys;
  #issuer;
  #changed = new EventEmitter();
  #messages = new Set();
  #past = new Set();
  told = [];

  constructor() {
    this.platform = JSON.parse(process.env.OFFHOOK_PLATFORM);
    this.address = process.env.OFFHOOK_WEBHOOK;
    [this.app, this.otherApp] = this.platform.bots;
    this.client = clientOf(this.platform, this.app);
    this.callback = `${this.address}/calls`;
    this.forget();
  }

  /** Begins a scenario: nothing was told, no call has a name. */
  forget() {
    this.told.forEach((one) => this.#past.add(callOf(one)));
    this.told = [];
    this.wrong = [];
    this.names = {};
  }

  /** A request to something of a call. */
  call(id, action = "") {
    return this.client.api(`/communications/calls/${id}${action}`);
  }

  /** Where the bot serves a tone as a WAV file. */
  prompt(hertz, seconds) {
    return `${this.address}/prompts/${hertz}-${seconds}.wav`;
  }

  /** Serves the webhook and the prompts until the program ends. */
  async listen() {
    const published = await fetch(`${this.platform.https}/v1/.well-known/OpenIdConfiguration`);
    const { issuer, jwks_uri } = await published.json();
    this.#issuer = issuer;
    this.#keys = createRemoteJWKSet(new URL(jwks_uri));
    const server = createServer((request, response) => this.#serve(request, response));
    const { hostname, port } = new URL(this.address);
    server.listen(Number(port), hostname);
    await once(server, "listening");
    server.unref();
  }

  async #serve(request, response) {
    const [, hertz, seconds] = request.url.match(/^\/prompts\/([\d.]+)-([\d.]+)\.wav$/) ?? [];
    if (hertz !== undefined) {
      response.writeHead(200, { "Content-Type": "audio/wav" });
      response.end(tone(Number(hertz), Number(seconds)));
      return;
    }
    if (request.url.startsWith("/elsewhere?to=")) {
      response.writeHead(302, { Location: request.url.slice("/elsewhere?to=".length) }).end();
      return;
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    try {
      assert.equal(`${request.method} ${request.url}`, "POST /calls");
      await this.#prove(request.headers);
      const body = JSON.parse(Buffer.concat(chunks).toString());
      assert.equal(body["@odata.type"], "#microsoft.graph.commsNotifications");
      assert.match(request.headers["content-type"], /^application\/json(;|$)/);
      for (const name of ["x-microsoft-skype-chain-id", "scenario-id", "x-microsoft-skype-message-id"]) {
        assert.match(request.headers[name], GUID, name);
      }
      const message = request.headers["x-microsoft-skype-message-id"];
      // A delivery that was not acknowledged in time comes again, under the same name.
      if (!this.#messages.has(message)) {
        this.told.push(...body.value.filter((one) => !this.#past.has(callOf(one))));
      }
      this.#messages.add(message);
      response.writeHead(202).end();
      this.#changed.emit("told");
    } catch (error) {
      // Whatever is wrong with it, the scenario says so.
      this.wrong.push(String(error));
      response.writeHead(403).end();
    }
  }

  /** Whether it was really the platform: by the published keys, as a bot must. */
  async #prove(headers) {
    const [kind, token] = headers.authorization.split(" ");
    assert.equal(kind, "Bearer");
    const { payload } = await jwtVerify(token, this.#keys, {
      algorithms: ["RS256"],
      audience: this.app.app_id,
      issuer: this.#issuer,
      requiredClaims: ["exp", "nbf", "tid"],
    });
    assert.equal(payload.tid, this.app.tenant);
    assert.equal(payload.iss, "https://api.botframework.com");
  }

  // What it was told.

  /** The first notification of the scenario for which something holds, once it comes. */
  sees(what, holds) {
    return this.#until(what, () => this.told.find(holds));
  }

  async #until(what, find) {
    const late = AbortSignal.timeout(SOON_MS);
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      try {
        await once(this.#changed, "told", { signal: late });
      } catch {
        const told = JSON.stringify(this.told, null, 1);
        throw new Error(`never told of ${what}; ${this.wrong}; told of ${told}`);
      }
    }
  }

  /** The id of a call that comes in and has no name yet; it gets this one. */
  async incoming(name = "call") {
    const told = await this.sees(
      "an incoming call",
      (one) =>
        one.changeType === "created" &&
        one.resourceData.state === "incoming" &&
        this.names[one.resourceData.id] === undefined,
    );
    this.names[told.resourceData.id] = name;
    return told.resourceData.id;
  }

  /** Waits until a call is in a state, with these other properties. */
  state(call, state, also = {}) {
    return this.sees(
      `${state} ${JSON.stringify(also)}`,
      (one) =>
        one.resourceUrl === `/communications/calls/${call}` &&
        one.resourceData.state === state &&
        Object.entries(also).every(([name, value]) => one.resourceData[name] === value),
    );
  }

  /** Waits until audio flows. */
  audio(call) {
    return this.sees(
      "audio",
      (one) =>
        one.resourceUrl === `/communications/calls/${call}` && one.resourceData.mediaState?.audio === "active",
    );
  }

  /** Waits until an operation has ended, and gives how. */
  async ended(operation) {
    const told = await this.sees(
      `the end of ${operation["@odata.type"]}`,
      (one) => one.changeType === "deleted" && one.resourceUrl.endsWith(`/operations/${operation.id}`),
    );
    return told.resourceData;
  }

  /** Waits until a call is over, and gives why. */
  async terminated(call) {
    const told = await this.sees(
      "the end of the call",
      (one) => one.changeType === "deleted" && one.resourceUrl === `/communications/calls/${call}`,
    );
    const { code, subcode } = told.resourceData.resultInfo;
    return [code, subcode];
  }

  /** Waits until these, by name, are in a call of many. */
  roster(call, ...names) {
    const wanted = names.toSorted().join();
    return this.#inRoster(call, names, (people) => people.map(nameOf).toSorted().join() === wanted);
  }

  /** Waits until somebody in a call of many is shown as muted, or not any more. */
  muted(call, name, muted) {
    return this.#inRoster(call, [name, muted], (people) => named(people, name)?.isMuted === muted);
  }

  /** Waits until the bot is shown as recording. */
  recording(call, status) {
    const shown = (people) => named(people, this.app.name)?.recordingInfo?.recordingStatus;
    return this.#inRoster(call, status, (people) => shown(people) === status);
  }

  /** Waits until something holds for the latest roster. */
  #inRoster(call, what, holds) {
    const path = `/communications/calls/${call}/participants`;
    return this.#until(`the roster ${what}`, () => {
      const latest = this.told.findLast((one) => one.resourceUrl === path);
      return latest !== undefined && holds(latest.resourceData) ? latest : undefined;
    });
  }
}

/** The id of the call it is of: /communications/calls/{id}/… */
function callOf(notification) {
  return notification.resourceUrl.split("/")[3];
}

function named(people, name) {
  return people.find((one) => nameOf(one) === name);
}

/** The name of a participant, or its number. */
function nameOf({ info: { identity } }) {
  const who = Object.values(identity).find((one) => one !== null && typeof one === "object");
  return who.displayName ?? who.id;
}
