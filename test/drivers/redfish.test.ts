import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import redfish from "../../src/drivers/redfish.ts";
import { failureOf, until } from "../expecting.ts";
import { BMC_PASSWORD, RedfishBmc, type RedfishOptions } from "../simulators/redfish.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { HubRun } from "./hub-run.ts";

const TLS = join(import.meta.dirname, "../fixtures/tls");
const pem = (name: string) => readFileSync(join(TLS, name), "utf8");

class Bench implements AsyncDisposable {
  readonly bmc: RedfishBmc;
  readonly run: HubRun;

  private constructor(bmc: RedfishBmc, hub: object) {
    this.bmc = bmc;
    this.run = new HubRun(redfish, { ...bmc.hub, ...hub }, { timeout: 2_000 });
  }

  static async open(options: RedfishOptions = {}, hub: object = {}): Promise<Bench> {
    return new Bench(await RedfishBmc.start(options), hub);
  }

  /** Requests on systems, without those that open and find. */
  get asked(): string[] {
    return this.bmc.requests.filter((request) => /Systems\/./.test(request));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run[Symbol.asyncDispose]();
    await this.bmc[Symbol.asyncDispose]();
  }
}

/** Answers reads as a system that is off does, and everything else so. */
function breakOn(
  bmc: RedfishBmc,
  method: string,
  answer: (response: Parameters<NonNullable<RedfishBmc["handler"]>>[1]) => void = (response) => response.destroy(),
): { count: number } {
  const seen = { count: 0 };
  bmc.handler = (request, response) => {
    if (request.method === method) {
      seen.count += 1;
      answer(response);
    } else {
      const Actions = { "#ComputerSystem.Reset": { target: "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset" } };
      response.end(JSON.stringify({ PowerState: "Off", Actions }));
    }
  };
  return seen;
}

describe("who asks", () => {
  test("is told once, by a session that is ended when nobody needs it any more", async () => {
    const at = await Bench.open();
    await at.run.query();
    await at.run.command("on");
    expect(at.bmc.openSessions).toBe(1);
    await at.run[Symbol.asyncDispose]();
    expect(at.bmc.openSessions).toBe(0);
    await at.bmc[Symbol.asyncDispose]();
    const told = at.bmc.requests.map((request) => request.split(" ", 2).join(" "));
    expect(told.slice(0, 2)).toEqual(["nobody GET", "nobody POST"]);
    expect(new Set(told.slice(2))).toEqual(new Set(["token GET", "token POST", "token DELETE"]));
  });

  test.each(["none", "full"] as const)("goes with every request where sessions are %s", async (sessions) => {
    await using at = await Bench.open({ sessions });
    await at.run.command("on");
    expect(at.bmc.power()).toBe("on");
    expect(at.asked.every((request) => request.startsWith("basic "))).toBe(true);
  });

  test("goes with every request where the configuration says so", async () => {
    await using at = await Bench.open({}, { auth: "basic" });
    await at.run.command("on");
    expect(at.bmc.requests.filter((request) => request.includes("Session"))).toEqual([]);
    expect(at.bmc.power()).toBe("on");
  });

  test("fails where only a session is allowed, and none is to be had", async () => {
    await using full = await Bench.open({ sessions: "full" }, { auth: "session" });
    await using none = await Bench.open({ sessions: "none" }, { auth: "session" });
    expect(await failureOf(full.run.command("on"))).toMatchObject({ code: "busy", mayHaveActed: false });
    expect(await failureOf(none.run.command("on"))).toMatchObject({ code: "unsupported", mayHaveActed: false });
    expect([...full.bmc.commands, ...none.bmc.commands]).toEqual([]);
  });

  test("is told anew when the session has expired, and the command is sent once", async () => {
    await using at = await Bench.open();
    await at.run.query();
    at.bmc.expireSessions();
    await at.run.command("on");
    expect(at.bmc.power()).toBe("on");
    expect(at.bmc.commands).toEqual(["On 1"]);
  });

  test("is refused with a wrong password, which no failure repeats", async () => {
    await using at = await Bench.open({}, { password: "another-password" });
    const failure = await failureOf(at.run.command("on"));
    expect(failure).toMatchObject({ code: "auth", mayHaveActed: false });
    expect(failure.message).toContain("While accessing as •••");
    expect(inspect(failure, { depth: 5 })).not.toContain("another-password");
    expect(at.bmc.commands).toEqual([]);
  });
});

describe("a command", () => {
  test.each(["values", "info", "nowhere"] as const)(
    "takes effect where what is allowed is told by %s",
    async (told) => {
      await using at = await Bench.open({ told });
      await at.run.command("on");
      expect(at.bmc.power()).toBe("on");
      await at.run.command("off", {}, "hard");
      expect(at.bmc.power()).toBe("off");
      await at.run.command("on");
      await at.run.command("off", {}, "soft");
      await at.run.command("on");
      await at.run.command("reset");
      expect(at.bmc.commands).toEqual(["On 1", "ForceOff 1", "On 1", "GracefulShutdown 1", "On 1", "ForceRestart 1"]);
    },
  );

  test.each([
    ["values", ["ForceOn", "ForceOff"], "on", "ForceOn 1"],
    ["info", ["ForceOn", "ForceOff"], "on", "ForceOn 1"],
    ["nowhere", ["ForceOn", "ForceOff"], "on", "ForceOn 1"],
    ["values", ["On", "ForceOff", "PowerCycle"], "reset", "PowerCycle 1"],
    ["nowhere", ["On", "ForceOff", "PowerCycle"], "reset", "PowerCycle 1"],
  ] as const)("takes the next value where %s tells only %j", async (told, types, verb, command) => {
    await using at = await Bench.open({ told, types, systems: { "1": verb === "on" ? "off" : "on" } });
    await at.run.command(verb);
    expect(at.bmc.commands).toEqual([command]);
  });

  test("is no button press where nothing else is offered", async () => {
    await using at = await Bench.open({ types: ["PushPowerButton", "ForceOff"], systems: { "1": "on" } });
    const failure = await failureOf(at.run.command("off", {}, "soft"));
    expect(failure).toMatchObject({ code: "unsupported", mayHaveActed: false });
    expect(failure.message).toContain("PushPowerButton, ForceOff");
    expect(at.bmc.commands).toEqual([]);
  });

  test.each([400, 409] as const)("is done where %i says that it is so already", async (already) => {
    await using at = await Bench.open({ already, systems: { "1": "on" } });
    await at.run.command("on");
    await at.run.command("off", {}, "hard");
    await at.run.command("off", {}, "hard");
    expect(at.bmc.power()).toBe("off");
    expect(at.bmc.commands).toEqual(["ForceOff 1"]);
  });

  test("is busy where 409 means something else, and is not tried another way", async () => {
    await using at = await Bench.open();
    await at.run.query();
    const posts = breakOn(at.bmc, "POST", (response) =>
      response.writeHead(409).end('{"error":{"message":"the firmware is being updated"}}'),
    );
    const failure = await failureOf(at.run.command("on"));
    expect(failure).toMatchObject({ code: "busy", mayHaveActed: false });
    expect(failure.message).toContain("the firmware is being updated");
    expect(posts.count).toBe(1);
  });

  test("to reset a system that is off is refused here, for it would be taken and do nothing", async () => {
    await using at = await Bench.open();
    expect(await failureOf(at.run.command("reset"))).toMatchObject({ code: "refused", mayHaveActed: false });
    expect(at.bmc.commands).toEqual([]);
  });

  test("may have acted when the connection breaks over it, and cannot have when it breaks before", async () => {
    await using at = await Bench.open();
    await at.run.query();
    at.bmc.handler = (_request, response) => response.destroy();
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "unreachable", mayHaveActed: false });
    at.bmc.handler = undefined;
    await at.run.query();
    const posts = breakOn(at.bmc, "POST");
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "unreachable", mayHaveActed: true });
    expect(posts.count).toBe(1);
  });

  test("that the controller fails at may have acted", async () => {
    await using at = await Bench.open();
    await at.run.query();
    breakOn(at.bmc, "POST", (response) => response.writeHead(500).end('{"error":{"message":"I2C failed"}}'));
    const failure = await failureOf(at.run.command("on"));
    expect(failure).toMatchObject({ code: "refused", mayHaveActed: true });
    expect(failure.message).toContain("I2C failed");
  });
});

describe("a task", () => {
  test("is followed until it is done", async () => {
    const clock = new VirtualClock();
    await using at = await Bench.open({ tasks: "done", lag: 30_000, clock });
    const followed = await at.run.command("on");
    if (!followed) throw new Error("there is nothing to follow");
    expect(await at.run.follow(followed)).toBe("pending");
    expect(at.bmc.power()).toBe("off");
    await clock.run(clock.sleep(31_000));
    expect(await at.run.follow(followed)).toBe("done");
    expect(at.bmc.power()).toBe("on");
    // A monitor is gone once it told the end.
    expect(await at.run.follow(followed)).toBe("done");
  });

  test("that fails is a failure that may have acted", async () => {
    const clock = new VirtualClock();
    await using at = await Bench.open({ tasks: "failing", lag: 5_000, clock });
    const followed = await at.run.command("on");
    if (!followed) throw new Error("there is nothing to follow");
    await clock.run(clock.sleep(6_000));
    expect(await failureOf(at.run.follow(followed))).toMatchObject({ code: "refused", mayHaveActed: true });
  });

  test.each([
    [{ TaskState: "Exception", Messages: [{ Message: "PSU 2 failed" }] }, "PSU 2 failed"],
    [{ TaskState: "Killed" }, "Killed"],
  ])("answered as %j with 200 is a failure too", async (task, words) => {
    await using at = await Bench.open();
    await at.run.query();
    breakOn(at.bmc, "POST", (response) => response.end(JSON.stringify({ "@odata.id": "/t/1", ...task })));
    const failure = await failureOf(at.run.command("on"));
    expect(failure).toMatchObject({ code: "refused", mayHaveActed: true });
    expect(failure.message).toContain(words);
  });
});

describe("the state", () => {
  test.each([
    ["On", { state: "on" }],
    ["Off", { state: "off" }],
    ["Paused", { state: "on" }],
    ["PoweringOn", { state: "off", towards: "on" }],
    ["PoweringOff", { state: "on", towards: "off" }],
    [null, { state: "unknown" }],
    ["Unknown", { state: "unknown" }],
    ["Reset", { state: "unknown" }],
    ["off", { state: "unknown" }],
  ])("%j reads %j", async (power, state) => {
    await using at = await Bench.open({ systems: { "1": "on" } });
    at.bmc.powerState = power;
    expect(await at.run.query()).toMatchObject(state);
  });

  test("is told with what the controller said, where it is unknown", async () => {
    await using at = await Bench.open();
    at.bmc.powerState = null;
    expect(await at.run.query()).toMatchObject({ reason: "the service tells no PowerState" });
  });

  test.each(["<html>login</html>", "", '"Off"', "[]", '{"PowerState":0}'])("is never made of %j", async (text) => {
    await using at = await Bench.open();
    await at.run.query();
    at.bmc.handler = (_request, response) => response.end(text);
    expect(await failureOf(at.run.query())).toMatchObject({ code: "protocol", mayHaveActed: false });
  });
});

describe("of several systems", () => {
  const systems = { "1": "off", Blade2: "on", "Node 3": "off" } as const;

  test("the one that is named is switched, and no other", async () => {
    await using at = await Bench.open({ systems, page: 1 });
    await at.run.command("on", { outlet: "Node 3" });
    await at.run.command("off", { outlet: "Blade2" }, "hard");
    expect([at.bmc.power("1"), at.bmc.power("Blade2"), at.bmc.power("Node 3")]).toEqual(["off", "off", "on"]);
    expect(at.bmc.commands).toEqual(["On Node 3", "ForceOff Blade2"]);
  });

  test("none is switched where none or a wrong one is named", async () => {
    await using at = await Bench.open({ systems });
    const unnamed = await failureOf(at.run.command("on"));
    expect(unnamed).toMatchObject({ code: "config", mayHaveActed: false });
    expect(unnamed.message).toContain("3 systems: 1, Blade2, Node 3");
    const wrong = await failureOf(at.run.command("on", { outlet: "Blade9" }));
    expect(wrong).toMatchObject({ code: "not_found", mayHaveActed: false });
    expect(wrong.message).toContain("1, Blade2, Node 3");
    expect(at.bmc.commands).toEqual([]);
  });

  test("each is listed with what it is called and does", async () => {
    await using at = await Bench.open({ systems, page: 2 });
    expect(await at.run.list()).toEqual([
      { outlet: "1", label: "System 1", state: "off" },
      { outlet: "Blade2", label: "host-Blade2", state: "on" },
      { outlet: "Node 3", label: "host-Node 3", state: "off" },
    ]);
  });
});

describe("a start over the network", () => {
  test.each([
    ["plain", "Pxe UEFI"],
    ["mode needed", "Pxe UEFI"],
    ["mode refused", "Pxe UEFI"],
    ["etag", "Pxe UEFI"],
    ["settings", "Pxe UEFI"],
  ] as const)("is ordered for once before an on, of firmware that takes it %s", async (boot, start) => {
    await using at = await Bench.open({ boot });
    await at.run.command("on", { boot: "pxe" });
    expect(at.bmc.starts).toEqual([start]);
    await at.run.command("off", {}, "hard");
    await at.run.command("on");
    expect(at.bmc.starts).toEqual([start, "disk"]);
  });

  test("that the controller does not keep is a failure, and nothing is switched on", async () => {
    await using at = await Bench.open({ boot: "forgotten" });
    expect(await failureOf(at.run.command("on", { boot: "pxe" }))).toMatchObject({
      code: "refused",
      mayHaveActed: false,
    });
    expect(at.bmc.commands).toEqual([]);
  });
});

describe("the controller", () => {
  test("is known by its UUID, where it has one", async () => {
    await using at = await Bench.open({ uuid: "92384634-2938-2342-8820-48923990542A" });
    await using unset = await Bench.open({ uuid: "00000000-0000-0000-0000-000000000000" });
    expect(await at.run.identify()).toEqual({ id: "92384634-2938-2342-8820-48923990542a", model: "Contoso BMC 3000" });
    expect(await unset.run.identify()).toBeUndefined();
  });

  test("is trusted by its fingerprint, and nothing is sent to another", async () => {
    const tls = { cert: pem("alone.pem"), key: pem("alone.key") };
    const pin = (name: string) => ({ pin_sha256: new X509Certificate(pem(name)).fingerprint256 });
    await using right = await Bench.open({ tls }, pin("alone.pem"));
    await using wrong = await Bench.open({ tls }, pin("device.pem"));
    await right.run.command("on");
    expect(right.bmc.power()).toBe("on");
    expect(await failureOf(wrong.run.command("on"))).toMatchObject({ code: "wrong_device", mayHaveActed: false });
    expect(wrong.bmc.requests).toEqual([]);
  });

  test("that forwards from the root to the root without a slash is followed there, and to no other host", async () => {
    await using at = await Bench.open();
    at.bmc.handler = ({ path }, response) => {
      if (path === "/redfish/v1/") response.writeHead(308, { location: "http://elsewhere.example/redfish/v1" }).end();
      else if (path === "/redfish/v1") response.end('{"Systems":{"@odata.id":"/redfish/v1/Systems"}}');
      else if (path === "/redfish/v1/Systems") response.end('{"Members":[{"@odata.id":"/redfish/v1/Systems/0"}]}');
      else response.end('{"PowerState":"On"}');
    };
    expect(await at.run.query()).toMatchObject({ state: "on" });
  });

  test("that is slow is given up in time", async () => {
    await using at = await Bench.open();
    await at.run.query();
    at.bmc.handler = () => undefined;
    const failure = await failureOf(at.run.query());
    expect(failure).toMatchObject({ code: "timeout", mayHaveActed: false });
    at.bmc.handler = undefined;
    await until(async () => (await at.run.query()).state === "off");
  });
});

describe("settings", () => {
  const found = (hub: object) => {
    const settings: unknown = redfish.hub?.parse({ host: "192.168.1.80", ...hub });
    return (redfish.check?.({}, settings) ?? []).map(({ key, problem }) => `${key}: ${problem}`);
  };

  test.each([
    [{ user: "maas" }, "user: `user` and `password` go together"],
    [{ password: BMC_PASSWORD }, "password: `user` and `password` go together"],
    [{ auth: "session" }, "auth: session needs `user` and `password`"],
    [{ user: "a:b", password: BMC_PASSWORD }, "user: Basic cannot send a user with a colon"],
    [{ https: false, insecure: true }, "insecure: needs https: `https` is false, where nobody shows a certificate"],
  ])("%j are wrong", (hub, finding) => {
    expect(found(hub)).toEqual([finding]);
  });

  test("with a colon in the user are right for sessions", () => {
    expect(found({ auth: "session", user: "a:b", password: BMC_PASSWORD })).toEqual([]);
  });
});
