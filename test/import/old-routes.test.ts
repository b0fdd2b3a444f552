/**
 * The move itself: maaspower's file is taken over, and a daemon with what came of it answers MAAS where maaspower did, with
 * real sockets on both sides. What MAAS has in its form stays as it was.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { keptPort } from "../kept-port.ts";
import type { Maas } from "../maas/client.ts";
import { World } from "../maas/world.ts";
import { KasaDevice } from "../simulators/kasa.ts";
import { SnmpPoe } from "../simulators/snmp-poe.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { ImportRun } from "./import-run.ts";

/** A person's own program: the machine behind it is what stands in a file. */
const PROGRAM = `cd "$(dirname "$0")" || exit 1
case $1 in
  on | off) echo "$1" | tee power >> commands ;;
  state) cat power ;;
esac
`;
/** As maaspower made people set them for Kasa and Cisco. */
const BARE = { onRegex: "on", offRegex: "off" };

/** A house that ran maaspower until this evening. */
class House implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly #run = new ImportRun();
  plug!: KasaDevice;
  poe!: SnmpPoe;
  world!: World;

  static async open(): Promise<House> {
    const house = new House();
    const { clock } = house;
    house.plug = await KasaDevice.start({ clock, legacy: true });
    house.poe = await SnmpPoe.start({ clock, cisco: true, ports: ["1.3", "1.4"] });
    house.#run.put(PROGRAM, "power.sh");
    house.#run.put("off\n", "power");
    house.#run.put("", "commands");
    await house.#move();
    return house;
  }

  async #move(): Promise<void> {
    const program = (verb: string) => `sh ${this.#run.file("power.sh")} ${verb}`;
    this.#run.put(`name: the house
ip_address: 127.0.0.1
port: ${await keptPort()}
username: rack
password: horse-battery
devices:
  - { type: KasaDevice, name: living room, ip_address: 127.0.0.1 }
  - { type: CommandLine, name: box, on: ${program("on")}, off: ${program("off")}, query: ${program("state")} }
  - { type: CiscoIOSPOESwitch, name: "pi([34])", ip_address: 127.0.0.1, username: root, password: ios, port_selection_string: 'gi 1/0/\\1' }
`);
    const { code, err } = await this.#run.run(["maaspower.yaml"]);
    if (code !== 0) throw new Error(err);
    // What stands in for the devices does so on other ports than theirs; the community a person fills in.
    const file = this.#run.file("maasochist.yaml");
    const document = parseDocument(readFileSync(file, "utf8"));
    const { legacy, klap, discovery } = this.plug.ports;
    for (const [key, port] of Object.entries({ port: legacy, klap_port: klap, discovery_port: discovery }))
      document.setIn(["machines", "living-room", key], port);
    document.setIn(["hubs", "cisco-127.0.0.1", "port"], this.poe.port);
    writeFileSync(file, document.toString({ lineWidth: 0 }));
    this.#run.write("secrets.yaml", this.#run.read("secrets.yaml").replace("change-me", "private"));
    this.world = await World.openFile(file, this.clock);
  }

  /** MAAS, with maaspower's URIs, user and password in its form. */
  maas(name: string, settings: object = {}): Maas {
    const uri = `${this.world.url}/maaspower/${encodeURIComponent(name)}`;
    return this.world.maas(name, {
      settings: {
        token: "",
        user: "rack",
        pass: "horse-battery",
        onUri: `${uri}/on`,
        offUri: `${uri}/off`,
        queryUri: `${uri}/query`,
        ...settings,
      },
    });
  }

  /** Commands that the program was given. */
  get program(): readonly string[] {
    return this.#run.read("commands").split("\n").slice(0, -1);
  }

  /** What MAAS concludes. */
  async concludes(maas: Maas, action: "on" | "off" | "query"): Promise<string> {
    await this.#knows();
    return this.world.run(maas[action]());
  }

  /** A password is computed in real time, in which the clock stands; it is known for a minute then. */
  async #knows(): Promise<void> {
    await this.clock.busy(this.#request("GET", "/maaspower", "horse-battery"));
  }

  /** Status and body that a caller gets. */
  async ask(method: string, path: string, password = "horse-battery"): Promise<string> {
    await this.#knows();
    return this.world.run(this.#request(method, path, password));
  }

  async #request(method: string, path: string, password: string): Promise<string> {
    const authorization = `Basic ${Buffer.from(`rack:${password}`).toString("base64")}`;
    const answer = await this.world.raw(
      `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\nAuthorization: ${authorization}\r\n\r\n`,
    );
    return `${answer.split(" ")[1]} ${answer.slice(answer.indexOf("\r\n\r\n") + 4)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
    await Promise.all([this.plug, this.poe].map((device) => device[Symbol.asyncDispose]()));
    this.#run[Symbol.dispose]();
  }
}

/** Two passwords are computed in each. */
describe("with maaspower's configuration taken over, MAAS", { timeout: 60_000 }, () => {
  test("switches a Kasa plug, whose state it is told in a bare word", async () => {
    await using house = await House.open();
    const maas = house.maas("living room", BARE);
    expect(await house.concludes(maas, "on")).toBe("on");
    expect(house.plug.hardware.commands).toEqual(["all on"]);
    expect(await house.ask("GET", "/maaspower/living%20room/query")).toBe("200 on");
    expect(await house.concludes(maas, "off")).toBe("off");
    expect(await house.ask("POST", "/maaspower/living%20room/query")).toBe("200 off");
    expect(house.plug.hardware.commands).toEqual(["all on", "all off"]);
  });

  test("switches by a command line, whose state it is told in the words of its defaults", async () => {
    await using house = await House.open();
    const maas = house.maas("box");
    expect(await house.concludes(maas, "on")).toBe("on");
    expect(house.program).toEqual(["on"]);
    expect(await house.ask("GET", "/maaspower/box/query")).toBe("200 status : running");
    expect(await house.concludes(maas, "off")).toBe("off");
    expect(await house.ask("GET", "/maaspower/box/query")).toBe("200 status : stopped");
    expect(house.program).toEqual(["on", "off"]);
    // Who still comes by the old routes is seen, until its settings are changed.
    expect((await house.world.machine("box")).polled).toMatchObject({ agent: "MAAS 3.7.3", route: "maaspower" });
    const moved = { token: "", user: "rack", pass: "horse-battery" };
    expect(await house.concludes(house.world.maas("box", { settings: moved }), "query")).toBe("off");
    expect((await house.world.machine("box")).polled).not.toHaveProperty("route");
  });

  test("switches the ports that a wildcard stood for, which in maaspower failed at every request", async () => {
    await using house = await House.open();
    expect(await house.concludes(house.maas("pi4", BARE), "on")).toBe("on");
    expect(house.poe.commands).toEqual(["port 1.4 on"]);
    expect(await house.ask("GET", "/maaspower/pi3/query")).toBe("200 off");
  });

  test("is told of a failure where maaspower told success, and nothing is switched", async () => {
    await using house = await House.open();
    await house.plug.die();
    expect(await house.ask("GET", "/maaspower/living%20room/query")).toMatch(/^503 \{"error":/);
    expect(await house.ask("POST", "/maaspower/living%20room/on")).toMatch(/^503 \{"error":/);
    expect(house.plug.hardware.commands).toEqual([]);
  });

  test("switches nothing by a name that only begins like one, by GET, or with another password", async () => {
    await using house = await House.open();
    for (const name of ["boxes", "box-prod-db", "pi30", "living%20room%202"])
      expect(await house.ask("POST", `/maaspower/${name}/on`)).toMatch(/^422 /);
    expect(await house.ask("GET", "/maaspower/box/on")).toMatch(/^405 /);
    expect(await house.ask("POST", "/maaspower/box/on", "wrong")).toMatch(/^401 /);
    expect([...house.program, ...house.poe.commands, ...house.plug.hardware.commands]).toEqual([]);
  });
});
