/** The driver that docs/extending.md shows: that very file, in a folder of its own, treated like a built-in one. */
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { driverFacts } from "../src/config/driver-facts.ts";
import { type Configuration, jsonSchema, loadConfiguration } from "../src/config/index.ts";
import { drivers } from "../src/drivers/index.ts";
import { systemClock } from "../src/power/clock.ts";
import { PowerController } from "../src/power/controller.ts";
import type { Driver } from "../src/power/driver.ts";
import { DRIVER_PROMISES, type Fixture } from "../src/wire/kit.ts";
import { loadThirdParty } from "../src/wire/third-party.ts";
import { ANNA, MAAS, Notebook } from "./power/lab.ts";

const EXAMPLE = join(import.meta.dirname, "../docs/examples/lamp-driver.mjs");
const TOKEN = "lamp-board-token-1";
const RELAY = 3;

/** A relay board as the head of the example tells of it. */
class LampBoard implements AsyncDisposable {
  readonly closed = new Map<number, boolean>();
  /** `PUT 3 true`, in the order they came. */
  readonly commands: string[] = [];
  silent = false;
  rubbish = false;
  readonly #server = createServer((request, response) => {
    if (this.silent) return;
    this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async start(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const relay = Number(/^\/relays\/(\d)$/.exec(request.url ?? "")?.[1] ?? Number.NaN);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) response.writeHead(401).end("who are you?");
    else if (Number.isNaN(relay)) response.writeHead(404).end();
    else if (this.rubbish) response.end("<html>out of order</html>");
    else {
      if (request.method === "PUT") {
        const { closed } = JSON.parse(body) as { closed: boolean };
        this.commands.push(`PUT ${relay} ${closed}`);
        this.closed.set(relay, closed);
      }
      response.end(JSON.stringify({ closed: this.closed.get(relay) ?? false }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const over = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await over;
  }
}

/** The example and a configuration that names it, in a folder without node_modules. */
class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(configuration: string): Promise<Folder> {
    const folder = new Folder(await mkdtemp(join(tmpdir(), "maasochist-own-driver-")));
    await copyFile(EXAMPLE, join(folder.path, "lamp-driver.mjs"));
    await writeFile(join(folder.path, "maasochist.yaml"), configuration);
    await writeFile(join(folder.path, "secrets.yaml"), `lamp: ${TOKEN}\n`, { mode: 0o600 });
    return folder;
  }

  load() {
    return loadConfiguration(join(this.path, "maasochist.yaml"), {
      drivers,
      loadDriver: loadThirdParty,
      cwd: this.path,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}

const lamp = await loadedExample();

async function loadedExample(): Promise<Driver> {
  await using folder = await Folder.make("drivers: [./lamp-driver.mjs]\nmachines: {}\n");
  const { drivers: known } = await folder.load();
  const lamp = known.find((driver) => driver.name === "lamp");
  if (!lamp) throw new Error("the example did not become a driver");
  return lamp;
}

async function startFixture(): Promise<Fixture> {
  const board = await new LampBoard().start();
  return {
    hub: { host: "127.0.0.1", port: board.port, token: TOKEN },
    outlet: { outlet: RELAY },
    machine: { name: "desk" },
    secrets: [TOKEN],
    state: () => (board.closed.get(RELAY) ? "on" : "off"),
    set: (state) => void board.closed.set(RELAY, state === "on"),
    silence: () => {
      board.silent = true;
    },
    rubbish: () => {
      board.rubbish = true;
    },
    [Symbol.asyncDispose]: () => board[Symbol.asyncDispose](),
  };
}

describe("the example of a driver of one's own", () => {
  test("has 30 lines at most, and imports nothing", async () => {
    const text = await readFile(EXAMPLE, "utf8");
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(30);
    expect(text).not.toMatch(/\b(import|require)\b/);
  });

  test("is known beside the built-in drivers, to the editor's schema and the docs as well", () => {
    const schema = JSON.stringify(jsonSchema([...drivers, lamp]));
    expect(schema).toContain('"driver-lamp"');
    expect(schema).toContain("The board's token");
    const facts = driverFacts(lamp);
    expect(facts.can).toEqual(expect.arrayContaining(["on", "off", "query"]));
    expect(facts.hub.find((setting) => setting.key === "token")).toMatchObject({ secret: true, required: true });
  });

  test("loads its own examples", async () => {
    for (const { yaml } of lamp.examples) {
      await using folder = await Folder.make(`drivers: [./lamp-driver.mjs]\n${yaml}`);
      const { problems } = await folder.load();
      expect(problems.filter((problem) => problem.severity === "error")).toEqual([]);
    }
  });

  const promises = DRIVER_PROMISES.filter((promise) => promise.concerns(lamp));
  test.each(promises.map((promise) => [promise.name, promise] as const))("%s", async (_sentence, promise) => {
    await expect(promise.check(lamp, startFixture)).resolves.toBeUndefined();
  });

  test("switches a machine on and off when MAAS orders it, and tells what it measured", async () => {
    await using board = await new LampBoard().start();
    await using folder = await Folder.make(
      `drivers: [./lamp-driver.mjs]
machines:
  desk: { driver: lamp, host: 127.0.0.1, port: ${board.port}, token: !secret lamp, outlet: ${RELAY}, min_off: 0s, verify: 5s }
`,
    );
    const { configuration } = await folder.load();
    await using power = controller(configuration);

    expect((await power.query("desk")).state).toBe("off");
    const on = await power.order({ machine: "desk", verb: "on", actor: MAAS }).done;
    expect(board.closed.get(RELAY)).toBe(true);
    // A plug without a meter: fed is all that is measured.
    expect(on).toMatchObject({ state: "done", proof: { state: "on", fed: true } });

    const off = await power.order({ machine: "desk", verb: "off", actor: ANNA }).done;
    expect(board.closed.get(RELAY)).toBe(false);
    expect(off).toMatchObject({ state: "done", grade: "measured" });
    expect(board.commands).toEqual([`PUT ${RELAY} true`, `PUT ${RELAY} false`]);
  });

  test("fails as a built-in driver does when the board says no", async () => {
    await using board = await new LampBoard().start();
    await using folder = await Folder.make(
      `drivers: [./lamp-driver.mjs]
machines:
  desk: { driver: lamp, host: 127.0.0.1, port: ${board.port}, token: wrong-token-in-here, verify: 1s }
`,
    );
    const { configuration } = await folder.load();
    await using power = controller(configuration);
    const order = power.order({ machine: "desk", verb: "on", actor: ANNA });
    await expect(order.done).rejects.toMatchObject({ name: "PowerError", code: "auth" });
    expect(JSON.stringify(order.order)).not.toContain("wrong-token-in-here");
    expect(board.commands).toEqual([]);
  });
});

function controller(configuration: Configuration | undefined): PowerController & AsyncDisposable {
  if (!configuration) throw new Error("the configuration is invalid");
  const notebook = new Notebook();
  const power = new PowerController({
    machines: configuration.machines,
    limits: [],
    clock: systemClock,
    journal: notebook,
    memory: notebook,
  });
  return Object.assign(power, { [Symbol.asyncDispose]: () => power.stop(0) });
}
