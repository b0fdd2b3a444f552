import { describe, expect, test } from "vitest";
import { Lab } from "./lab.ts";

/** The spec of a machine that is not configured, on the hub of that name. */
function tried(lab: Lab, hub: string, outlet: string) {
  const draft = new Lab();
  draft.add("tried", { query: { kind: "one", outlet: lab.outlet(hub, { outlet, initial: "on" }) } });
  const [spec] = draft.machines;
  if (!spec) throw new Error("the draft is empty");
  return spec;
}

describe("a machine that is tried out", () => {
  test("takes turns with the others on a hub that is configured, and becomes none of them", async () => {
    await using lab = new Lab();
    lab.add("nuc1", { query: { kind: "one", outlet: lab.outlet("strip", { outlet: "1" }) } });
    await lab.run(lab.power.query("nuc1"));
    const { count = 0 } = lab.power.hubs()[0]?.exchanges ?? {};
    expect(await lab.run(lab.power.tryOut(tried(lab, "strip", "2")))).toMatchObject({ state: "on" });
    expect(lab.power.hubs().map(({ machines, exchanges }) => [machines, exchanges.count])).toEqual([
      [["nuc1"], count + 1],
    ]);
    expect(lab.power.names).toEqual(["nuc1"]);
  });

  test("is measured on a hub of its own where none is configured, of which nothing is kept", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    await lab.run(lab.power.query("nuc1"));
    lab.signals.length = 0;
    expect(await lab.run(lab.power.tryOut(tried(lab, "strip", "1")))).toMatchObject({ state: "on" });
    expect(lab.power.hubs().map(({ spec }) => spec.name)).toEqual(["nuc1"]);
    expect([lab.notebook.pin("strip"), lab.notebook.get("tried"), lab.signals]).toEqual([undefined, {}, []]);
  });

  test("is not believed where another device answers than the one that is pinned", async () => {
    await using lab = new Lab();
    lab.notebook.setPin("strip", { id: "serial 7", at: 0 });
    lab.addMachine("nuc1");
    const trial = lab.power.tryOut(tried(lab, "strip", "1"));
    await expect(lab.run(trial)).rejects.toMatchObject({ code: "wrong_device" });
    expect(lab.notebook.pin("strip")).toEqual({ id: "serial 7", at: 0 });
  });
});
