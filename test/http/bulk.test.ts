import { expect, test } from "vitest";
import type { OrderRecord } from "../../src/power/order.ts";
import { until } from "../expecting.ts";
import { bearer, House, token } from "./house.ts";

const tokens = [
  token("anna"),
  token("otto", { role: "admin" }),
  token("nucs", { role: "operator", machines: ["nuc*"] }),
];
const instant = { boot: "0s", shutdown: "0s" };

interface Result {
  readonly machine: string;
  readonly order?: OrderRecord;
  readonly error?: { readonly code: string; readonly message: string };
}

async function bulk(house: House, body: Record<string, unknown>, as = "anna"): Promise<Result[]> {
  const answer = await house.ask("/api/v1/orders/bulk", { method: "POST", as: bearer(as), body });
  expect(answer.status).toBe(202);
  return answer.json<{ results: Result[] }>().results;
}

test("each machine of a bulk order is switched, or told why not, whatever becomes of the others", async () => {
  await using house = await House.open({
    tokens,
    machines: (lab) => {
      lab.addMachine("nuc1", instant);
      lab.addMachine("nuc2", instant, { enabled: false });
      lab.addMachine("nuc3", { ...instant, fault: "refuses" });
      lab.addMachine("pi1", instant);
    },
  });
  const results = await bulk(house, {
    machines: ["nuc1", "nuc2", "absent", "nuc3", "nuc1"],
    verb: "on",
    reason: "rack 2",
  });
  expect(results).toMatchObject([
    { machine: "nuc1", order: { verb: "on", reason: "rack 2", actor: { id: "token:anna" } } },
    { machine: "nuc2", error: { code: "disabled" } },
    { machine: "absent", error: { code: "not_found" } },
    { machine: "nuc3", order: { machine: "nuc3" } },
  ]);
  await house.lab.wait(5_000);
  expect(["nuc1", "nuc2", "pi1"].map((name) => house.lab.commands(name))).toEqual([["on"], [], []]);
  const failed = await house.ask(`/api/v1/orders/${results[3]?.order?.id}`, { as: bearer("anna") });
  expect(failed.json()).toMatchObject({ order: { state: "failed", error: { code: "refused" } } });
});

test("a bulk order does not reach machines that its caller may not see, and forces nothing for who is no admin", async () => {
  await using house = await House.open({
    tokens,
    machines: (lab) => {
      lab.addMachine("nuc1", { ...instant, initial: "on" }, { protect: "all" });
      lab.addMachine("pi1", { ...instant, initial: "on" });
    },
  });
  const [hidden, absent] = await bulk(house, { machines: ["pi1", "zz9"], verb: "off" }, "nucs");
  expect(JSON.stringify(hidden).replaceAll("pi1", "NAME")).toBe(JSON.stringify(absent).replaceAll("zz9", "NAME"));
  const forced = { machines: ["nuc1"], verb: "off", force: true };
  const refused = await house.ask("/api/v1/orders/bulk", { method: "POST", as: bearer("anna"), body: forced });
  expect(refused.status).toBe(403);
  await house.lab.wait(1_000);
  expect([...house.lab.commands("pi1"), ...house.lab.commands("nuc1")]).toEqual([]);
  expect(await bulk(house, forced, "otto")).toMatchObject([{ machine: "nuc1", order: { forced: true } }]);
  await house.lab.wait(5_000);
  expect(house.lab.device("nuc1").running).toBe(false);
});

test("MAAS's polls are answered while many orders are taken", async () => {
  const names = Array.from({ length: 121 }, (_, number) => `nuc${number}`);
  await using house = await House.open({
    tokens,
    machines: (lab) => {
      for (const name of names) lab.addMachine(name, instant, { fresh: 60_000 });
    },
  });
  await house.lab.run(house.lab.power.query("nuc120"));
  let answered = false;
  const taken = bulk(house, { machines: names.slice(0, 120), verb: "on" }).finally(() => {
    answered = true;
  });
  await until(() => house.lab.signals.some(({ kind }) => kind === "order:accepted"));
  const poll = await house.ask("/maas/nuc120/query", { as: bearer("anna") });
  expect([poll.text, answered]).toEqual(['{"status":"stopped"}', false]);
  expect(await taken).toHaveLength(120);
});
