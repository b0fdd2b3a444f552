/**
 * The life of one machine on a plug with a meter, as MAAS leads it: enlisted, commissioned, deployed, released, with people
 * and a dead plug in between. At each step stands what MAAS concludes, and what the plug was told for it.
 */
import { expect, test } from "vitest";
import { simulatedHub } from "../../src/wire/simulation.ts";
import { VirtualClock } from "../virtual-clock.ts";
import type { Maas } from "./client.ts";
import { World } from "./world.ts";

const MIN_OFF_MS = 5_000;
/** From being fed to running. */
const BOOT_MS = 25_000;

class Life implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly world: World;
  readonly #hub: ReturnType<typeof simulatedHub>;
  #looked = 0;

  private constructor(clock: VirtualClock, world: World, hub: ReturnType<typeof simulatedHub>) {
    this.clock = clock;
    this.world = world;
    this.#hub = hub;
  }

  static async begin(): Promise<Life> {
    const clock = new VirtualClock();
    const name = `life-${process.pid}`;
    const hub = simulatedHub(`${name}/rack`, { clock, latency: 0 });
    const world = await World.open({
      clock,
      hubs: `{ rack: { driver: simulated, world: ${name} } }`,
      machines: `{ nuc1: { hub: rack, outlet: 1, kind: plug, boot: ${BOOT_MS}ms, above: 6W, min_off: ${MIN_OFF_MS}ms } }`,
    });
    const life = new Life(clock, world, hub);
    // Its first reading makes the machine behind the outlet.
    await world.run(world.maas("nuc1").query());
    return life;
  }

  /** The machine behind the plug. */
  get machine() {
    const machine = this.#hub.outlet("1");
    if (!machine) throw new Error("nothing was asked of the plug yet");
    return machine;
  }

  get running(): boolean {
    return this.machine.running;
  }

  /** What the plug was told since this was last asked. */
  told(): string[] {
    const { commands } = this.machine;
    const since = commands.slice(this.#looked).map(({ command }) => command);
    this.#looked = commands.length;
    return since;
  }

  /** For how long the plug was open the last time (ms). */
  get rested(): number {
    const [off, on] = this.machine.commands.slice(-2);
    return off?.command === "off" && on?.command === "on" ? on.at - off.at : 0;
  }

  /** What MAAS concludes from it, with its exchanges fresh. */
  maas(act: (maas: Maas) => Promise<string>, attempts = 3): Promise<string> {
    return this.world.run(act(this.world.maas("nuc1", { attempts })));
  }

  /** A person's order by the command line, and its end. */
  async person(verb: "on" | "off"): Promise<void> {
    await this.world.order({ machine: "nuc1", verb });
    while ((await this.world.machine("nuc1")).order) await this.world.wait(1_000);
  }

  /** What the machine's own software does: it works for a while, and halts. Nobody tells the plug. */
  async worksAndHalts(ms: number): Promise<void> {
    await this.world.wait(ms);
    this.machine.halt();
  }

  async plugDies(): Promise<void> {
    this.#hub.reachable = false;
    await this.world.wait(2_000);
  }

  plugComesBackIn(ms: number): void {
    void this.clock.sleep(ms).then(() => {
      this.#hub.reachable = true;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.world[Symbol.asyncDispose]();
  }
}

test("a machine on a plug lives through enlistment, commissioning, deployment and release", async () => {
  await using life = await Life.begin();
  const query = (maas: Maas) => maas.query();
  const on = (maas: Maas) => maas.on();
  const off = (maas: Maas) => maas.off();

  // New, and its plug open.
  expect(await life.maas(query)).toBe("off");
  expect(life.told()).toEqual([]);

  // Enlistment: MAAS does not know its power yet, so a person switches it on. It boots by network, tells MAAS of itself
  // and halts behind the closed plug.
  await life.person("on");
  expect(life.running).toBe(true);
  await life.worksAndHalts(120_000);
  expect([life.running, life.machine.fed]).toEqual([false, true]);
  await life.world.wait(35_000);
  expect(await life.maas(query)).toBe("off");
  expect(life.told()).toEqual(["on"]);

  // Commissioning: the plug is closed already, so it is opened, rested and closed; once, in spite of all repeats.
  expect(await life.maas(on)).toBe("on");
  expect(life.running).toBe(true);
  expect(life.told()).toEqual(["off", "on"]);
  expect(life.rested).toBeGreaterThanOrEqual(MIN_OFF_MS);
  // MAAS polls while it works, and when it has halted itself once more.
  await life.world.wait(300_000);
  expect(await life.maas(query)).toBe("on");
  await life.worksAndHalts(300_000);
  await life.world.wait(35_000);
  expect(await life.maas(query)).toBe("off");
  // MAAS makes sure: it is off, and nothing needs to be done.
  expect(await life.maas(off)).toBe("off");
  expect(life.told()).toEqual([]);
  expect(life.machine.fed).toBe(true);

  // Ready, and a person at the plug itself opens it for the night.
  life.machine.byHand("off");
  await life.world.wait(35_000);
  expect(await life.maas(query)).toBe("off");

  // Deployment: MAAS cycles, which for a machine that reads off is one on. This time the plug was open.
  expect(await life.maas((maas) => maas.cycle())).toBe("on");
  expect(life.told()).toEqual(["on"]);
  await life.world.wait(600_000);
  expect(await life.maas(query)).toBe("on");
  // Deploying again what runs is one off and one on.
  expect(await life.maas((maas) => maas.cycle())).toBe("on");
  expect(life.told()).toEqual(["off", "on"]);
  expect(life.rested).toBeGreaterThanOrEqual(MIN_OFF_MS);

  // Deployed, and a person switches it off while MAAS is about to see to it that it is on: the person has the last word.
  await life.world.wait(60_000);
  await life.person("off");
  expect(life.told()).toEqual(["off"]);
  const click = life.maas(on, 1);
  void life.clock.sleep(10_000).then(() => life.world.order({ machine: "nuc1", verb: "off" }));
  expect(await click).toBe("Request failed with response status code: 409.");
  expect(life.running).toBe(false);
  // What MAAS wanted was begun, and taken back.
  expect(life.told()).toEqual(["on", "off"]);
  await life.world.wait(60_000);
  expect(await life.maas(query)).toBe("off");
  await life.person("on");
  expect(await life.maas(query)).toBe("on");
  expect(life.told()).toEqual(["on"]);

  // The plug dies. MAAS shows neither on nor off, and what runs goes on to run.
  await life.plugDies();
  expect(await life.maas(query, 1)).toBe("Request failed with response status code: 503.");
  expect(life.running).toBe(true);

  // Release while it is dead: MAAS repeats, and when the plug is back it is opened, once.
  life.plugComesBackIn(15_000);
  expect(await life.maas(off)).toBe("off");
  expect(life.told()).toEqual(["off"]);
  expect([life.running, life.machine.fed]).toEqual([false, false]);
  expect(await life.maas(query)).toBe("off");
  expect(life.told()).toEqual([]);

  // In the whole of its life the plug was told nothing but what stands above.
  expect(life.machine.commands.map(({ command }) => command)).toEqual([
    "on",
    "off",
    "on",
    "on",
    "off",
    "on",
    "off",
    "on",
    "off",
    "on",
    "off",
  ]);
  expect((await life.world.machine("nuc1")).lastOrder).toMatchObject({ verb: "off", state: "done", grade: "measured" });
});
