import { describe, expect, test } from "vitest";
import { ASSUMED, BUILDERS, HTTP, HTTP_PLUG, METERED, SIMULATED, SSH } from "./builds.ts";
import { Scene } from "./scene.ts";

/** Beside each other where each driver is asked the same: what is waited for is real time, of devices that are not there. */
const MEASURED = BUILDERS.filter((builder) => builder.measures).map((builder) => [builder.name, builder] as const);

/** What MAAS shows where the daemon answered so. */
function failed(status: number): string {
  return `Request failed with response status code: ${status}.`;
}

describe.concurrent.each(MEASURED)("a machine that never obeys, by %s", (_name, builder) => {
  test("is commanded on once in all 21 POSTs of a click, and MAAS does not show it on", async () => {
    await using at = await Scene.open(builder, { stuck: true, settings: "verify: 20s, fresh: 5s" });
    expect(await at.world.run(at.maas.on())).toBe(failed(504));
    expect(at.build.commands).toEqual([builder.on]);
    expect(at.maas.exchanges).toEqual(Array(21).fill("POST /maas/nuc1/on 504"));
  });

  test("is commanded off once, and MAAS does not show it off", async () => {
    await using at = await Scene.open(builder, { initial: "on", stuck: true, settings: "verify: 20s, fresh: 5s" });
    const maas = at.world.maas("nuc1", { attempts: 1 });
    expect(await at.world.run(maas.off())).toBe(failed(504));
    expect(at.build.commands).toEqual([builder.off]);
    expect(at.build.running).toBe(true);
  });
});

/** A packet goes out whether or not anybody is there. */
const ANSWERING = MEASURED.filter(([, builder]) => builder !== SSH);

/** A plug tells nothing of the machine behind it. */
const TELLS_ITSELF = ANSWERING.filter(([, builder]) => builder !== HTTP_PLUG);

describe.concurrent.each(TELLS_ITSELF)("a device that is gone and tells its own state, by %s", (_name, builder) => {
  test("is no state: MAAS shows neither on nor off", async () => {
    await using at = await Scene.open(builder, { initial: "on" });
    await at.build.die();
    const maas = at.world.maas("nuc1", { attempts: 1 });
    expect(await at.world.run(maas.query())).toBe(failed(503));
    expect(maas.exchanges).toEqual(Array(7).fill("GET /maas/nuc1/query 503"));
  });
});

describe.concurrent.each(ANSWERING)("a device that is gone, by %s", (_name, builder) => {
  test("switches nothing, and MAAS shows the failure", async () => {
    await using at = await Scene.open(builder);
    await at.build.die();
    const maas = at.world.maas("nuc1", { attempts: 1 });
    expect(await at.world.run(maas.on())).toMatch(/^Request failed with response status code: 50[23]\.$/);
    expect(at.build.commands).toEqual([]);
  });
});

test("a plug that is gone hides nothing that the machine itself tells", async () => {
  await using at = await Scene.open(HTTP_PLUG, { initial: "on" });
  await at.build.die();
  expect(await at.world.run(at.maas.query())).toBe("on");
});

describe("MAAS's click", () => {
  test.each([SIMULATED, METERED, HTTP, HTTP_PLUG].map((builder) => [builder.name, builder] as const))(
    "is obeyed once the device is back, by %s",
    async (_name, builder) => {
      await using at = await Scene.open(builder);
      await at.build.die();
      void at.world.clock.sleep(10_000).then(() => at.world.clock.busy(at.build.revive()));
      expect(await at.world.run(at.maas.on())).toBe("on");
      expect(at.build.commands).toEqual([builder.on]);
      expect(at.maas.exchanges.slice(0, 2)).toEqual(["POST /maas/nuc1/on 503", "POST /maas/nuc1/on 503"]);
      expect(at.maas.exchanges.slice(-2)).toEqual(["POST /maas/nuc1/on 200", "GET /maas/nuc1/query 200"]);
    },
  );

  test("hears of an order under way after 100 s, and of its failure when it fails", async () => {
    await using at = await Scene.open(SIMULATED, { stuck: true });
    const begun = at.world.clock.now();
    const maas = at.world.maas("nuc1", { attempts: 1 });
    expect(await at.world.run(maas.on())).toBe(failed(504));
    expect(maas.exchanges).toEqual([
      "POST /maas/nuc1/on 202",
      "GET /maas/nuc1/query 200",
      ...Array(6).fill("POST /maas/nuc1/on 504"),
    ]);
    // The order took its 120 s to verify, and MAAS waited 2, 2, 4, 6, 8 and 12 s behind it.
    expect(at.world.clock.now() - begun).toBe(120_000 + 34_000);
    expect(at.build.commands).toEqual(["on"]);
  });

  test("is content with a machine that took longer than its POST was held", async () => {
    await using at = await Scene.open(SIMULATED, { lag: 105_000 });
    expect(await at.world.run(at.maas.on())).toBe("on");
    expect(at.maas.exchanges.slice(0, 3)).toEqual([
      "POST /maas/nuc1/on 202",
      "GET /maas/nuc1/query 200",
      "POST /maas/nuc1/on 200",
    ]);
    expect(at.build.commands).toEqual(["on"]);
  });

  test("goes on over an attempt that is killed after 5 minutes, its connection with it", async () => {
    await using at = await Scene.open(SIMULATED, {
      lag: 400_000,
      settings: "verify: 8m",
      server: '{ listen: "127.0.0.1:0", hold: 10m }',
    });
    expect(await at.world.run(at.maas.on())).toBe("on");
    expect(at.maas.exchanges).toEqual(["POST /maas/nuc1/on -", "POST /maas/nuc1/on 200", "GET /maas/nuc1/query 200"]);
    expect(at.build.commands).toEqual(["on"]);
  });

  test("made by two of its controllers at once is one", async () => {
    await using at = await Scene.open(HTTP, { boot: 5_000 });
    const both = Promise.all([at.maas.on(), at.world.maas("nuc1", { settings: { systemId: "k3hxa7" } }).on()]);
    expect(await at.world.run(both)).toEqual(["on", "on"]);
    expect(at.build.commands).toEqual(["power on"]);
  });

  test("does not switch on again what a person switched off meanwhile", async () => {
    await using at = await Scene.open(SIMULATED);
    // Between the POST that was answered at once, and the query a second later.
    void at.world.clock.sleep(500).then(() => at.world.order({ machine: "nuc1", verb: "off" }));
    expect(await at.world.run(at.maas.on())).toBe(failed(409));
    expect(at.maas.exchanges).toEqual([
      "POST /maas/nuc1/on 200",
      "GET /maas/nuc1/query 200",
      ...Array(20).fill("POST /maas/nuc1/on 409"),
    ]);
    expect(at.build.commands).toEqual(["on", "soft-off"]);
    expect(at.build.running).toBe(false);
  });

  test("is answered 503 when the daemon stops, and nothing is commanded again", async () => {
    await using at = await Scene.open(SIMULATED, { stuck: true });
    const conclusion = at.maas.on();
    await at.world.wait(5_000);
    await at.world.stop();
    expect(await at.world.run(conclusion)).toContain("ECONNREFUSED");
    expect(at.maas.exchanges[0]).toBe("POST /maas/nuc1/on 503");
    expect(at.build.commands).toEqual(["on"]);
  });
});

describe("an order that is under way when the daemon stops", () => {
  test.each([
    ["ends well within the grace", "10s", "done"],
    ["is given up when the grace is over", "2s", "cut_short"],
  ])("%s, and is commanded once", async (_what, grace, state) => {
    const server = `{ listen: "127.0.0.1:0", shutdown_grace: ${grace} }`;
    await using at = await Scene.open(HTTP, { lag: 8_000, server });
    const conclusion = at.maas.on();
    await at.world.wait(3_000);
    await at.world.stop();
    await at.world.run(conclusion);
    expect(at.maas.exchanges[0]).toBe("POST /maas/nuc1/on 503");
    expect(at.world.daemon.power.machine("nuc1").lastOrder?.state).toBe(state);
    expect(at.build.commands).toEqual(["power on"]);
  });
});

test("MAAS's cycle of a machine on a plug leaves it without current for its rest", async () => {
  await using at = await Scene.open(HTTP_PLUG, { initial: "on", settings: "min_off: 7s" });
  const begun = at.world.clock.now();
  expect(await at.world.run(at.maas.cycle())).toBe("on");
  expect(at.world.clock.now() - begun).toBeGreaterThanOrEqual(7_000);
  expect(at.build.commands).toEqual(["relay off", "relay on"]);
});

describe("a machine that halted while its plug feeds it", () => {
  test.each([METERED, HTTP_PLUG].map((builder) => [builder.name, builder] as const))(
    "reads off, and is started by taking the current away for a while, by %s",
    async (_name, builder) => {
      await using at = await Scene.open(builder, { initial: "halted", boot: 4_000, settings: "min_off: 5s" });
      expect(await at.world.run(at.maas.query())).toBe("off");
      const begun = at.world.clock.now();
      expect(await at.world.run(at.maas.on())).toBe("on");
      expect(at.build.commands).toEqual([builder.off, builder.on]);
      expect(at.world.clock.now() - begun).toBeGreaterThanOrEqual(5_000 + 4_000);
      expect(at.build.running).toBe(true);
    },
  );
});

describe("a machine that nothing measures", () => {
  test("is commanded once, and is on for MAAS by what was ordered alone", async () => {
    await using at = await Scene.open(ASSUMED, { stuck: true });
    expect(await at.world.run(at.maas.on())).toBe("on");
    expect(at.build.commands).toEqual(["wake on"]);
    expect(at.world.daemon.power.machine("nuc1").lastOrder).toMatchObject({ state: "done", grade: "assumed" });
  });
});

describe("a mistake in MAAS's form", () => {
  test("such as an unknown machine is a failure, never a success, and switches nothing", async () => {
    await using at = await Scene.open(SIMULATED);
    const maas = at.world.maas("nuc9", { attempts: 1 });
    expect(await at.world.run(maas.on())).toBe(failed(422));
    expect(maas.exchanges).toEqual(Array(7).fill("POST /maas/nuc9/on 422"));
    expect(at.build.commands).toEqual([]);
  });

  test.each(["/maas/nuc1/power_on", "/nuc1/on", "/MAAS/nuc1/on", "/maas/nuc1", "", "/api/v1/machines/nuc1/on"])(
    "such as the path %s is a failure, never a success",
    async (path) => {
      await using at = await Scene.open(SIMULATED);
      const onUri = `${at.world.url}${path}`;
      const maas = at.world.maas("nuc1", { attempts: 1, settings: { onUri } });
      expect(await at.world.run(maas.on())).toBe(failed(422));
      expect(at.build.commands).toEqual([]);
    },
  );

  test.each([["//maas/nuc1/on"], ["/maas/nuc1/on/"], ["/maas/nuc1/on?node=7"], ["/maas/nuc1/on#there"]])(
    "such as the path %s is none",
    async (path) => {
      await using at = await Scene.open(SIMULATED);
      const maas = at.world.maas("nuc1", { settings: { onUri: `${at.world.url}${path}` } });
      expect(await at.world.run(maas.on())).toBe("on");
      expect(at.build.commands).toEqual(["on"]);
    },
  );

  test.each([
    ["a wrong token", { token: "mso_wrong" }, 401],
    ["no credential", { token: "" }, 401],
    ["a token that may only look", { token: "viewer_viewer_viewer" }, 403],
    ["a token that may be used elsewhere", { token: "elsewhere_elsewhere" }, 403],
    ["a token for other machines", { token: "others_others_others" }, 422],
  ] as const)("such as %s is a failure, and switches nothing", async (_what, settings, status) => {
    const access = `{ tokens: [
      { name: viewer, token: viewer_viewer_viewer, role: viewer },
      { name: elsewhere, token: elsewhere_elsewhere, role: maas, from: [192.0.2.0/24] },
      { name: others, token: others_others_others, role: maas, machines: ["pi*"] } ] }`;
    await using at = await Scene.open(SIMULATED, { access });
    const maas = at.world.maas("nuc1", { attempts: 1, settings });
    const conclusion = await at.world.run(maas.on());
    // Wrong tokens are slowed down after some.
    expect(conclusion).toMatch(status === 401 ? /401|429/ : failed(status));
    expect(maas.exchanges[0]).toBe(`POST /maas/nuc1/on ${status}`);
    expect(at.build.commands).toEqual([]);
  });
});
