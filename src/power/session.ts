/**
 * A hub's connection. *Closed*: nothing is open; the first exchange opens it, and pins or checks the device's identity.
 * *Open*: exchanges use it; before a command the identity is checked again when the last check is old. It closes when
 * idle, when an exchange fails in a way that makes it suspect, and when the hub's settings change; a failure to open is
 * never remembered. Where its device has an address that changes, it opens anew when another one is found. A device that refuses a session it had accepted gets a new one, once, if nothing can have acted.
 */
import { type Addresses, located, mayCommand } from "./address.ts";
import type { Clock } from "./clock.ts";
import type { Driver, Identity } from "./driver.ts";
import { PowerError } from "./errors.ts";
import type { Pin } from "./journal.ts";
import type { HubSpec } from "./spec.ts";

/** A command trusts an identity that was checked within this time (ms). */
const IDENTITY_FRESH_MS = 60_000;

export interface Pins {
  pin(hub: string): Pin | undefined;
  setPin(hub: string, pin: Pin | undefined): void;
}

export interface SessionServices {
  readonly addresses: Addresses;
  readonly clock: Clock;
  readonly pins: Pins;
}

/** Where a connection leads. */
interface Target {
  /** Undefined where the settings hold it for good. */
  readonly address?: string;
  readonly settings: unknown;
}

/** One connection, open until it is to be closed and nobody uses it any more. */
class Connection {
  readonly opened: Promise<unknown>;
  readonly address: string | undefined;
  readonly #driver: Driver;
  readonly #closed: Promise<void>;
  #close: () => void = () => undefined;
  #users = 0;
  #leaving = false;
  /** When the identity was last found right (ms since 1970). */
  checkedAt: number | undefined;
  /** Did an exchange on it succeed? */
  proven = false;

  constructor(driver: Driver, address: string | undefined, opened: Promise<unknown>) {
    this.#driver = driver;
    this.address = address;
    this.opened = opened;
    this.#closed = new Promise<void>((resolve) => {
      this.#close = resolve;
    }).then(() => this.#disconnect());
  }

  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#users += 1;
    try {
      return await work();
    } finally {
      this.#users -= 1;
      if (this.#leaving && this.#users === 0) this.#close();
    }
  }

  /** Resolves when it is closed. */
  close(): Promise<void> {
    this.#leaving = true;
    if (this.#users === 0) this.#close();
    return this.#closed;
  }

  async #disconnect(): Promise<void> {
    try {
      await this.#driver.disconnect?.(await this.opened);
    } catch {
      // It never opened, or is gone already: there is nothing left to close.
    }
  }
}

export class Session {
  readonly #spec: HubSpec;
  readonly #services: SessionServices;
  #connection: Connection | undefined;

  constructor(spec: HubSpec, services: SessionServices) {
    this.#spec = spec;
    this.#services = services;
  }

  get open(): boolean {
    return this.#connection !== undefined;
  }

  /**
   * Runs the work on the connection. `began` is called right before the work is handed the connection: from there on a
   * command may have acted. Throws what the driver throws, and `wrong_device`.
   */
  async use<T>(use: Use, work: (connection: unknown) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const connection = this.#current(await this.#target(use.kind), use.signal);
      const reused = connection.proven;
      try {
        return await connection.hold(() => this.#through(connection, use, work));
      } catch (thrown) {
        const expired = thrown instanceof PowerError && thrown.code === "auth" && !thrown.mayHaveActed;
        if (!expired || !reused || attempt > 0) throw thrown;
        await this.#drop(connection);
      }
    }
  }

  async #through<T>(connection: Connection, use: Use, work: (connection: unknown) => Promise<T>): Promise<T> {
    const opened = await connection.opened;
    await this.#identify(connection, { opened, use });
    use.began();
    const value = await work(opened);
    connection.proven = true;
    return value;
  }

  async #target(kind: Use["kind"]): Promise<Target> {
    const { settings, sought } = this.#spec;
    const { addresses } = this.#services;
    if (!sought) return { settings };
    const found = await addresses.find(sought.machine);
    if (kind === "command") mayCommand(sought, found);
    return { address: found.address, settings: located(settings, sought, found) };
  }

  #current({ address, settings }: Target, signal: AbortSignal): Connection {
    if (this.#connection && this.#connection.address !== address) void this.#drop(this.#connection);
    if (!this.#connection) {
      const { driver, key } = this.#spec;
      const { clock } = this.#services;
      const opened = (async () => driver.connect?.(settings, { signal, key, clock }))();
      const connection = new Connection(driver, address, opened);
      opened.catch(() => void this.#drop(connection));
      this.#connection = connection;
    }
    return this.#connection;
  }

  async #identify(connection: Connection, { opened, use }: { readonly opened: unknown; readonly use: Use }) {
    const { driver, key } = this.#spec;
    const { clock, pins } = this.#services;
    if (!driver.identify) return;
    const age = connection.checkedAt === undefined ? Infinity : clock.now() - connection.checkedAt;
    if (use.kind === "command" ? age <= IDENTITY_FRESH_MS : age < Infinity) return;
    const found = await driver.identify(opened, { signal: use.signal });
    if (found) this.#compare(found, pins.pin(key));
    connection.checkedAt = clock.now();
  }

  #compare(found: Identity, pinned: Pin | undefined): void {
    const { key, name } = this.#spec;
    const { clock, pins } = this.#services;
    if (!pinned) pins.setPin(key, { ...found, at: clock.now() });
    else if (pinned.id !== found.id) {
      throw new PowerError(
        "wrong_device",
        `${described(found)} answers for ${name}, where ${described(pinned)} was found at first contact`,
        { hint: `Correct the address. If the device was replaced: maasochist hubs trust ${name}` },
      );
    }
  }

  #drop(connection: Connection): Promise<void> {
    if (this.#connection === connection) this.#connection = undefined;
    return connection.close();
  }

  /** Resolves when those who use it now are done and it is closed; whoever comes meanwhile gets a new one. */
  async close(): Promise<void> {
    if (this.#connection) await this.#drop(this.#connection);
  }
}

interface Use {
  readonly kind: "command" | "read";
  readonly signal: AbortSignal;
  readonly began: () => void;
}

function described({ id, model }: Identity): string {
  return model === undefined ? id : `${model} ${id}`;
}
