import { describe, expect, test } from "vitest";
import { METRICS } from "../../src/http/metrics.ts";
import { until } from "../expecting.ts";
import { type Scraped, scraped } from "../scraped.ts";
import { MAAS_TOKEN, RunningDaemon, VIEWER_TOKEN } from "./running.ts";

const MACHINES = `
machines:
  "nuc[1-3]": { driver: simulated, boot: 0s, shutdown: 0s, initial: off }
  gone: { driver: shelly, address: 127.0.0.1, port: 65432, timeout: 500ms }
`;

async function metrics(running: RunningDaemon): Promise<Scraped> {
  const { status, text } = await running.ask("/metrics", { token: VIEWER_TOKEN });
  if (status !== 200) throw new Error(text);
  return scraped(text);
}

async function value(running: RunningDaemon, sample: string): Promise<number | undefined> {
  return (await metrics(running)).samples.get(sample);
}

describe("metrics of a running daemon", () => {
  test("are all in the format, and each has the type and the labels that are documented", async () => {
    await using running = await RunningDaemon.start(MACHINES);
    await running.ask("/maas/nuc1/on", { token: MAAS_TOKEN, method: "POST" });
    const { types, helps, samples } = await metrics(running);
    expect([...types.keys()]).toEqual(METRICS.map(({ name }) => name));
    expect([...helps.keys()]).toEqual(METRICS.map(({ name }) => name));
    for (const key of samples.keys()) {
      const name = key.replace(/\{.*/, "");
      const metric = METRICS.find(
        (known) => known.name === name || known.name === name.replace(/_(bucket|sum|count)$/, ""),
      );
      const labels = [...key.matchAll(/(\w+)="/g)].map(([, label]) => label);
      const brought = labels.filter((label) => label === "le" || label === "quantile");
      expect({ key, labels }).toEqual({ key, labels: [...(metric?.labels ?? ["?"]), ...brought] });
    }
  });

  test("count machines as they are switched", async () => {
    await using running = await RunningDaemon.start(MACHINES);
    await until(async () => (await value(running, 'maasochist_machines{state="off"}')) === 3);
    await running.ask("/maas/nuc1/on", { token: MAAS_TOKEN, method: "POST" });
    await running.ask("/maas/nuc2/on", { token: MAAS_TOKEN, method: "POST" });
    const { samples } = await metrics(running);
    expect(samples.get('maasochist_machines{state="off"}')).toBe(1);
    expect(samples.get('maasochist_machines{state="on"}')).toBe(2);
    expect(samples.get('maasochist_orders_accepted_total{verb="on"}')).toBe(2);
    expect(samples.get('maasochist_orders_total{verb="on",result="done",code=""}')).toBe(2);
    expect(samples.get('maasochist_order_duration_seconds_count{verb="on",result="done"}')).toBe(2);
    expect(samples.get('maasochist_order_duration_seconds_bucket{verb="on",result="done",le="300"}')).toBe(2);
    expect(samples.get('maasochist_webhook_requests_total{route="on",status="200"}')).toBe(2);
    expect(
      samples.get('maasochist_hub_exchange_duration_seconds_count{hub="nuc1",driver="simulated"}'),
    ).toBeGreaterThan(1);
  });

  test("tell of a hub that does not answer, and of the order that failed for it", async () => {
    await using running = await RunningDaemon.start(MACHINES);
    const { status } = await running.ask("/maas/gone/on", { token: MAAS_TOKEN, method: "POST" });
    expect(status).toBe(503);
    const { samples } = await metrics(running);
    const hub = 'hub="127.0.0.1:65432",driver="shelly"';
    expect(samples.get(`maasochist_hub_failing{${hub}}`)).toBe(1);
    expect(samples.get(`maasochist_hub_exchange_failures_total{${hub},code="unreachable"}`)).toBeGreaterThan(0);
    expect(samples.get('maasochist_orders_total{verb="on",result="failed",code="unreachable"}')).toBe(1);
    expect(samples.get('maasochist_webhook_requests_total{route="on",status="503"}')).toBe(1);
  });

  test("count what the door refused, by what it was for", async () => {
    await using running = await RunningDaemon.start(MACHINES);
    await running.ask("/maas/nuc1/query");
    await running.ask("/maas/nuc1", { token: MAAS_TOKEN });
    await running.ask("/MAAS/nuc1/on", { token: MAAS_TOKEN, method: "POST" });
    const { samples } = await metrics(running);
    expect(samples.get('maasochist_webhook_requests_total{route="query",status="401"}')).toBe(1);
    expect(samples.get('maasochist_webhook_requests_total{route="other",status="422"}')).toBe(2);
  });

  test("tell locks, and streams while they are open", async () => {
    await using running = await RunningDaemon.start(MACHINES);
    const ended = new AbortController();
    await fetch(`${running.daemon.url}/api/v1/events/stream`, {
      headers: { authorization: `Bearer ${VIEWER_TOKEN}` },
      signal: ended.signal,
    });
    running.daemon.power.lock("nuc1", { reason: "repair", actor: { id: "user:anna", name: "anna", role: "admin" } });
    expect(await value(running, "maasochist_machines_locked")).toBe(1);
    expect(await value(running, 'maasochist_live_streams{kind="events"}')).toBe(1);
    ended.abort();
    await until(async () => (await value(running, 'maasochist_live_streams{kind="events"}')) === 0);
  });

  test("watch the event loop from the first scrape on", async () => {
    await using running = await RunningDaemon.start(MACHINES);
    let late: number | undefined;
    await until(async () => {
      late = await value(running, 'nodejs_eventloop_delay_seconds{at="max"}');
      return late !== undefined;
    });
    expect(late).toBeGreaterThanOrEqual(0);
  });
});

describe("who is told metrics", () => {
  test.each([
    ["nobody without a credential", undefined, 401],
    ["whoever may look at every machine", VIEWER_TOKEN, 200],
    ["MAAS's own token", MAAS_TOKEN, 200],
    ["not who may look at some machines alone", "the_token_of_who_sees_one_alone", 403],
  ])("%s", async (_who, token, status) => {
    await using running = await RunningDaemon.start(MACHINES);
    const answer = await running.ask("/metrics", token === undefined ? {} : { token });
    expect(answer.status).toBe(status);
  });

  test("everybody at an address that the configuration names, and nobody else", async () => {
    await using open = await RunningDaemon.start(`metrics: { from: [127.0.0.0/8] }\n${MACHINES}`);
    const { status, headers } = await open.ask("/metrics");
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    await using shut = await RunningDaemon.start(`metrics: { from: [192.0.2.0/24] }\n${MACHINES}`);
    expect((await shut.ask("/metrics")).status).toBe(401);
  });

  test("a POST is no scrape", async () => {
    await using running = await RunningDaemon.start(MACHINES);
    expect((await running.ask("/metrics", { token: VIEWER_TOKEN, method: "POST" })).status).toBe(404);
  });
});
