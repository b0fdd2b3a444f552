/**
 * One device behind a broker: commands it, asks it, listens to it.
 *
 * A broker's acknowledgement tells that the broker has a command, not that a device has it. A state is fresh where the
 * device told it after it was asked. One that is not asked for is as old as the message; one that the broker retained is
 * of unknown age, so assumed.
 */
import type { Answer, Trap, WatchListener } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { abortCode } from "./abort.ts";
import { clip } from "./clip.ts";
import { formatDuration } from "./duration.ts";
import type { Ear, Heard, MqttBroker, Qos } from "./mqtt.ts";
import type { Dialect, MqttVerb } from "./mqtt-dialects.ts";
import { isGone, stateOf, type Telling } from "./mqtt-state.ts";

export interface MqttDevice extends Dialect, Telling {
  readonly qos: Qos;
  /** The payload that says that it is gone; absent: the usual ones. */
  readonly offline?: string | undefined;
  /** A state that was not asked for is believed for so long (ms); absent: until another is told. */
  readonly maxAge?: number | undefined;
  /** How long it may take to answer (ms). */
  readonly answerWithin: number;
}

interface Asking {
  readonly signal: AbortSignal;
  /** Ms since 1970. */
  readonly now: () => number;
}

/** Throws PowerError; `busy` where the device is not there, for the broker is. */
export async function command(
  broker: MqttBroker,
  device: MqttDevice,
  { verb, signal }: { readonly verb: Exclude<MqttVerb, "query">; readonly signal: AbortSignal },
): Promise<void> {
  const message = device.publish[verb];
  if (!message) throw new PowerError("unsupported", `there is no \`publish\` for ${verb}`);
  // What the command changes is to be heard, and not to be found retained.
  await broker.subscribe(topicsOf(device), { qos: device.qos, signal });
  refuseGone(broker, device);
  const fate = await broker.publish(message, { qos: device.qos, acts: true, signal });
  if (fate === "unheard") throw nobodyListens(message.topic);
}

/** Commands that the broker keeps on the device's topics: it obeys them again whenever it connects. */
export async function retained(
  broker: MqttBroker,
  { publish, state, qos }: MqttDevice,
  signal: AbortSignal,
): Promise<readonly Trap[]> {
  const commands = [publish.on, publish.off, publish.cycle, publish.reset].flatMap((message) => message?.topic ?? []);
  // Where state and command share a topic, what is kept there is the state.
  const topics = commands.filter((topic) => !state.includes(topic));
  const kept = await broker.kept(topics, { qos, signal });
  return kept
    .filter(({ text }) => text !== "")
    .map(({ topic, text }) => ({
      kind: "retained",
      problem: `obeys ${clip(text)} whenever it connects, which the broker keeps on ${topic}`,
      mend: `Clear it: mosquitto_pub -r -n -t '${topic}'`,
    }));
}

export async function read(broker: MqttBroker, device: MqttDevice, asking: Asking): Promise<Answer> {
  await broker.subscribe(topicsOf(device), { qos: device.qos, signal: asking.signal });
  refuseGone(broker, device);
  return device.publish.query ? ask(broker, device, asking) : known(broker, device, asking);
}

/** What it says when it is asked. */
async function ask(broker: MqttBroker, device: MqttDevice, asking: Asking): Promise<Answer> {
  const { publish, qos, state, reply, answerWithin } = device;
  const { query } = publish;
  if (!query) throw new PowerError("unsupported", "there is no `publish` for query");
  const late = new AbortController();
  const timer = setTimeout(
    () =>
      late.abort(
        new PowerError(
          "timeout",
          `nothing came on ${reply ?? state.join(", ")} within ${formatDuration(answerWithin)}`,
        ),
      ),
    answerWithin,
  );
  const signal = AbortSignal.any([asking.signal, late.signal]);
  // From before it is asked: it may be quicker than the broker's acknowledgement.
  using ear = broker.ear(reply === undefined ? state : [reply]);
  try {
    if ((await broker.publish(query, { qos, acts: false, signal })) === "unheard") throw nobodyListens(query.topic);
    for (let heard = await ear.next(signal); heard; heard = await ear.next(signal)) {
      if (heard.retained) continue;
      if (reply !== undefined) return confirmed(await known(broker, device, asking));
      const answer = await stateOf(heard, device, signal);
      if (answer) return fresh(answer);
    }
    throw new PowerError("unreachable", `the connection to ${broker.name} was closed`);
  } catch (error) {
    if (!signal.aborted) throw error;
    if (late.signal.aborted) throw late.signal.reason;
    throw new PowerError(abortCode(asking.signal), `${query.topic} was not answered in time`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** What it told after it was asked is true now. */
function fresh({ at: _at, ...answer }: Answer): Answer {
  return answer;
}

/** It tells every change, and it answers: what it told last is true now. */
function confirmed(answer: Answer): Answer {
  if (answer.state === "unknown") return answer;
  const { assumed: _assumed, reason: _reason, evidence, ...told } = fresh(answer);
  return { ...told, evidence: `${evidence}, and it answers` };
}

/** The newest state that it told by itself. */
async function known(broker: MqttBroker, device: MqttDevice, { signal, now }: Asking): Promise<Answer> {
  const told = device.state.flatMap((topic) => broker.last(topic) ?? []).sort((a, b) => b.at - a.at);
  for (const heard of told) {
    const answer = await stateOf(heard, device, signal);
    if (!answer) continue;
    const { maxAge } = device;
    if (maxAge === undefined || now() - heard.at <= maxAge) return answer;
    return { state: "unknown", reason: `${heard.topic} told nothing for longer than ${formatDuration(maxAge)}` };
  }
  return {
    state: "unknown",
    reason: `nothing came on ${device.state.join(", ")} since this connection began, and nothing is retained there`,
  };
}

/**
 * Tells what they tell, as long as they are known to be there: without a sign of life the last word of one that died
 * would count for ever. Answers undefined where none of them gives such a sign.
 */
export async function watch<Outlet>(
  broker: MqttBroker,
  watched: ReadonlyMap<Outlet, MqttDevice>,
  { listener, ...asking }: Asking & { readonly listener: WatchListener<Outlet> },
): Promise<(() => void) | undefined> {
  const watches = [...watched].flatMap(([outlet, device]) =>
    device.availability.length > 0 && device.state.length > 0 ? [{ outlet, device }] : [],
  );
  if (watches.length === 0) return undefined;
  for (const { device } of watches)
    await broker.subscribe(topicsOf(device), { qos: device.qos, signal: asking.signal });
  const ear = broker.ear(watches.flatMap(({ device }) => topicsOf(device)));
  const over = new AbortController();
  const tell = (outlet: Outlet, answer: Answer) => listener.state(outlet, answer);
  const all = watches.map((each) => new Watch(broker, each, { tell, now: asking.now, signal: over.signal }));
  for (const one of all) await one.begin();
  void listen(ear, all).catch((error: unknown) => listener.lost(PowerError.from(error)));
  return () => {
    over.abort();
    ear.close();
  };
}

async function listen<Outlet>(ear: Ear, all: readonly Watch<Outlet>[]): Promise<void> {
  for (let heard = await ear.next(); heard; heard = await ear.next()) for (const one of all) await one.hear(heard);
}

interface WatchOptions<Outlet> {
  readonly tell: (outlet: Outlet, answer: Answer) => void;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

class Watch<Outlet> {
  readonly #broker: MqttBroker;
  readonly #outlet: Outlet;
  readonly #device: MqttDevice;
  readonly #options: WatchOptions<Outlet>;
  #there = false;

  constructor(
    broker: MqttBroker,
    { outlet, device }: { readonly outlet: Outlet; readonly device: MqttDevice },
    options: WatchOptions<Outlet>,
  ) {
    this.#broker = broker;
    this.#outlet = outlet;
    this.#device = device;
    this.#options = options;
  }

  async begin(): Promise<void> {
    this.#there = isThere(this.#broker, this.#device);
    if (this.#there) await this.#ask();
  }

  async hear(heard: Heard): Promise<void> {
    const { availability, state, reply } = this.#device;
    if (availability.includes(heard.topic)) await this.#look();
    else if (this.#there && !heard.retained && heard.topic === reply) this.#tell(confirmed(await this.#known()));
    else if (this.#there && !heard.retained && state.includes(heard.topic)) {
      const answer = await stateOf(heard, this.#device, this.#options.signal);
      if (answer) this.#tell(answer);
    }
  }

  /** It came or went. */
  async #look(): Promise<void> {
    const before = this.#there;
    this.#there = isThere(this.#broker, this.#device);
    if (this.#there && !before) await this.#ask();
    const gone = goneBy(this.#broker, this.#device);
    if (gone) this.#tell({ state: "unknown", reason: saysGone(gone) });
  }

  /** What it told before is retained at best: it is to tell anew. */
  async #ask(): Promise<void> {
    const { query } = this.#device.publish;
    if (!query) this.#tell(await this.#known());
    else
      await this.#broker.publish(query, { qos: 0, acts: false, signal: this.#options.signal }).catch(() => undefined);
  }

  #known(): Promise<Answer> {
    const { now, signal } = this.#options;
    return known(this.#broker, this.#device, { now, signal });
  }

  #tell(answer: Answer): void {
    if (!this.#options.signal.aborted) this.#options.tell(this.#outlet, answer);
  }
}

function topicsOf({ state, reply, availability }: MqttDevice): string[] {
  return [...new Set([...state, ...(reply === undefined ? [] : [reply]), ...availability])];
}

/** Is it known to be there: does the first of its topics for that say so, and none the opposite? */
function isThere(broker: MqttBroker, device: MqttDevice): boolean {
  const [own] = device.availability;
  return own !== undefined && broker.last(own) !== undefined && !goneBy(broker, device);
}

function goneBy(broker: MqttBroker, { availability, offline }: MqttDevice): Heard | undefined {
  return availability.flatMap((topic) => broker.last(topic) ?? []).find(({ text }) => isGone(text, offline));
}

function saysGone({ topic, text }: Heard): string {
  return `it is not there: ${topic} says ${clip(text, [], 80)}`;
}

function refuseGone(broker: MqttBroker, device: MqttDevice): void {
  const gone = goneBy(broker, device);
  if (!gone) return;
  throw new PowerError("unreachable", saysGone(gone), {
    hubAnswered: true,
    hint: "Check that the device has current and its network, and that it reaches the broker.",
  });
}

function nobodyListens(topic: string): PowerError {
  return new PowerError("unreachable", `nobody listens on ${topic}`, {
    hubAnswered: true,
    hint: "The device is not connected to this broker, or it has another topic: compare letter by letter.",
  });
}
