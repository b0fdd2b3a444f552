/** A simulated MAAS with a client in front of it that waits a thousand times as fast, and failures as they are told. */

import { MaasClient, type MaasClientOptions } from "../../src/maas/client.ts";
import { MaasError } from "../../src/maas/maas-error.ts";
import { systemClock } from "../../src/power/clock.ts";
import { Secret } from "../../src/power/secret.ts";
import { ADMIN, SimulatedMaas, type SimulatedMaasOptions } from "../simulators/maas.ts";

const FASTER = 1_000;

export interface RegionOptions extends SimulatedMaasOptions {
  readonly key?: string;
  readonly client?: Partial<MaasClientOptions>;
}

export class Region implements AsyncDisposable {
  readonly maas: SimulatedMaas;
  readonly client: MaasClient;
  /** Waits that the client told of: what for, and how long (ms). */
  readonly waits: string[] = [];

  private constructor(maas: SimulatedMaas, { key = ADMIN.key, client }: RegionOptions) {
    this.maas = maas;
    this.client = new MaasClient({
      url: maas.url,
      key: new Secret(key),
      sleep: (ms, signal) => systemClock.sleep(ms / FASTER, signal),
      onWait: ({ message, waitMs }) => this.waits.push(`${waitMs} ${message}`),
      ...client,
    });
  }

  static async open(options: RegionOptions = {}): Promise<Region> {
    return new Region(await SimulatedMaas.start(options), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.maas[Symbol.asyncDispose]();
  }
}

/** The failure of work that must fail with a MaasError. */
export async function maasFailureOf(work: Promise<unknown>): Promise<MaasError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof MaasError)) throw new Error("it did not fail with a MaasError", { cause: thrown });
  return thrown;
}
