/** The first protocol against plugs that somebody else simulated, from recordings of real ones: tplink-smarthome-simulator. */
import { Device } from "tplink-smarthome-simulator";
import { describe, expect, test } from "vitest";
import { KasaRun } from "../drivers/kasa-run.ts";
import { failureOf } from "../expecting.ts";
import { keptPort } from "../kept-port.ts";

type DeviceOptions = Omit<ConstructorParameters<typeof Device>[0], "address">;

/** A plug on loopback, and the driver on it, which is told nothing but the address and the ports. */
class Plug implements AsyncDisposable {
  readonly device: Device;
  readonly run: KasaRun;
  /** What arrived, in plain text. */
  readonly requests: string[] = [];
  /** What it answered, in plain text. */
  readonly answers: string[] = [];

  private constructor(device: Device, klapPort: number) {
    this.device = device;
    device.deviceNetworking
      .on("data", ({ message }: { readonly message: string }) => this.requests.push(message))
      .on("response", ({ message }: { readonly message: string }) => this.answers.push(message))
      // The driver hangs up when it has had enough.
      .on("error", () => undefined);
    this.run = new KasaRun({ host: "127.0.0.1", port: device.port, klap_port: klapPort });
  }

  static async start(options: DeviceOptions): Promise<Plug> {
    // Left to itself it takes a UDP port that the system hands out, and then the same for TCP, which may be somebody's.
    const device = new Device({ address: "127.0.0.1", port: await keptPort(), ...options });
    await device.start();
    return new Plug(device, await keptPort());
  }

  /** Of each relay: is it closed? */
  get closed(): readonly boolean[] {
    const info = this.device.api.system.get_sysinfo();
    if ("children" in info && info.children) return info.children.map(({ state }) => state === 1);
    return ["relay_state" in info && info.relay_state === 1];
  }

  get commands(): readonly string[] {
    return this.requests.filter((request) => request.includes("set_relay_state"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run[Symbol.asyncDispose]();
    await this.device.stop();
  }
}

describe("the driver kasa against tplink-smarthome-simulator", () => {
  test.each(["hs100", "hs105", "hs110", "hs110v2", "hs200", "hs220"])("switches and reads an %s", async (model) => {
    await using plug = await Plug.start({ model });
    await plug.run.command("on");
    expect(plug.closed).toEqual([true]);
    expect(await plug.run.read()).toMatchObject({ state: "on" });
    await plug.run.command("off");
    expect(plug.closed).toEqual([false]);
    expect(await plug.run.read()).toMatchObject({ state: "off" });
    expect(plug.commands).toEqual([
      '{"system":{"set_relay_state":{"state":1}}}',
      '{"system":{"set_relay_state":{"state":0}}}',
    ]);
  });

  test("knows a plug by its MAC address and model", async () => {
    await using plug = await Plug.start({ model: "hs110", data: { mac: "50:C7:BF:00:53:07" } });
    expect(await plug.run.identify()).toMatchObject({
      id: "50:c7:bf:00:53:07",
      model: expect.stringContaining("HS110"),
    });
  });

  test.each(["hs110", "hs110v2"])("reads the power of an %s in watts", async (model) => {
    await using plug = await Plug.start({ model });
    const watts = await plug.run.watts();
    const told = plug.answers.at(-1) ?? "";
    const perWatt = model === "hs110" ? 1 : 1_000;
    expect(watts).toBeCloseTo(Number(/"power(?:_mw)?":([\d.]+)/.exec(told)?.[1]) / perWatt, 6);
  });

  describe("on an hs300", () => {
    test("switches the named one of six sockets, and reads each", async () => {
      await using strip = await Plug.start({ model: "hs300" });
      const sockets = await strip.run.list();
      expect(sockets.map(({ outlet }) => outlet)).toEqual(["1", "2", "3", "4", "5", "6"]);
      for (const { outlet } of sockets) await strip.run.command("off", outlet);
      await strip.run.command("on", 4);
      expect(strip.closed).toEqual([false, false, false, true, false, false]);
      const states = await strip.run.readAll([1, 2, 3, 4, 5, 6]);
      expect(states.map((state) => state.status === "fulfilled" && state.value.state)).toEqual([
        "off",
        "off",
        "off",
        "on",
        "off",
        "off",
      ]);
    });

    test("reads the power of one socket", async () => {
      await using strip = await Plug.start({ model: "hs300" });
      expect(await strip.run.watts(2)).toBeGreaterThanOrEqual(0);
    });

    test("switches none where none is named", async () => {
      await using strip = await Plug.start({ model: "hs300" });
      expect(await failureOf(strip.run.command("off"))).toMatchObject({ code: "not_found" });
      expect(strip.commands).toEqual([]);
    });
  });

  test("waits for a slow plug", async () => {
    await using plug = await Plug.start({ model: "hs100", responseDelay: 700 });
    await plug.run.command("on");
    expect(plug.closed).toEqual([true]);
  });

  test("takes no random bytes for a state", async () => {
    // Where they are too few for a length it waits for more.
    const codes = ["protocol", "unreachable", "timeout"];
    await using plug = await Plug.start({ model: "hs100", unreliablePercent: 1 });
    for (let read = 0; read < 20; read++) expect(codes).toContain((await failureOf(plug.run.read())).code);
  });

  test("says that a plug is gone", async () => {
    await using plug = await Plug.start({ model: "hs100" });
    await plug.run.read();
    await plug.device.stop();
    expect(await failureOf(plug.run.command("on"))).toMatchObject({ code: "unreachable", mayHaveActed: false });
    expect(plug.commands).toEqual([]);
  });

  test("does not take a lamp for a plug", async () => {
    await using lamp = await Plug.start({ model: "lb100" });
    expect(await failureOf(lamp.run.command("on"))).toMatchObject({ code: "protocol", mayHaveActed: false });
    expect(lamp.commands).toEqual([]);
  });
});
