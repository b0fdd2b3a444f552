import { describe, expect, test } from "vitest";
import { BUILDERS } from "./builds.ts";
import { Scene } from "./scene.ts";

describe.concurrent.each(BUILDERS.map((builder) => [builder.name, builder] as const))(
  "by %s, MAAS",
  (_name, builder) => {
    const { on, off, measures } = builder;

    test("switches a machine on by one command, and shows it on", async () => {
      await using at = await Scene.open(builder, { boot: 3_000 });
      expect(await at.world.run(at.maas.on())).toBe("on");
      await at.world.wait(3_000);
      expect(at.build.running).toBe(true);
      expect(at.build.commands).toEqual([on]);
      expect(at.maas.exchanges).toEqual(["POST /maas/nuc1/on 200", "GET /maas/nuc1/query 200"]);
    });

    test("switches a machine off by one command, and shows it off", async () => {
      await using at = await Scene.open(builder, { initial: "on" });
      expect(await at.world.run(at.maas.off())).toBe("off");
      expect(at.build.running).toBe(false);
      expect(at.build.commands).toEqual([off]);
      expect(at.maas.exchanges).toEqual(["POST /maas/nuc1/off 200", "GET /maas/nuc1/query 200"]);
    });

    test("shows what it is, and commands nothing by asking", async () => {
      await using running = await Scene.open(builder, { initial: "on" });
      await using stopped = await Scene.open(builder);
      expect(await running.world.run(running.maas.query())).toBe(measures ? "on" : "unknown");
      expect(await stopped.world.run(stopped.maas.query())).toBe(measures ? "off" : "unknown");
      expect([...running.build.commands, ...stopped.build.commands]).toEqual([]);
    });

    test("cycles a running machine by one off and one on", async () => {
      await using at = await Scene.open(builder);
      await at.world.run(at.maas.on());
      expect(await at.world.run(at.maas.cycle())).toBe("on");
      expect(at.build.running).toBe(true);
      expect(at.build.commands).toEqual([on, off, on]);
    });

    test("only switches on a machine that it cycles while it is off", async () => {
      await using at = await Scene.open(builder);
      expect(await at.world.run(at.maas.cycle())).toBe("on");
      expect(at.build.commands).toEqual([on]);
    });

    test("waits for a machine that takes a minute, with one POST and one command", async () => {
      await using at = await Scene.open(builder, { lag: 60_000 });
      const begun = at.world.clock.now();
      expect(await at.world.run(at.maas.on())).toBe("on");
      expect(at.world.clock.now() - begun).toBeGreaterThanOrEqual(measures ? 60_000 : 0);
      expect(at.build.commands).toEqual([on]);
      expect(at.maas.exchanges).toEqual(["POST /maas/nuc1/on 200", "GET /maas/nuc1/query 200"]);
    });
  },
);

describe.concurrent.each(
  BUILDERS.filter((builder) => builder.measures).map((builder) => [builder.name, builder] as const),
)("by %s, MAAS", (_name, builder) => {
  test("leaves alone a machine that is where it is wanted", async () => {
    await using running = await Scene.open(builder, { initial: "on" });
    await using stopped = await Scene.open(builder);
    expect(await running.world.run(running.maas.on())).toBe("on");
    expect(await stopped.world.run(stopped.maas.off())).toBe("off");
    expect([...running.build.commands, ...stopped.build.commands]).toEqual([]);
  });
});
