/** Fifty machines and more as a configuration has them, with MAAS and the credentials file around them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineTokens } from "../../src/cli/maas-tokens.ts";
import type { OwnMachine } from "../../src/maas/match.ts";
import { type PlanItem, type PlanOptions, planMachines } from "../../src/maas/plan.ts";
import { type RegisterOptions, registerMachine } from "../../src/maas/register.ts";
import type { MachineTokens } from "../../src/maas/tokens.ts";
import { Credentials } from "../../src/store/credentials.ts";
import { Region, type RegionOptions } from "./region.ts";

export const URL_OF_DAEMON = "http://192.0.2.10:6227";

export function mac(number: number): string {
  return `00:00:5e:00:53:${number.toString(16).padStart(2, "0")}`;
}

export class Lab implements AsyncDisposable {
  readonly region: Region;
  readonly credentials: Credentials;
  readonly tokens: MachineTokens;
  readonly #folder: string;

  private constructor(region: Region, folder: string) {
    this.region = region;
    this.#folder = folder;
    this.credentials = new Credentials(join(folder, "maasochist.credentials.json"));
    this.tokens = machineTokens(this.credentials);
  }

  static async open(options: RegionOptions): Promise<Lab> {
    return new Lab(await Region.open(options), mkdtempSync(join(tmpdir(), "maasochist-register-")));
  }

  /** What registering these would change. */
  async plan(
    own: readonly (Partial<OwnMachine> & { name: string })[],
    more: Partial<PlanOptions> = {},
  ): Promise<PlanItem[]> {
    const { client } = this.region;
    const [racks, subnets] = await Promise.all([client.rackControllers(), client.subnets()]);
    return planMachines({
      client,
      own: own.map((machine) => ({ enabled: true, ...machine })),
      urls: [URL_OF_DAEMON],
      network: { racks, subnets },
      tokens: this.tokens,
      ...more,
    });
  }

  register(item: PlanItem, more: Partial<RegisterOptions> = {}): ReturnType<typeof registerMachine> {
    return registerMachine(item, { client: this.region.client, tokens: this.tokens, ...more });
  }

  /** Plans and does all that can be done. */
  async registerAll(...given: Parameters<Lab["plan"]>): Promise<PlanItem[]> {
    const items = await this.plan(...given);
    for (const item of items) await this.register(item);
    return items;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.region[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

/** `nuc1 update power_token`, or why it is refused. */
export function said({ own, change }: PlanItem): string {
  const more = change.kind === "refused" ? change.code : change.kind === "update" ? change.parameters.join(" ") : "";
  return `${own.name} ${change.kind} ${more}`.trimEnd();
}
