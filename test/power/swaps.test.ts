import { describe, expect, test } from "vitest";
import { Lab, MAAS, RACK2 } from "./lab.ts";

describe("a machine whose order is under way", () => {
  test("stays as it is through a change of its configuration, until the order has ended", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "10s" });
    const { power } = lab;
    const { done } = power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    power.reconfigure({ machines: lab.machines.map((spec) => ({ ...spec, verify: 60_000 })), limits: [] });
    expect(power.machine("nuc1").spec.verify).toBe(120_000);
    await lab.run(done);
    expect(power.machine("nuc1").spec.verify).toBe(60_000);
  });

  test("is changed before the next one runs that waits for its end", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "10s" });
    const { power } = lab;
    const on = power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    power.reconfigure({ machines: lab.machines.map((spec) => ({ ...spec, how: "soft" as const })), limits: [] });
    const off = power.order({ machine: "nuc1", verb: "off", actor: RACK2 });
    expect(power.machine("nuc1").spec.how).toBeUndefined();
    await expect(lab.run(on.done)).rejects.toMatchObject({ code: "superseded" });
    await lab.run(off.done);
    expect(lab.commands("nuc1")).toContain("soft-off");
    expect(lab.commands("nuc1")).not.toContain("off");
    expect(lab.device("nuc1").running).toBe(false);
  });
});
