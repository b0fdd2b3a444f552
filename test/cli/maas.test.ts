import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { mac } from "../maas-api/rack.ts";
import { badGateway } from "../simulators/maas.ts";
import type { Failure } from "./cli.ts";
import { DAEMON_URL, MaasPlace, untilStatus } from "./maas-place.ts";

const FAST = "driver: simulated, boot: 0s, shutdown: 0s, lag: 0s";

interface Planned {
  readonly maas: object;
  readonly machines: readonly {
    readonly machine: string;
    readonly change: { readonly kind: string; readonly code?: string };
    readonly outcome?: string;
    readonly error?: { readonly code: string };
  }[];
}

interface VerifiedMachines {
  readonly machines: readonly {
    readonly machine: string;
    readonly ok: boolean;
    readonly cause?: string;
    readonly next?: string;
  }[];
}

test("the whole circle: registered, driven on, off and through a cycle by MAAS, verified, rotated", async () => {
  await using at = await MaasPlace.loggedIn({
    own: `  nuc1: { ${FAST}, mac: "${mac(1)}" }\n`,
    machines: [{ hostname: "sunny-mole", macs: [mac(1)] }],
  });
  const { place, maas } = at;
  await at.serve();
  expect(await place.run("maas", "register", "--yes")).toMatchObject({ code: 0 });
  const machine = maas.machine("sunny-mole");
  const before = machine.parameters["power_token"] ?? "";
  await untilStatus(at, "nuc1", before, 200);

  expect(await maas.power(machine, "query")).toBe("off");
  expect(await maas.power(machine, "on")).toBe("on");
  expect((await place.json<{ machines: object[] }>("status", "nuc1")).machines).toMatchObject([{ state: "on" }]);
  expect(await maas.power(machine, "cycle")).toBe("on");
  expect(await maas.power(machine, "off")).toBe("off");
  const { orders } = await place.json<{ orders: { verb: string; actor: { name: string } }[] }>("orders", "nuc1");
  expect(orders.map(({ verb, actor }) => `${verb} by ${actor.name}`)).toEqual([
    "off by maas:nuc1",
    "on by maas:nuc1",
    "off by maas:nuc1",
    "on by maas:nuc1",
  ]);
  expect(maas.polls(machine)).toBe(true);
  expect(await place.run("maas", "verify")).toMatchObject({
    code: 0,
    out: `MAAS 3.6.2 at ${maas.url} as admin\n✔ nuc1 Off in MAAS, and here\nMAAS switches 1 of 1 machine through this daemon.\n`,
  });

  expect(await place.run("maas", "register", "--rotate", "--yes")).toMatchObject({ code: 0 });
  expect(machine.parameters["power_token"]).not.toBe(before);
  await untilStatus(at, "nuc1", machine.parameters["power_token"] ?? "", 200);
  await untilStatus(at, "nuc1", before, 401);
  expect(await maas.power(machine, "on")).toBe("on");
  expect(await place.json<VerifiedMachines>("maas", "verify")).toMatchObject({ code: 0, machines: [{ ok: true }] });
});

/** What docs/maas.md shows; the outputs there are those of this test. */
const LAB = {
  own: `  nuc1: { ${FAST}, mac: "${mac(1)}" }
  pi4: { ${FAST} }
  db1: { ${FAST}, mac: "${mac(3)}" }
  nuc2: { ${FAST}, mac: "${mac(4)}" }
  old1: { ${FAST} }
`,
  version: "3.7.3",
  machines: [
    { hostname: "sunny-mole", systemId: "k3hxa7", macs: [mac(1)] },
    { hostname: "pi4", systemId: "8fexw2", macs: [mac(2)], status: "Ready" },
    { hostname: "db1", systemId: "q8c4ra", macs: [mac(3)], status: "Deployed", locked: true },
    { hostname: "old1", systemId: "a1b2c3", macs: [mac(5)], domain: "a" },
    { hostname: "old1", systemId: "d4e5f6", macs: [mac(6)], domain: "b" },
  ],
};

test("docs/maas.md shows what plan, register and verify print", async () => {
  await using at = await MaasPlace.loggedIn(LAB);
  const { place, maas } = at;
  const shown = (text: string) =>
    text.replaceAll(maas.url, "http://192.168.1.2:5240/MAAS").replaceAll("203.0.113.", "192.168.1.");
  const printed = async (...args: string[]) => shown((await place.run(...args)).out).trimEnd();
  const page = readFileSync(join(import.meta.dirname, "../../docs/maas.md"), "utf8");
  expect(page).toContain(`$ maasochist maas plan\n${await printed("maas", "plan")}\n`);
  // Who is done first is chance where several are registered at once.
  const registered = (await printed("maas", "register", "nuc1", "--yes")).split("\n");
  expect(page).toContain(`$ maasochist maas register nuc1 --yes\n${registered.join("\n")}\n`);
  await at.serve();
  expect(page).toContain(`$ maasochist maas verify\n${await printed("maas", "verify")}\n`);
});

describe("maas plan and register", () => {
  test("change what is clear, leave the rest alone and say so; a second time there is nothing to do", async () => {
    await using at = await MaasPlace.loggedIn(LAB);
    const { place, maas } = at;
    const kinds = ({ machines }: Planned) =>
      machines.map(({ machine, change }) => `${machine} ${change.code ?? change.kind}`);
    const planned = await place.json<Planned>("maas", "plan");
    expect(planned).toMatchObject({ code: 0, maas: { url: maas.url, version: "3.7.3", user: "admin" } });
    expect(kinds(planned)).toEqual(["nuc1 update", "pi4 update", "db1 locked", "nuc2 missing", "old1 ambiguous"]);
    expect(maas.requests.filter((line) => !line.startsWith("GET"))).toEqual([]);

    const registered = await place.json<Planned>("maas", "register", "--yes");
    expect(registered.code).toBe(5);
    expect(registered.machines.map(({ machine, outcome }) => `${machine} ${outcome}`)).toEqual([
      "nuc1 registered",
      "pi4 registered",
      "db1 refused",
      "nuc2 refused",
      "old1 refused",
    ]);
    const token = maas.machine("pi4").parameters["power_token"] ?? "";
    expect(JSON.stringify(registered) + readFileSync(place.file("maasochist.credentials.json"), "utf8")).not.toContain(
      token,
    );
    const again = await place.run("maas", "register", "nuc1", "pi4", "--yes");
    expect(again).toMatchObject({ code: 0 });
    expect(again.out).toContain("\n0 registered, 2 as before.\n");
    expect(maas.requests.filter((line) => line.startsWith("PUT"))).toHaveLength(2);
    // With nothing to change nobody is asked.
    expect(await place.run("maas", "register", "nuc1")).toMatchObject({ code: 0 });
    expect((await place.run("token", "list")).out).toMatch(/\nmaas:nuc1 +maas +nuc1 +anywhere\n/);
  });

  test("ask first, and without anybody to ask nothing is changed", async () => {
    await using at = await MaasPlace.loggedIn(LAB);
    expect((await at.place.json<Failure>("maas", "register", "nuc1")).error).toMatchObject({
      code: "confirm",
      hint: "Add --yes.",
    });
    expect(at.maas.machine("sunny-mole").powerType).toBe("");
    expect(readCredentials(at)).toEqual([]);
  });

  test("show drift, and mend it", async () => {
    await using at = await MaasPlace.loggedIn(LAB);
    await at.place.run("maas", "register", "nuc1", "--yes");
    const machine = at.maas.machine("sunny-mole");
    machine.parameters = {
      ...machine.parameters,
      power_query_uri: "http://power.lan/maas/nuc1/query",
      power_user: "x",
    };
    const { out } = await at.place.run("maas", "plan", "nuc1");
    expect(out).toContain("power_query_uri, power_user changed\n");
    expect((await at.place.json<VerifiedMachines & Failure>("maas", "verify", "nuc1")).error.code).toBe(
      "daemon_unreachable",
    );
    await at.place.run("maas", "register", "--yes", "nuc1");
    expect(machine.parameters).toMatchObject({ power_query_uri: `${DAEMON_URL}/maas/nuc1/query`, power_user: "" });
  });

  test("take over with --replace, and add with --create and an architecture", async () => {
    await using at = await MaasPlace.loggedIn({
      own: `  a: { ${FAST} }\n  b: { ${FAST}, mac: "${mac(2)}" }\n`,
      machines: [{ hostname: "a", macs: [mac(1)], powerType: "ipmi", parameters: { power_address: "10.0.0.1" } }],
    });
    const { place, maas } = at;
    expect(await place.run("maas", "register", "a", "--yes")).toMatchObject({ code: 1 });
    expect(await place.run("maas", "register", "a", "--replace", "--yes")).toMatchObject({ code: 0 });
    const asked = await place.json<Failure>("maas", "register", "b", "--create", "--yes");
    expect(asked).toMatchObject({ code: 2, error: { code: "usage" } });
    expect(
      await place.run("maas", "register", "b", "--create", "--architecture", "amd64/generic", "--yes"),
    ).toMatchObject({
      code: 0,
    });
    expect(maas.machine("b")).toMatchObject({ status: "New", powerType: "webhook" });
  });

  test("refuse an address that only this host reaches, and an unknown name", async () => {
    await using at = await MaasPlace.loggedIn({ ...LAB, server: "{ listen: 127.0.0.1:6227 }" });
    const { code, out } = await at.place.run("maas", "register", "nuc1", "--yes");
    expect(code).toBe(1);
    expect(out).toContain("! nuc1 is left alone: 127.0.0.1 is an address that only this host reaches\n");
    expect(await at.place.run("maas", "plan", "nuk1")).toMatchObject({ code: 2 });
  });

  test("tell that they wait while MAAS restarts", async () => {
    await using at = await MaasPlace.loggedIn(LAB);
    const { maas, place } = at;
    maas.onRequest = ({ method }) => {
      if (method !== "PUT") return;
      maas.onRequest = undefined;
      maas.trouble.push(badGateway);
    };
    const { code, err } = await place.run("maas", "register", "nuc1", "--yes");
    expect(code).toBe(0);
    expect(err).toContain("machine k3hxa7: a web server answers in the place of MAAS (502); again in 1.0 s\n");
  });

  test("end at Ctrl-C without leaving MAAS a token that does not count", async () => {
    await using at = await MaasPlace.loggedIn(LAB);
    const { maas, place } = at;
    // MAAS takes the token, and says nothing.
    maas.onRequest = ({ method, body }) => {
      if (method !== "PUT") return;
      maas.machine("sunny-mole").takePower(new URLSearchParams(body));
      maas.trouble.push(() => undefined);
      running.child.kill("SIGINT");
    };
    const running = place.start(["maas", "register", "nuc1", "--yes"]);
    const { code, err } = await running.end();
    expect(code).toBe(130);
    expect(err).toContain("error: interrupted\n");
    maas.onRequest = undefined;
    const { out } = await place.run("maas", "register", "nuc1", "--yes");
    expect(out).toContain("0 registered, 1 as before.\n");
  });
});

function readCredentials({ place }: MaasPlace): unknown[] {
  try {
    return (JSON.parse(readFileSync(place.file("maasochist.credentials.json"), "utf8")) as { tokens: unknown[] })
      .tokens;
  } catch {
    return [];
  }
}

describe("maas verify", () => {
  const own = `  well: { ${FAST}, initial: on }
  sick: { driver: simulated, fault: unreachable }
  lost: { ${FAST} }
  blind: { driver: wake-on-lan, mac: "${mac(4)}" }
  new: { ${FAST} }
`;
  const machines = ["well", "sick", "lost", "blind", "new"].map((hostname, index) => ({
    hostname,
    macs: [mac(index + 1)],
  }));

  test("names the cause for each machine that MAAS does not read as the daemon does", async () => {
    await using at = await MaasPlace.loggedIn({ own, machines });
    const { place, maas } = at;
    await place.run("maas", "register", "well", "sick", "lost", "blind", "--yes");
    await at.serve();
    // Of one machine the daemon no longer knows the token that MAAS has, and MAAS has an old one.
    const lost = maas.machine("lost");
    lost.parameters = { ...lost.parameters, power_token: "mso_of_another_daemon" };
    const { code, machines: verified } = await place.json<VerifiedMachines>("maas", "verify");
    expect(code).toBe(5);
    const of = (name: string) => verified.find(({ machine }) => machine === name);
    expect(verified.map(({ machine }) => machine).toSorted()).toEqual(["blind", "lost", "sick", "well"]);
    expect(of("well")).toMatchObject({ ok: true, maas: "on", own: "on" });
    expect(of("sick")?.cause).toMatch(/^MAAS asked, and the daemon cannot read the machine: /);
    expect(of("blind")?.cause).toBe("MAAS asked, and nothing tells the machine's state");
    expect(of("lost")?.cause).toBe(
      "MAAS has other settings (power_token); MAAS's request from 127.0.0.1 arrived and was refused: its token is not known",
    );
    expect(of("lost")?.next).toContain("`maasochist maas register lost`");
  });

  test("tells that MAAS's request never came, and what answers in the daemon's place", async () => {
    await using at = await MaasPlace.loggedIn({
      own,
      machines,
      server: `{ listen: 127.0.0.1:0, url: "http://127.0.0.2:9" }`,
    });
    const { place } = at;
    await at.serve();
    expect((await place.json<Planned>("maas", "plan", "well")).machines[0]?.change.code).toBe("address");
    await using elsewhere = await MaasPlace.loggedIn({ own, machines });
    await elsewhere.place.run("maas", "register", "well", "--yes");
    await elsewhere.serve();
    elsewhere.maas.routes.set(DAEMON_URL, elsewhere.maas.url.replace("/MAAS", ""));
    const { code, machines: verified } = await elsewhere.place.json<VerifiedMachines>("maas", "verify");
    expect(code).toBe(1);
    expect(verified[0]?.cause).toMatch(/^MAAS's request did not arrive/);
  });

  test("needs the daemon, and a machine that is registered", async () => {
    await using at = await MaasPlace.loggedIn({ own, machines });
    expect(await at.place.run("maas", "verify")).toMatchObject({ code: 6 });
    await at.serve();
    expect((await at.place.json<Failure>("maas", "verify")).error.code).toBe("not_registered");
    expect((await at.place.json<VerifiedMachines>("maas", "verify", "new")).machines).toMatchObject([
      { ok: false, cause: "it is not registered" },
    ]);
  });

  test("says of a machine that was entered by hand that it works, though not with a token of its own", async () => {
    await using at = await MaasPlace.loggedIn({ own, machines });
    const { place, maas } = at;
    await at.serve();
    const { token } = await place.json<{ token: string }>("token", "add", "maas");
    await place.run("maas", "register", "well", "--yes");
    const well = maas.machine("well");
    well.parameters = { ...well.parameters, power_token: token };
    await untilStatus(at, "well", token, 200);
    const { code, machines: verified } = await place.json<VerifiedMachines>("maas", "verify", "well");
    expect([code, verified[0]?.ok]).toEqual([0, true]);
    expect(verified[0]?.next).toContain("MAAS has other settings (power_token), and they work.");
  });
});

describe("maas status, print and unregister", () => {
  test("status tells how MAAS knows each machine", async () => {
    await using at = await MaasPlace.loggedIn(LAB);
    await at.place.run("maas", "register", "nuc1", "--yes");
    const { out } = await at.place.run("maas", "status");
    expect(out).toContain("Rack controllers: maas (203.0.113.2)\n");
    expect(out).toMatch(/\nnuc1 +sunny-mole k3hxa7 +New +Unknown \(webhook\) +yes +–\n/);
    expect(out).toMatch(/\npi4 +pi4 8fexw2 +Ready +no power type +no +–\n/);
  });

  test("print gives what MAAS would be given, in every form, and makes a token only when it is told to", async () => {
    await using at = await MaasPlace.open({ own: LAB.own });
    const { place } = at;
    const print = (...args: string[]) => place.run("maas", "print", "nuc1", ...args);
    const form = await print();
    expect(form.out).toContain(
      `\nURI to query the nodes power status ${" ".repeat(28)} ${DAEMON_URL}/maas/nuc1/query\n`,
    );
    expect(form.err).toContain("maasochist maas print nuc1 --token makes one.");
    expect((await print("--format", "cli")).out).toContain(
      String.raw`power_parameters_power_on_regex='status.*\:.*running' \ `.trim(),
    );
    expect((await print("--format", "terraform")).out).toContain(String.raw`power_on_regex   = "status.*\\:.*running"`);
    expect(JSON.parse((await print("--format", "json")).out)).toMatchObject({
      machine: "nuc1",
      power_type: "webhook",
      power_parameters: { power_token: "TOKEN", power_user: "" },
    });
    expect(readCredentials(at)).toEqual([]);
    expect(await place.json("maas", "print", "nuc1", "--token")).toMatchObject({
      code: 0,
      power_parameters: { power_token: expect.stringMatching(/^mso_[A-Za-z0-9]{40}$/) },
    });
    expect(readCredentials(at)).toMatchObject([{ name: "maas:nuc1", machines: ["nuc1"] }]);
    expect(await place.run("maas", "print", "nobody")).toMatchObject({ code: 2 });
    expect(await place.run("maas", "print", "nuc1", "--format", "xml")).toMatchObject({ code: 2 });
  });

  test("unregister lets MAAS go, and the token with it, for a machine that is no longer configured as well", async () => {
    await using at = await MaasPlace.loggedIn(LAB);
    const { place, maas } = at;
    await place.run("maas", "register", "nuc1", "pi4", "--yes");
    place.write("maasochist.yaml", readFileSync(place.file("maasochist.yaml"), "utf8").replace(/^ {2}pi4:.*\n/m, ""));
    expect((await place.json<Failure>("maas", "unregister", "nuc1")).error.code).toBe("confirm");
    const { code, out } = await place.run("maas", "unregister", "nuc1", "pi4", "--yes");
    expect(code).toBe(0);
    expect(out).toContain("✔ pi4 is powered by hand only (power type Manual); its token counts no more\n");
    expect(["sunny-mole", "pi4"].map((name) => maas.machine(name).powerType)).toEqual(["manual", "manual"]);
    expect(readCredentials(at)).toEqual([]);
    expect(await place.run("maas", "unregister", "pi4", "--yes")).toMatchObject({ code: 2 });
  });
});
