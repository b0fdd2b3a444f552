import { describe, expect, test } from "vitest";
import { ANNA } from "../power/lab.ts";
import { Front } from "./front.ts";

const NOBODY = { allowGet: false, names: new Map<string, string>(), plain: [] };

function served(routes: Partial<NonNullable<Front["maaspower"]>> = {}): Front {
  const front = new Front();
  front.maaspower = { ...NOBODY, ...routes };
  return front;
}

describe("maaspower's routes", () => {
  test("answer a query in maaspower's words, which MAAS's default regexes match", async () => {
    await using front = served();
    front.lab.addMachine("nuc1", { initial: "on" });
    front.lab.addMachine("nuc2");
    front.lab.add("blind", {});
    expect(await front.ask("GET", "/maaspower/nuc1/query")).toBe("200 status : running");
    expect(await front.ask("GET", "/maaspower/nuc2/query")).toBe("200 status : stopped");
    expect(await front.ask("GET", "/maaspower/blind/query")).toBe("200 status : unknown");
    expect("status : running").toMatch(/status.*:.*running/);
  });

  test("answer in a bare word where maaspower did, and a POST as well as a GET", async () => {
    await using front = served({ plain: ["plug*"] });
    front.lab.addMachine("plug1", { initial: "on" });
    front.lab.addMachine("plug2");
    expect(await front.ask("GET", "/maaspower/plug1/query")).toBe("200 on");
    expect(await front.ask("POST", "/maaspower/plug2/query")).toBe("200 off");
  });

  test("hold a POST until it is proven, and answer it without a body", async () => {
    await using front = served();
    front.lab.addMachine("nuc1", { boot: "40s" });
    expect(await front.ask("POST", "/maaspower/nuc1/on")).toBe("200 ");
    expect(front.lab.device("nuc1").running).toBe(true);
    expect(await front.ask("POST", "/maaspower/nuc1/off")).toBe("200 ");
    expect(front.lab.device("nuc1").running).toBe(false);
    expect(front.lab.commands("nuc1")).toEqual(["on", "off"]);
  });

  test("answer 202 past the hold, and the order goes on", async () => {
    await using front = served();
    front.lab.addMachine("nuc1", { boot: "110s" });
    expect(await front.ask("POST", "/maaspower/nuc1/on")).toBe("202 ");
    await front.lab.wait(30_000);
    expect(front.lab.power.machine("nuc1").lastOrder).toMatchObject({ state: "done" });
  });

  test("tell a failure as one, where maaspower told success", async () => {
    await using front = served({ plain: ["nuc1"] });
    front.lab.addMachine("nuc1", { fault: "unreachable" });
    expect(await front.ask("POST", "/maaspower/nuc1/on")).toMatch(/^503 \{"error":\{"code":"unreachable",/);
    expect(await front.ask("GET", "/maaspower/nuc1/query")).toMatch(/^503 \{"error":/);
  });

  test("switch by GET only where that is allowed", async () => {
    await using front = served();
    front.lab.addMachine("nuc1");
    expect(await front.ask("GET", "/maaspower/nuc1/on")).toMatch(/^405 .*allow_get/);
    expect(await front.ask("HEAD", "/maaspower/nuc1/on")).toMatch(/^405/);
    expect(front.lab.commands("nuc1")).toEqual([]);
    front.maaspower = { ...NOBODY, allowGet: true };
    expect(await front.ask("GET", "/maaspower/nuc1/on")).toBe("200 ");
    expect(front.lab.commands("nuc1")).toEqual(["on"]);
  });

  test("are not switched by a page of another site, though it may send a GET", async () => {
    await using front = served({ allowGet: true });
    front.lab.addMachine("nuc1");
    for (const headers of [
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
      { Origin: "http://elsewhere.example" },
    ]) {
      expect(await front.ask("GET", "/maaspower/nuc1/on", headers)).toMatch(/^403 .*another site/);
    }
    expect(front.lab.commands("nuc1")).toEqual([]);
    expect(await front.ask("GET", "/maaspower/nuc1/on", { "Sec-Fetch-Site": "none" })).toBe("200 ");
  });

  test("match names in full, where maaspower took the beginning of one for it", async () => {
    await using front = served();
    front.lab.addMachine("pi1", { initial: "on" });
    for (const name of ["pi10", "pi1-prod-db", "pi", "pi1%20", "PI1"]) {
      expect(await front.ask("POST", `/maaspower/${name}/off`)).toMatch(/^422 /);
    }
    expect(front.lab.commands("pi1")).toEqual([]);
  });

  test("know a machine by the name that MAAS has for it, and by its own", async () => {
    await using front = served({ names: new Map([["living room", "nuc1"]]) });
    front.lab.addMachine("nuc1");
    expect(await front.ask("POST", "/maaspower/living%20room/on")).toBe("200 ");
    expect(await front.ask("GET", "/maaspower/nuc1/query")).toBe("200 status : running");
    expect(await front.ask("GET", "/maas/living%20room/query")).toMatch(/^422 /);
  });

  test.each([
    ["/maaspower/nuc9/on", "did you mean"],
    ["/maaspower/nuc1/onn", "did you mean"],
    ["/maaspower/nuc1/ON", "there is no action"],
    ["/maaspower/nuc1/cycle", "there is no action"],
    ["/maaspower/nuc1", "/maaspower/MACHINE/on"],
    ["/maaspower", "/maaspower/MACHINE/on"],
    ["/maaspower/nuc1/on/now", "/maaspower/MACHINE/on"],
    ["/maaspower/status:running/query", "there is no machine"],
  ])("answer 422, never 404, to %s", async (path, says) => {
    await using front = served();
    front.lab.addMachine("nuc1");
    for (const method of ["GET", "POST"]) {
      const answer = await front.ask(method, path);
      expect(answer).toMatch(/^422 /);
      expect(answer).toContain(says);
      expect(answer).not.toMatch(/status.*:.*running/);
    }
    expect(front.lab.commands("nuc1")).toEqual([]);
  });

  test.each([
    "/maaspower/nuc1/query/",
    "/maaspower//nuc1/query",
    "/maaspower/nuc%31/query?x=1",
    "//maaspower/nuc1/query",
  ])("take %s for the same route", async (path) => {
    await using front = served();
    front.lab.addMachine("nuc1");
    expect(await front.ask("GET", path)).toBe("200 status : stopped");
  });

  test("let in only who may see and switch the machine", async () => {
    await using front = served({ names: new Map([["attic", "pi1"]]) });
    front.lab.addMachine("nuc1");
    front.lab.addMachine("pi1");
    expect(await front.ask("GET", "/maaspower/nuc1/query", { Authorization: "" })).toMatch(/^401 /);
    expect(await front.ask("POST", "/maaspower/nuc1/on", { Authorization: "Bearer viewer" })).toMatch(/^403 /);
    const hidden = await front.ask("POST", "/maaspower/attic/on", { Authorization: "Bearer nuc-only" });
    expect(hidden).toMatch(/^422 /);
    expect(hidden).not.toContain("pi1");
    expect([...front.lab.commands("nuc1"), ...front.lab.commands("pi1")]).toEqual([]);
  });

  test("share the click with /maas: whoever comes second joins, and nothing is commanded twice", async () => {
    await using front = served();
    front.lab.addMachine("nuc1", { boot: "20s" });
    await front.port();
    const both = Promise.all([front.ask("POST", "/maaspower/nuc1/on"), front.ask("POST", "/maas/nuc1/on")]);
    expect(await both).toEqual(["200 ", '200 {"result":"done"}']);
    expect(front.lab.commands("nuc1")).toEqual(["on"]);
  });

  test("do not switch on again what a person has just switched off", async () => {
    await using front = served();
    front.lab.addMachine("nuc1", { boot: "5s" });
    expect(await front.ask("POST", "/maaspower/nuc1/on")).toBe("200 ");
    await front.lab.order("nuc1", "off", { actor: ANNA });
    expect(await front.ask("POST", "/maaspower/nuc1/on")).toMatch(/^409 /);
    expect(front.lab.device("nuc1").running).toBe(false);
  });

  test("count as sightings of MAAS, marked as such until MAAS comes by /maas", async () => {
    await using front = served();
    front.lab.addMachine("nuc1");
    await front.ask("GET", "/maaspower/nuc1/query", { "User-Agent": "curl/8" });
    expect(front.sightings.of("nuc1")).toBeUndefined();
    await front.ask("GET", "/maaspower/nuc1/query");
    expect(front.sightings.of("nuc1")).toMatchObject({ agent: "MAAS 3.7.3", route: "maaspower" });
    await front.ask("GET", "/maas/nuc1/query");
    expect(front.sightings.of("nuc1")).not.toHaveProperty("route");
    await front.ask("POST", "/maaspower/nuc1/on");
    expect(front.sightings.of("nuc1")).toMatchObject({ route: "maaspower" });
  });
});

describe("where maaspower's routes are not served", () => {
  test.each(["MAAS 3.7.3", "curl/8"])("%s is answered 422, and told how to have them", async (agent) => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    for (const [method, path] of [
      ["POST", "/maaspower/nuc1/on"],
      ["GET", "/maaspower/nuc1/query"],
    ] as const) {
      expect(await front.ask(method, path, { "User-Agent": agent })).toMatch(/^422 .*compat: maaspower/);
    }
    expect(front.lab.commands("nuc1")).toEqual([]);
  });
});
