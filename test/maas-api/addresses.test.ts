import { describe, expect, test } from "vitest";
import { MaasAddresses } from "../../src/maas/addresses.ts";
import { MaasDirectory } from "../../src/maas/directory.ts";
import type { OwnMachine } from "../../src/maas/match.ts";
import { failureOf } from "../expecting.ts";
import type { MachineSeed } from "../simulators/maas-machine.ts";
import { maasFailureOf, Region } from "./region.ts";

const NUC1 = { hostname: "nuc1", systemId: "k3hxa7", addresses: ["192.0.2.7"], status: "Deployed" };

/** A directory and the addresses of it, over a MAAS that answers or not, and a clock that a test moves. */
class Scene implements AsyncDisposable {
  readonly region: Region;
  readonly places = new Map<string, { readonly address: string; readonly at: number }>();
  readonly own: OwnMachine[] = [{ name: "nuc1", enabled: true }];
  now = Date.UTC(2026, 0, 1);
  readonly #directories: MaasDirectory[] = [];

  private constructor(region: Region) {
    this.region = region;
  }

  static async open(...machines: MachineSeed[]): Promise<Scene> {
    return new Scene(await Region.open({ machines, client: { patienceMs: 0 } }));
  }

  get maas() {
    return this.region.maas;
  }

  get nuc1() {
    return this.maas.machine("nuc1");
  }

  /** As a daemon has them that has just started. */
  start() {
    const now = () => this.now;
    const client = () => Promise.resolve(this.region.client);
    const directory = new MaasDirectory({ own: () => this.own, client, now });
    this.#directories.push(directory);
    const memory = {
      place: (machine: string) => this.places.get(machine),
      setPlace: (machine: string, place: { readonly address: string; readonly at: number }) =>
        void this.places.set(machine, place),
    };
    return { directory, addresses: new MaasAddresses({ directory, memory, now }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const directory of this.#directories) directory[Symbol.dispose]();
    await this.region[Symbol.asyncDispose]();
  }
}

describe("the address of a machine", () => {
  test("is asked of MAAS, and good for 30 s", async () => {
    await using scene = await Scene.open(NUC1);
    const { addresses } = scene.start();
    expect(await addresses.find("nuc1")).toEqual({ address: "192.0.2.7" });
    scene.nuc1.addresses = ["192.0.2.8"];
    scene.now += 30_000;
    expect(await addresses.find("nuc1")).toEqual({ address: "192.0.2.7" });
    scene.now += 1;
    expect(await addresses.find("nuc1")).toEqual({ address: "192.0.2.8" });
  });

  test("is asked anew as soon as it is doubted, if not every time", async () => {
    await using scene = await Scene.open(NUC1);
    const { addresses } = scene.start();
    await addresses.find("nuc1");
    scene.nuc1.addresses = ["192.0.2.8"];
    scene.now += 1_000;
    addresses.doubt("nuc1");
    expect(await addresses.find("nuc1")).toEqual({ address: "192.0.2.7" });
    scene.now += 1_001;
    expect(await addresses.find("nuc1")).toEqual({ address: "192.0.2.8" });
  });

  test("is that of the list that was just asked for", async () => {
    await using scene = await Scene.open(NUC1);
    const { directory, addresses } = scene.start();
    await directory.refresh();
    const before = scene.maas.requests.length;
    expect(await addresses.find("nuc1")).toEqual({ address: "192.0.2.7" });
    expect(scene.maas.requests).toHaveLength(before);
  });

  test("is that of an interface with IPv4, where there are several", async () => {
    await using scene = await Scene.open({ ...NUC1, addresses: ["2001:db8::7", "192.0.2.7"] });
    expect(await scene.start().addresses.find("nuc1")).toEqual({ address: "192.0.2.7" });
  });

  test("is found where the machine was deleted in MAAS and enlisted again", async () => {
    await using scene = await Scene.open(NUC1);
    const { addresses } = scene.start();
    await addresses.find("nuc1");
    scene.maas.machines.pop();
    scene.maas.add({ hostname: "nuc1", systemId: "8fexw2", addresses: ["192.0.2.9"] });
    scene.now += 31_000;
    expect(await addresses.find("nuc1")).toEqual({ address: "192.0.2.9" });
  });

  test("is not known of a machine that MAAS does not have", async () => {
    await using scene = await Scene.open();
    expect(await failureOf(scene.start().addresses.find("nuc1"))).toMatchObject({
      code: "unreachable",
      message: "the address of nuc1 is not known: MAAS has no such machine",
    });
  });

  test("is not guessed where MAAS has none and never had", async () => {
    await using scene = await Scene.open({ ...NUC1, addresses: [], status: "Ready" });
    expect(await failureOf(scene.start().addresses.find("nuc1"))).toMatchObject({
      code: "unreachable",
      message: "the address of nuc1 is not known: MAAS has none for it now (Ready)",
    });
  });

  test("is the last one where MAAS has none any more, and that is said", async () => {
    await using scene = await Scene.open(NUC1);
    const { addresses } = scene.start();
    await addresses.find("nuc1");
    scene.nuc1.addresses = [];
    scene.nuc1.status = "Ready";
    scene.now += 600_000;
    expect(await addresses.find("nuc1")).toEqual({
      address: "192.0.2.7",
      doubt: "192.0.2.7 is the address it had 10 min ago, and MAAS has none for it now (Ready)",
      gone: true,
    });
  });
});

describe("where MAAS is out of reach", () => {
  test("the last known address stands in, over restarts, and that is said", async () => {
    await using scene = await Scene.open(NUC1);
    await scene.start().addresses.find("nuc1");
    await scene.maas.die();
    scene.now += 3 * 3_600_000;
    const found = await scene.start().addresses.find("nuc1");
    expect(found).toMatchObject({ address: "192.0.2.7" });
    expect(found.doubt).toMatch(/^192\.0\.2\.7 is the address it had 3 h ago, and MAAS cannot be asked: /);
  });

  test("one that was never known is a failure", async () => {
    await using scene = await Scene.open(NUC1);
    await scene.maas.die();
    expect(await failureOf(scene.start().addresses.find("nuc1"))).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("the address of nuc1 is not known: MAAS cannot be asked: "),
    });
  });

  test("one that MAAS had taken away before stays taken away", async () => {
    await using scene = await Scene.open(NUC1);
    const { directory, addresses } = scene.start();
    await addresses.find("nuc1");
    scene.nuc1.addresses = [];
    await directory.refresh();
    await scene.maas.die();
    scene.now += 60_000;
    expect(await addresses.find("nuc1")).toMatchObject({ address: "192.0.2.7", gone: true });
  });

  test("nobody waits for a MAAS that hangs but the first, and he for 2 s", async () => {
    await using scene = await Scene.open(NUC1);
    const { directory, addresses } = scene.start();
    await addresses.find("nuc1");
    scene.maas.trouble.push(() => undefined);
    scene.now += 31_000;
    const begun = performance.now();
    expect(await addresses.find("nuc1")).toMatchObject({ doubt: expect.stringContaining("within 2 s") });
    expect(performance.now() - begun).toBeLessThan(3_000);
    const second = performance.now();
    await addresses.find("nuc1");
    expect(performance.now() - second).toBeLessThan(100);
    expect(directory.silence).toMatchObject({ since: scene.now, code: "timeout" });
  });

  test("it is tried again behind everybody's back, and found when it answers", async () => {
    await using scene = await Scene.open(NUC1);
    const { directory, addresses } = scene.start();
    await addresses.find("nuc1");
    scene.nuc1.addresses = ["192.0.2.8"];
    scene.maas.trouble.push((response) => response.writeHead(500).end("no"));
    scene.now += 31_000;
    expect(await addresses.find("nuc1")).toMatchObject({ address: "192.0.2.7" });
    scene.now += 10_000;
    await addresses.find("nuc1");
    // The attempt that was begun is shared.
    await directory.refresh();
    expect(directory.silence).toBeUndefined();
    expect(await addresses.find("nuc1")).toEqual({ address: "192.0.2.8" });
  });
});

describe("the directory", () => {
  test("asks for all machines in one request, once it knows which is which", async () => {
    await using scene = await Scene.open(NUC1, { hostname: "nuc2", systemId: "8fexw2", macs: ["00:00:5e:00:53:02"] });
    scene.own.push({ name: "second", mac: "00:00:5e:00:53:02", enabled: true });
    const { directory } = scene.start();
    await directory.refresh();
    const before = scene.maas.requests.length;
    await directory.refresh();
    expect(scene.maas.requests.slice(before)).toEqual(["GET machines/?id=k3hxa7&id=8fexw2 200"]);
    expect(directory.of("second")).toMatchObject({ systemId: "8fexw2", hostname: "nuc2", status: "New" });
  });

  test("forgets a machine that could be either of two", async () => {
    await using scene = await Scene.open(NUC1);
    const { directory } = scene.start();
    await directory.refresh();
    scene.own.push({ name: "other", hostname: "nuc1", enabled: true });
    await directory.refresh();
    expect([directory.of("nuc1"), directory.of("other")]).toEqual([undefined, undefined]);
  });

  test("tells since when MAAS cannot be asked, until it answers", async () => {
    await using scene = await Scene.open(NUC1);
    const { directory } = scene.start();
    const since = scene.now;
    scene.maas.trouble.push((response) => response.writeHead(401).end("Authorization Error: Invalid API key."));
    expect(await maasFailureOf(directory.refresh())).toMatchObject({ code: "key" });
    scene.now += 60_000;
    scene.maas.trouble.push((response) => response.writeHead(500).end("no"));
    expect(await maasFailureOf(directory.refresh())).toMatchObject({ code: "failed" });
    expect(directory.silence).toMatchObject({ since, code: "failed" });
    await directory.refresh();
    expect(directory.silence).toBeUndefined();
  });
});
