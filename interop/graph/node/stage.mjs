// The test that started this script, and what it does on request: phones, and comparing.
//
// One line of JSON goes out on standard output for each thing wanted, and one comes back on
// standard input when it was done.

import { createInterface } from "node:readline";

export class Stage {
  #answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  #turn = Promise.resolve();

  /** Asks one thing at a time; notifications keep coming meanwhile. */
  ask(what) {
    const asked = this.#turn.then(async () => {
      process.stdout.write(`${JSON.stringify(what)}\n`);
      const answer = JSON.parse((await this.#answers.next()).value);
      if (answer.failed !== undefined) throw new Error(answer.failed);
      return answer;
    });
    this.#turn = asked.catch(() => {});
    return asked;
  }

  /** The phone of a person, registered with the person's password; or the trunk's other side. */
  async phone(name) {
    const given = await this.ask({ do: "phone", name });
    return new Phone(this, name, given.hertz);
  }

  /** Another trunk's other side, that declines the next call. */
  nobody() {
    return this.ask({ do: "decline" });
  }
}

/** A soft phone that says its own pitch all the time. */
class Phone {
  #stage;

  constructor(stage, name, hertz) {
    this.#stage = stage;
    this.name = name;
    this.hertz = hertz;
  }

  dials(uri) {
    return this.#type("dial", uri);
  }

  presses(key) {
    return this.#type("sndcode", key);
  }

  /** Waits until it rings, and answers. */
  async accepts() {
    await this.rings();
    await this.#type("accept");
    await this.event("CALL_ESTABLISHED");
  }

  rings() {
    return this.event("CALL_INCOMING");
  }

  /** Ends its call, or turns away the one that rings. */
  async hangsUp() {
    await this.#type("hangup");
    await this.event("CALL_CLOSED");
  }

  /** Waits until its call is over, and says why the phone thinks so. */
  async closed() {
    return (await this.event("CALL_CLOSED")).param ?? "";
  }

  async event(kind) {
    return (await this.#stage.ask({ do: "wait", name: this.name, for: kind })).event;
  }

  /** How many milliseconds of a tone, or of several at once, were heard in the call that is over. */
  async heard(...hertz) {
    return (await this.#stage.ask({ do: "heard", name: this.name, hertz })).ms;
  }

  #type(command, parameters = "") {
    return this.#stage.ask({ do: "type", name: this.name, command, parameters });
  }
}
