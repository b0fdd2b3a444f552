/**
 * The devices of the model, and a driver that is watched: every exchange takes time of the virtual clock, and what reaches
 * a device is written down as it was seen there, not as the controller tells it.
 */
import simulated from "../../../src/drivers/simulated.ts";
import type { Driver, QueryAnswer, WatchListener } from "../../../src/power/driver.ts";
import { PowerError } from "../../../src/power/errors.ts";
import {
  SIMULATED_FAULTS,
  type SimulatedCommand,
  type SimulatedFault,
  type SimulatedSettings,
} from "../../../src/wire/simulated-machine.ts";
import type { SimulatedHub } from "../../../src/wire/simulation.ts";
import type { VirtualClock } from "../../virtual-clock.ts";
import { type Lab, Life } from "../lab.ts";

/** How late a `late` device obeys (ms). */
const LATE_MS = 9_000;

/** `lost-command`: it never arrives, and nobody answers. `late`: it is obeyed long after it was answered. */
export const SITE_FAULTS = [...SIMULATED_FAULTS, "lost-command", "late"] as const;
export type SiteFault = (typeof SITE_FAULTS)[number];
/** Faults under which a device tells what is not so. */
export const DECEITS: ReadonlySet<SiteFault> = new Set(["frozen", "flapping", "lying"]);

export interface HubTraits {
  readonly concurrency: number;
  /** Least ms between the starts of two exchanges; only for a hub without identity, where an exchange is one call. */
  readonly interval: number;
  /** Ms that an exchange takes. */
  readonly latency: number;
  readonly identity: boolean;
  readonly together: boolean;
  /** It tells states unasked. */
  readonly pushes: boolean;
}

/** One command or one read, as the device saw it. Times in ms since 1970. */
export interface Contact {
  /** `beta/1`. */
  readonly key: string;
  readonly command: SimulatedCommand | undefined;
  /** When the driver was called. */
  readonly began: number;
  reached?: number;
  /** When the driver answered or failed. */
  ended?: number;
  told?: "on" | "off" | number;
  /** It was told unasked. */
  readonly pushed: boolean;
  /** May a command have acted, as far as the caller knows? */
  acted: boolean;
  /** The number of the daemon's life. */
  readonly life: number;
}

interface Session {
  readonly name: string;
  readonly hub: SimulatedHub;
  readonly life: Life;
  /** The connection is gone: another device stands at its address. */
  broken: boolean;
}

export interface SiteEvents {
  /** An exchange begins on a hub where `open` are under way with it, `since` ms after the one before it began. */
  readonly entered: (hub: string, open: number, since: number) => void;
  /** A command reaches its device, before it acts. */
  readonly commanded: (contact: Contact) => void;
  /** A device obeys late what it was seen to have done already: that it had not obeyed yet could not be known. */
  readonly unnoticed: (key: string) => void;
}

export class Site {
  readonly contacts: Contact[] = [];
  /** Counts the daemon's lives. */
  life = 1;
  /** When this life began (ms since 1970). */
  bornAt = 0;
  readonly #lab: Lab;
  readonly #clock: VirtualClock;
  readonly #traits: Readonly<Record<string, HubTraits>>;
  readonly #events: SiteEvents;
  readonly #faults = new Map<string, SiteFault>();
  readonly #sessions = new Set<Session>();
  readonly #open = new Map<string, number>();
  readonly #lastStart = new Map<string, number>();
  /** Done before every exchange: what hangs together between devices. */
  settle: () => void = () => undefined;
  /** Does the device at the key do what it is told? A machine without current does not. */
  deaf: (key: string) => boolean = () => false;

  constructor(lab: Lab, traits: Readonly<Record<string, HubTraits>>, events: SiteEvents) {
    this.#lab = lab;
    this.#clock = lab.clock;
    this.#traits = traits;
    this.#events = events;
  }

  faultAt(key: string): SiteFault | undefined {
    return this.#faults.get(key);
  }

  setFault(key: string, fault: SiteFault | undefined): void {
    if (fault) this.#faults.set(key, fault);
    else this.#faults.delete(key);
    const [hub = "", outlet = ""] = key.split("/");
    this.#lab.deviceAt(hub, outlet).fault = SIMULATED_FAULTS.find((known) => known === fault) satisfies
      | SimulatedFault
      | undefined;
  }

  /** Another device takes the hub's address, or the right one takes it back: connections to the one before break. */
  swap(name: string, identity: string): void {
    for (const session of this.#sessions) if (session.name === name) session.broken = true;
    const hub = this.#lab.hub(name);
    hub.identity = identity;
    hub.breakWatches();
  }

  /** Connections of a daemon that is gone. */
  forget(): void {
    for (const name of Object.keys(this.#traits)) this.#lab.hub(name).breakWatches();
    this.#sessions.clear();
    this.#open.clear();
    this.#lastStart.clear();
    this.life += 1;
    this.bornAt = this.#clock.now();
  }

  driver(name: string): Driver {
    const { identify: _identify, queryAll: _queryAll, ...rest } = simulated;
    const { identity, together } = this.#trait(name);
    type Settings = SimulatedSettings;
    return {
      ...rest,
      connect: (_settings, { clock }): Session => this.#connect(name, clock),
      on: (session: Session, outlet: Settings) => this.#command(session, outlet, "on"),
      off: {
        soft: (session: Session, outlet: Settings) => this.#command(session, outlet, "soft-off"),
        hard: (session: Session, outlet: Settings) => this.#command(session, outlet, "off"),
      },
      reset: (session: Session, outlet: Settings) => this.#command(session, outlet, "reset"),
      query: async (session: Session, outlet: Settings, { signal }) => {
        const [answer] = await this.#read(session, [outlet], async (hub) => [await hub.read(outlet, signal)]);
        return answer ?? { state: "unknown" };
      },
      watts: (session: Session, outlet: Settings, { signal }) => this.#watts(session, outlet, signal),
      watch: (session: Session, outlets: readonly Settings[], listener) => this.#watch(session, outlets, listener),
      ...(together && {
        queryAll: (session: Session, outlets: readonly Settings[], { signal }) =>
          this.#read(session, outlets, (hub) => hub.readAll(outlets, signal)),
      }),
      ...(identity && {
        identify: async (session: Session, { signal }) => ({
          id: await this.#exchange(session, () => session.hub.identify(signal)),
        }),
      }),
    };
  }

  #trait(name: string): HubTraits {
    const traits = this.#traits[name];
    if (!traits) throw new Error(`there is no hub ${name}`);
    return traits;
  }

  #connect(name: string, clock: unknown): Session {
    if (!(clock instanceof Life)) throw new Error("the daemon's clock is its life");
    const session = { name, hub: this.#lab.hub(name), life: clock, broken: false };
    this.#sessions.add(session);
    return session;
  }

  async #exchange<T>(session: Session, work: () => T | Promise<T>): Promise<T> {
    const { name, hub, life } = session;
    life.over.throwIfAborted();
    const half = this.#trait(name).latency / 2;
    const now = this.#clock.now();
    const open = (this.#open.get(name) ?? 0) + 1;
    this.#open.set(name, open);
    this.#events.entered(name, open, now - (this.#lastStart.get(name) ?? -Infinity));
    this.#lastStart.set(name, now);
    try {
      await this.#clock.sleep(half, life.over);
      if (!hub.reachable || session.broken) throw new PowerError("unreachable", `${name} does not answer`);
      this.settle();
      const value = await work();
      await this.#clock.sleep(half, life.over);
      if (!hub.reachable || session.broken)
        throw new PowerError("timeout", `${name} lost its answer`, { mayHaveActed: true });
      return value;
    } finally {
      if (!life.over.aborted) this.#open.set(name, (this.#open.get(name) ?? 0) - 1);
    }
  }

  async #command(session: Session, settings: SimulatedSettings, command: SimulatedCommand): Promise<void> {
    const contact = this.#contact(session, settings, command);
    try {
      await this.#exchange(session, async () => {
        contact.reached = this.#clock.now();
        contact.acted = true;
        this.#events.commanded(contact);
        await this.#obey(session, settings, command);
      });
      contact.ended = this.#clock.now();
    } catch (thrown) {
      if (!session.life.over.aborted) {
        contact.acted = PowerError.from(thrown).mayHaveActed;
        contact.ended = this.#clock.now();
      }
      throw thrown;
    }
  }

  async #obey(session: Session, settings: SimulatedSettings, command: SimulatedCommand): Promise<void> {
    const key = `${session.name}/${settings.outlet}`;
    const fault = this.#faults.get(key);
    if (fault === "lost-command") throw new PowerError("timeout", `${key} lost the command`, { mayHaveActed: true });
    if (this.deaf(key)) return;
    const device = session.hub.machine(settings);
    if (fault === "late") {
      const reached = this.#clock.now();
      void this.#clock.sleep(LATE_MS).then(() => {
        const goal = command === "on" ? "on" : "off";
        const seen = this.contacts.some((other) => other.key === key && other.told === goal && other.began >= reached);
        if (seen && command !== "reset") this.#events.unnoticed(key);
        this.settle();
        if (!this.deaf(key)) device.byHand(command);
        this.settle();
      });
      return;
    }
    await session.hub.command(settings, command, session.life.over);
    this.settle();
  }

  async #read<T extends QueryAnswer | PowerError>(
    session: Session,
    outlets: readonly SimulatedSettings[],
    read: (hub: SimulatedHub) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const contacts = outlets.map((settings) => this.#contact(session, settings, undefined));
    return this.#exchange(session, async () => {
      const answers = await read(session.hub);
      for (const [index, answer] of answers.entries()) this.#told(contacts[index], answer);
      return answers;
    });
  }

  async #watts(session: Session, settings: SimulatedSettings, signal: AbortSignal): Promise<number> {
    const contact = this.#contact(session, settings, undefined);
    return this.#exchange(session, async () => {
      const watts = await session.hub.watts(settings, signal);
      contact.reached = this.#clock.now();
      contact.told = watts;
      return watts;
    });
  }

  #watch(session: Session, outlets: readonly SimulatedSettings[], listener: WatchListener<SimulatedSettings>) {
    return this.#exchange(session, () =>
      session.hub.watch(outlets, {
        state: (settings, answer) => {
          if (session.life.over.aborted) return;
          this.settle();
          this.#told(this.#contact(session, settings, undefined, true), answer);
          listener.state(settings, answer);
        },
        lost: (error) => {
          if (!session.life.over.aborted) listener.lost(error);
        },
      }),
    );
  }

  #told(contact: Contact | undefined, answer: QueryAnswer | PowerError): void {
    if (!contact || answer instanceof PowerError) return;
    const state = typeof answer === "string" ? answer : answer.state;
    if (state === "unknown") return;
    contact.reached = this.#clock.now();
    contact.told = state;
  }

  #contact(
    { name }: Session,
    { outlet }: SimulatedSettings,
    command: SimulatedCommand | undefined,
    pushed = false,
  ): Contact {
    const contact: Contact = {
      key: `${name}/${outlet}`,
      command,
      pushed,
      began: this.#clock.now(),
      acted: false,
      life: this.life,
    };
    this.contacts.push(contact);
    return contact;
  }
}
