/** What the daemon makes of a MAAS that it may ask: where machines are, what they are there, and who let MAAS switch them. */
import { describe, expect, test } from "vitest";
import type { DaemonStatus, MachineShape } from "../../src/http/shapes.ts";
import type { PowerError } from "../../src/power/errors.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import { failureOf, until } from "../expecting.ts";
import { keptPort } from "../kept-port.ts";
import { ADMIN, SimulatedMaas } from "../simulators/maas.ts";
import type { MachineSeed } from "../simulators/maas-machine.ts";
import { keyPair, SshMachine } from "../simulators/ssh.ts";
import { World } from "./world.ts";

const NUC1 = { hostname: "nuc1", systemId: "k3hxa7", addresses: ["127.0.0.1"], status: "Deployed" };

interface SiteOptions {
  /** The daemon's, as YAML. */
  readonly machines: string;
  /** Those of MAAS. */
  readonly seeds?: readonly MachineSeed[];
}

/** A daemon beside a MAAS. */
class Site implements AsyncDisposable {
  readonly maas: SimulatedMaas;
  readonly world: World;

  private constructor(maas: SimulatedMaas, world: World) {
    this.maas = maas;
    this.world = world;
  }

  static async open({ machines, seeds = [NUC1] }: SiteOptions): Promise<Site> {
    const maas = await SimulatedMaas.start({ machines: seeds });
    const access = `{ url: "${maas.url}", key: "${ADMIN.key}" }`;
    return new Site(maas, await World.open({ machines, maas: access }));
  }

  get nuc1() {
    return this.maas.machine("nuc1");
  }

  query() {
    return this.world.run(this.world.daemon.power.query("nuc1"));
  }

  failure(): Promise<PowerError> {
    return failureOf(this.query());
  }

  /** Resolves when the daemon has what MAAS tells of the machine. */
  async met(): Promise<void> {
    await until(() => this.maas.requests.length > 0);
    await until(async () => (await this.shape()).maas !== undefined);
  }

  async shape(): Promise<MachineShape> {
    return this.world.machine("nuc1");
  }

  status(): Promise<DaemonStatus> {
    return this.world.see("/status");
  }

  order(verb: "on" | "off"): Promise<OrderRecord> {
    const actor = { id: "token:maas", name: "maas", role: "maas" } as const;
    return this.world.run(this.world.daemon.power.order({ machine: "nuc1", verb, actor }).done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
    await this.maas[Symbol.asyncDispose]();
  }
}

describe("a machine whose address MAAS knows", () => {
  test("is asked where MAAS says it is, also after it moved", async () => {
    const port = await keptPort();
    const machines = `{ nuc1: { address: maas, query: { driver: reachable, by: [tcp], ports: [${port}], silence: off } } }`;
    await using site = await Site.open({ machines });
    expect(await site.query()).toMatchObject({
      state: "on",
      confidence: "measured",
      evidence: [`127.0.0.1 refuses TCP ${port}`],
    });
    site.nuc1.addresses = ["127.0.0.2"];
    await site.world.wait(45_000);
    expect(await site.query()).toMatchObject({
      state: "on",
      confidence: "measured",
      evidence: [`127.0.0.2 refuses TCP ${port}`],
    });
  });

  test("is found by its MAC address and by its system_id as well", async () => {
    const port = await keptPort();
    const query = `query: { driver: reachable, by: [tcp], ports: [${port}] }`;
    const seeds = [
      { hostname: "sunny-mole", systemId: "k3hxa7", macs: ["00:00:5e:00:53:07"], addresses: ["127.0.0.3"] },
    ];
    for (const which of ['mac: "00:00:5e:00:53:07"', "maas: { system_id: k3hxa7 }"]) {
      await using site = await Site.open({ machines: `{ nuc1: { address: maas, ${which}, ${query} } }`, seeds });
      expect(await site.query()).toMatchObject({ evidence: [`127.0.0.3 refuses TCP ${port}`] });
    }
  });

  test("is asked at its last known address while MAAS is out of reach: nothing is measured there", async () => {
    const port = await keptPort();
    const machines = `{ nuc1: { address: maas, query: { driver: reachable, by: [tcp], ports: [${port}] } } }`;
    await using site = await Site.open({ machines });
    await site.query();
    await site.maas.die();
    await site.world.wait(45_000);
    expect(await site.query()).toMatchObject({
      state: "on",
      confidence: "assumed",
      evidence: [`127.0.0.1 refuses TCP ${port}, at its last known address`],
      reason: expect.stringMatching(/^127\.0\.0\.1 is the address it had 1 min ago, and MAAS cannot be asked: /),
    });
  });

  test("is not on where MAAS has taken its address away: it may be another's", async () => {
    const port = await keptPort();
    const machines = `{ nuc1: { address: maas, query: { driver: reachable, by: [tcp], ports: [${port}] } } }`;
    await using site = await Site.open({ machines });
    await site.query();
    Object.assign(site.nuc1, { addresses: [], status: "Ready" });
    await site.world.wait(45_000);
    expect(await site.query()).toMatchObject({ state: "unknown", confidence: "assumed" });
  });

  test("cannot be read where no address was ever known, and is never off", async () => {
    const machines = "{ nuc1: { address: maas, query: { driver: reachable, silence: off } } }";
    await using site = await Site.open({ machines, seeds: [{ ...NUC1, addresses: [] }] });
    expect(await site.failure()).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("MAAS has none"),
    });
    const conclusion = await site.world.run(site.world.maas("nuc1").query());
    expect(conclusion).toContain("503");
  });

  test("says what is missing where no MAAS is known at all", async () => {
    await using world = await World.open({ machines: "{ nuc1: { address: maas, query: { driver: reachable } } }" });
    expect(await failureOf(world.run(world.daemon.power.query("nuc1")))).toMatchObject({
      message: "the address of nuc1 is not known: MAAS cannot be asked: no MAAS is known here",
      hint: expect.stringContaining("maasochist maas login URL"),
    });
  });
});

describe("a shutdown over SSH", () => {
  const pair = keyPair();
  const key = JSON.stringify(pair.private);

  async function pairOf() {
    const port = await keptPort();
    const users = { maas: { key: pair.public } };
    const nuc1 = await SshMachine.start({ users, at: { address: "127.0.0.1", port } });
    const other = await SshMachine.start({ users, at: { address: "127.0.0.2", port } });
    const login = `driver: ssh, user: maas, key: ${key}, host_key: any, port: ${port}`;
    const query = `query: { driver: reachable, by: [tcp], ports: [${port}], wait: 100ms, misses: 1 }`;
    return {
      nuc1,
      other,
      machines: `{ nuc1: { address: maas, verify: 5s, off: { ${login}, wait: 5s }, ${query} } }`,
      [Symbol.asyncDispose]: async () => {
        await nuc1[Symbol.asyncDispose]();
        await other[Symbol.asyncDispose]();
      },
    };
  }

  /** What came of an off; that it went down nothing here can prove, for loopback always answers. */
  async function off(site: Site): Promise<string> {
    return site.order("off").then(
      ({ state }) => state,
      ({ code }: PowerError) => code,
    );
  }

  test("goes to where the machine is now, and not to whoever has its old address", async () => {
    await using two = await pairOf();
    await using site = await Site.open({ machines: two.machines });
    await site.query();
    // They change places.
    await Promise.all([two.nuc1.cut(), two.other.cut()]);
    [two.nuc1.address, two.other.address] = ["127.0.0.2", "127.0.0.1"];
    await Promise.all([two.nuc1.boot(), two.other.boot()]);
    site.nuc1.addresses = ["127.0.0.2"];
    await site.world.wait(45_000);
    await off(site);
    expect([two.nuc1.commands, two.other.commands]).toEqual([["shutdown -h now"], []]);
  });

  test("goes to nobody where MAAS has taken the machine's address away", async () => {
    await using two = await pairOf();
    await using site = await Site.open({ machines: two.machines });
    await site.query();
    Object.assign(site.nuc1, { addresses: [], status: "Ready" });
    await site.world.wait(45_000);
    expect(await off(site)).toBe("unreachable");
    expect([two.nuc1.commands, two.other.commands]).toEqual([[], []]);
  });

  test("tells in its order that it went to a last known address", async () => {
    await using two = await pairOf();
    await using site = await Site.open({ machines: two.machines });
    await site.query();
    await site.maas.die();
    await site.world.wait(45_000);
    await off(site);
    expect(two.nuc1.commands).toEqual(["shutdown -h now"]);
    const steps = site.world.daemon.power.machine("nuc1").lastOrder?.steps ?? [];
    expect(steps.find(({ what }) => what === "command")?.text).toContain("127.0.0.1 is the address it had");
  });
});

describe("what MAAS tells of a machine", () => {
  const machines = "{ nuc1: { driver: simulated, boot: 0s, shutdown: 0s } }";

  test("stands beside what is known of it here, and is asked anew every minute", async () => {
    await using site = await Site.open({ machines });
    await site.met();
    expect((await site.shape()).maas).toEqual({
      systemId: "k3hxa7",
      hostname: "nuc1",
      status: "Deployed",
      at: expect.any(Number),
    });
    site.nuc1.status = "Releasing";
    await site.world.wait(60_000);
    await until(async () => (await site.shape()).maas?.status === "Releasing");
  });

  test("tells who let MAAS give an order, and why", async () => {
    await using site = await Site.open({ machines });
    await site.met();
    site.maas.wish(site.nuc1, "bob", "starting deployment");
    site.nuc1.status = "Deploying";
    expect(await site.world.run(site.world.maas("nuc1").on())).toBe("on");
    const { power } = site.world.daemon;
    await until(() => power.machine("nuc1").lastOrder?.behind !== undefined);
    expect(power.machine("nuc1").lastOrder?.behind).toEqual({ user: "bob", event: "starting deployment" });
    await until(async () => (await site.shape()).maas?.status === "Deploying");
    // It is in the journal as well, though the order may have ended by then.
    const { orders } = await site.world.see<{ orders: OrderRecord[] }>("/orders");
    expect(orders[0]).toMatchObject({ verb: "on", behind: { user: "bob" } });
  });

  test("tells nobody behind an order of a person", async () => {
    await using site = await Site.open({ machines });
    await site.met();
    site.maas.wish(site.nuc1, "bob", "starting deployment");
    const actor = { id: "user:anna", name: "anna", role: "operator" } as const;
    const { done } = site.world.daemon.power.order({ machine: "nuc1", verb: "on", actor });
    expect(await site.world.run(done)).not.toHaveProperty("behind");
    expect(site.maas.requests.filter((request) => request.includes("events/"))).toEqual([]);
  });

  test("is not waited for: while MAAS hangs its webhooks are answered as ever", async () => {
    await using site = await Site.open({ machines });
    await site.met();
    site.maas.trouble.push(...Array.from({ length: 50 }, () => () => undefined));
    const begun = performance.now();
    expect(await site.world.run(site.world.maas("nuc1").on())).toBe("on");
    expect(await site.world.run(site.world.maas("nuc1").query())).toBe("on");
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  test("is old while MAAS is out of reach, and the daemon tells since when", async () => {
    await using site = await Site.open({ machines });
    await site.met();
    await site.maas.die();
    await site.world.wait(60_000);
    await until(async () => (await site.status()).maasSilent !== undefined);
    const { maasSilent, problems } = await site.status();
    expect(maasSilent).toMatchObject({ since: expect.any(Number), message: expect.any(String) });
    expect(problems).toEqual([]);
    expect((await site.shape()).maas?.status).toBe("Deployed");
    expect(await site.world.run(site.world.maas("nuc1").on())).toBe("on");
  });

  test("is not asked for where nobody speaks of a MAAS", async () => {
    await using maas = await SimulatedMaas.start({ machines: [NUC1] });
    await using world = await World.open({ machines });
    await world.wait(300_000);
    expect((await world.machine("nuc1")).maas).toBeUndefined();
    expect(maas.requests).toEqual([]);
  });
});
