import { execFile } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { until } from "../expecting.ts";
import { configuration, type Ended, type Failure, Place, PREPARATION_MS, TOKEN } from "./cli.ts";

const ONE = "  a: { driver: simulated, boot: 0s, shutdown: 0s, description: The only one }\n";
/** Without any credential. */
const OPEN = `server: { listen: 127.0.0.1:0, shutdown_grace: 0s }\nmachines:\n${ONE}`;

/** Runs a line as somebody does who pastes it into a shell. */
async function pasted(line: string): Promise<string> {
  return (await promisify(execFile)("sh", ["-c", `${line} --silent`])).stdout;
}

/** The daemon's whole life: it is started, listens, and is told to stop. */
async function served(place: Place, ...args: string[]): Promise<Ended> {
  const daemon = place.start(["serve", ...args]);
  await daemon.says("Ctrl-C stops it");
  return daemon.end("SIGTERM");
}

describe("serve", { timeout: PREPARATION_MS }, () => {
  test("prints what it serves, and lines to paste that switch a machine", async () => {
    await using place = Place.with({ "maasochist.yaml": OPEN });
    const daemon = place.start(["serve"]);
    await daemon.says("Ctrl-C stops it");
    expect(daemon.out).toMatch(/^MAASochist serves 1 machine on 127\.0\.0\.1:\d+\n {2}a – The only one\n/);
    const lines = daemon.out.split("\n").filter((line) => line.startsWith("curl "));
    expect(lines.map((line) => line.split("/").at(-1))).toEqual(["on", "query", "off"]);
    const [on = "", query = "", off = ""] = lines;
    expect(await pasted(on)).toBe('{"result":"done"}');
    expect(await pasted(query)).toBe('{"status":"running"}');
    expect(await pasted(off)).toBe('{"result":"done"}');
    expect(await pasted(query)).toBe('{"status":"stopped"}');
  });

  test("stops on SIGTERM with 0, and keeps its token and its journal for the next start", async () => {
    await using place = Place.with({ "maasochist.yaml": OPEN });
    const daemon = await place.serve();
    await place.run("on", "a");
    expect(await daemon.end("SIGTERM")).toMatchObject({ code: 0 });
    expect(statSync(place.file("maasochist.token")).mode & 0o777).toBe(0o600);
    const [first, second] = [await served(place), await served(place)];
    expect(first.code).toBe(0);
    const tokenIn = ({ out }: Ended) => /Bearer ([\w-]{20,})'/.exec(out)?.[1];
    expect(tokenIn(first)).toBeDefined();
    expect(tokenIn(first)).toBe(tokenIn(second));
    await place.serve();
    expect(await place.json("orders", "a")).toMatchObject({ orders: [{ verb: "on", state: "done" }] });
  });

  test("without any configuration is the demonstration, in a folder of its own", async () => {
    await using place = Place.with();
    expect((await place.run("config", "check")).out).toBe("the demonstration: valid, 4 machines\n");
    const { hint } = (await place.json<Failure>("list")).error;
    expect(hint).toContain("`maasochist serve` (in a clone `npm start`)");
  });

  test("shows no secret of the configuration, neither in its words nor in its log", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const daemon = await place.serve("--verbose");
    await place.run("on", "a");
    const { out, err } = await daemon.end("SIGTERM");
    expect(err).toContain("order accepted");
    expect(out + err).not.toContain(TOKEN);
    const people = await served(place, "--verbose");
    expect(people.out).toContain("YOUR_TOKEN");
    expect(people.out + people.err).not.toContain(TOKEN);
  });

  test("under systemd leaves the generated token out of what goes to the system's journal", async () => {
    await using place = Place.with({ "maasochist.yaml": OPEN });
    const daemon = place.start(["serve"], { env: { JOURNAL_STREAM: "8:1" } });
    await daemon.says("Ctrl-C stops it");
    const line = daemon.out.split("\n").find((text) => text.startsWith("curl ") && text.endsWith("/query"));
    expect(line).toContain(`Bearer $(cat ${place.file("maasochist.token")})`);
    expect(await pasted(line ?? "")).toBe('{"status":"stopped"}');
  });

  test("goes on when nobody reads what it prints any more", async () => {
    await using place = Place.with({ "maasochist.yaml": OPEN });
    const daemon = await place.serve();
    daemon.child.stdout?.destroy();
    daemon.child.stderr?.destroy();
    expect(await place.run("on", "a")).toMatchObject({ code: 0 });
    expect(await place.run("off", "a", "--yes")).toMatchObject({ code: 0 });
  });

  test("a second signal ends it at once", async () => {
    await using place = Place.with({
      "maasochist.yaml": OPEN.replace("shutdown_grace: 0s", "shutdown_grace: 60s").replace("boot: 0s", "boot: 60s"),
    });
    const daemon = await place.serve();
    await place.run("on", "a", "--no-wait");
    daemon.child.kill("SIGINT");
    await until(() => daemon.err.includes("once more to stop at once"), PREPARATION_MS);
    // Through npm one Ctrl-C comes twice: what follows within a second is the same one.
    await until(() => !daemon.child.kill("SIGINT") || daemon.child.exitCode !== null, PREPARATION_MS);
    expect((await daemon.end()).code).toBe(130);
  });
});

describe("what cannot be served", { timeout: PREPARATION_MS }, () => {
  test("a configuration with mistakes: all of them with their places, and exit code 3", async () => {
    await using place = Place.with({
      "maasochist.yaml": configuration("  a: { driver: simulated, bot: 0s }\n  b: { driver: simulatd }\n"),
    });
    const { code, err } = await place.run("serve");
    expect(code).toBe(3);
    expect(err).toMatch(/maasochist\.yaml:2:27 error: .*"bot".*did you mean "boot"\?/);
    expect(err).toMatch(/maasochist\.yaml:3:16 error: .*"simulatd".*did you mean "simulated"\?/);
    expect(err).toMatch(/\nerror: .+ is invalid: 2 errors\n.*maasochist config check.*\n$/);
    const { error } = await place.json<{ error: { code: string; problems: { line: number }[] } }>("serve");
    expect(error.code).toBe("config");
    expect(error.problems.map(({ line }) => line)).toEqual([2, 3]);
  });

  test("a store that another daemon serves", async () => {
    await using place = await Place.serving(ONE);
    const { code, err } = await place.run("serve");
    expect(code).toBe(1);
    expect(err).toContain(`error: another daemon serves ${place.file("maasochist.sock")} already\n`);
    expect(err).toContain("Stop it first, or give this one another `store: { path: … }`.");
    expect(await place.run("on", "a")).toMatchObject({ code: 0 });
  });

  test("a port that is in use: which one, and how to see by whom", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" ? address?.port : undefined;
    await using place = Place.with({
      "maasochist.yaml": configuration(ONE).replace("127.0.0.1:0", `127.0.0.1:${port}`),
    });
    const { code, err } = await place.run("serve");
    other.close();
    expect(code).toBe(1);
    expect(err).toContain(`error: 127.0.0.1:${port} is in use by another program\n`);
    expect(err).toContain(`ss -ltnp 'sport = :${port}'`);
  });

  test("a folder that cannot be written", async () => {
    await using place = Place.with({
      "maasochist.yaml": configuration(ONE, "store: { path: maasochist.yaml/below/maasochist.db }"),
    });
    const { code, err } = await place.run("serve");
    expect(code).toBe(1);
    expect(err).toMatch(/^error: the folder .+maasochist\.yaml\/below cannot be written.*\n.*store: \{ path: /);
  });

  test("listening beyond this host while nobody could be let in", async () => {
    await using place = Place.with({ "maasochist.yaml": OPEN.replace("127.0.0.1", "0.0.0.0") });
    const { code, err } = await place.run("serve");
    expect(code).toBe(3);
    expect(err).toContain("maasochist token add maas --role maas");
  });

  test("a file that is not there", async () => {
    await using place = Place.with();
    const { code, err } = await place.run("serve", "-c", "none.yaml");
    expect(code).toBe(3);
    expect(err).toContain("Name another with -c");
    expect(await place.json<Failure>("list", "-c", "none.yaml")).toMatchObject({ code: 3, error: { code: "config" } });
  });
});
