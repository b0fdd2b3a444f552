import { execFile } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { until } from "../expecting.ts";
import { Webhook } from "../maas/webhook.ts";
import { Activator, build, MAIN } from "./activator.ts";
import { describeWith, missing } from "./need.ts";

const TOKEN = "mso_abcdefghijklmnopqrstuvwxyz012345";
/** Between two requests of the stream (ms). */
const EVERY_MS = 20;
/** How long nobody serves while the daemon restarts (ms), beside its own start. */
const GAP_MS = 300;

const MACHINES = "{ nuc1: { driver: simulated, initial: on }, nuc2: { driver: simulated, boot: 2s } }";
/** Longest that MAAS is let wait (ms). */
const PATIENCE_MS = 60_000;

describeWith(missing({ sh: "dash" }))("a daemon that is passed its socket", () => {
  beforeAll(build);

  test("serves it, and who came before it was up is answered", async () => {
    await using activator = await Activator.listen({ machines: MACHINES, token: TOKEN });
    const early = maas(activator, "nuc1").powerQuery(patience());
    await activator.start();
    expect(await early).toBe("on");
    await maas(activator, "nuc2").powerOn(patience());
    expect(await maas(activator, "nuc2").powerQuery(patience())).toBe("on");
  });

  test("refuses nobody while it is restarted", async () => {
    await using activator = await Activator.listen({ machines: MACHINES, token: TOKEN });
    await activator.start();
    const webhook = maas(activator, "nuc1");
    await webhook.powerQuery(patience());

    const stream = new Stream(() => webhook.powerQuery(patience()));
    await until(() => stream.answered >= 5);
    expect(await activator.stop()).toBe("ended with 0");
    const before = stream.asked;
    await pause(GAP_MS);
    const waiting = stream.asked - before;
    await activator.start();
    const last = stream.asked;
    await until(() => stream.answered > last);

    expect(waiting).toBeGreaterThan(5);
    expect(new Set(await stream.end())).toEqual(new Set(["on"]));
  });

  test("answers a webhook that it holds before it goes, and MAAS comes through with its next try", async () => {
    await using activator = await Activator.listen({ machines: MACHINES, token: TOKEN });
    await activator.start();
    const webhook = maas(activator, "nuc2");
    await webhook.powerQuery(patience());

    const held = webhook.powerOn(patience()).then(
      () => "done",
      (error: unknown) => String(error),
    );
    await until(() => activator.log.includes("order accepted"));
    const stopped = activator.stop();
    expect(await held).toMatch(/Request failed with response status code: 503/);
    // The order had been accepted: it ran to its end.
    expect(await stopped).toBe("ended with 0");
    expect(activator.log).toMatch(/"order ended"/);
    await activator.start();
    await webhook.powerOn(patience());
    expect(await webhook.powerQuery(patience())).toBe("on");
  });

  test.each([
    ["none was passed", {}],
    ["it was passed to another process", { LISTEN_FDS: "1", LISTEN_PID: "1" }],
  ])("does not start where %s, and says so", async (_what, passed) => {
    await using activator = await Activator.listen({ machines: MACHINES, token: TOKEN });
    const { code, said } = await new Promise<{ readonly code: unknown; readonly said: string }>((resolve) => {
      const env = { ...process.env, ...passed };
      const daemon = execFile(
        process.execPath,
        [MAIN, "serve", "-c", activator.config],
        { env },
        (_error, _out, said) => resolve({ code: daemon.exitCode, said }),
      );
    });
    expect(said).toContain("`listen: systemd` is configured, and no socket was passed");
    expect(said).toContain("init --systemd");
    expect(code).toBe(3);
  });
});

function patience(): AbortSignal {
  return AbortSignal.timeout(PATIENCE_MS);
}

/** MAAS's own driver, which opens a connection for every request. */
function maas({ url }: Activator, machine: string): Webhook {
  const uri = `${url}/maas/${machine}`;
  return new Webhook({ token: TOKEN, onUri: `${uri}/on`, offUri: `${uri}/off`, queryUri: `${uri}/query` });
}

/** Asks on and on, whether it is answered or not. */
class Stream {
  readonly #results: Promise<string>[] = [];
  readonly #timer: NodeJS.Timeout;
  answered = 0;

  constructor(ask: () => Promise<string>) {
    this.#timer = setInterval(() => {
      const result = ask().catch(String);
      this.#results.push(result);
      void result.then(() => {
        this.answered += 1;
      });
    }, EVERY_MS);
  }

  get asked(): number {
    return this.#results.length;
  }

  /** Asks no more, and tells what came of each. */
  end(): Promise<string[]> {
    clearInterval(this.#timer);
    return Promise.all(this.#results);
  }
}
