/** The dashboard with a thousand machines: how soon it is usable, how soon it shows a change, what many open pages cost. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { pathOf } from "../test/system/need.ts";
import { Daemon, TOKEN, VIEWER_TOKEN } from "./daemon.ts";

const MACHINES = 1_000;
const OPENINGS = 9;
const CHANGES = 20;
const STREAMS = 200;
const CHANGES_PER_SECOND = 10;
const STREAMED_FOR_MS = 10_000;
/** Clock ticks of the kernel in a second (sysconf(_SC_CLK_TCK)). */
const TICKS = 100;

const FLEET = `  "m[1-${MACHINES}]": { driver: simulated, boot: 0s, shutdown: 0s, initial: off, poll: 1h }`;

export async function pages(say: (line: string) => void): Promise<void> {
  await inBrowser(say);
  await scrolling(say);
  await streams(say);
}

async function inBrowser(say: (line: string) => void): Promise<void> {
  const executablePath = pathOf("chromium");
  if (executablePath === undefined) {
    say("\npages in a browser: chromium is not installed");
    return;
  }
  await using daemon = await Daemon.start(FLEET);
  const url = `http://127.0.0.1:${daemon.port}`;
  // What is loaded at the first request is no part of a page's time.
  await (await fetch(url)).text();
  await (await fetch(`${url}/api/v1/machines`, { headers: { authorization: `Bearer ${VIEWER_TOKEN}` } })).text();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    const usable: number[] = [];
    const bare: number[] = [];
    for (let opening = 0; opening < OPENINGS; opening++) {
      bare.push(await drawn(browser, `${url}/licenses.txt`, "pre"));
      usable.push(await drawn(browser, url, "[data-machine]"));
    }
    say(
      `\ndashboard of ${MACHINES} machines, first ones shown after ${spread(usable)} ms (goal 1000); a page of plain text after ${spread(bare)} ms`,
    );
    const shown = await changes(browser, { url, daemon });
    say(`a machine switched by a webhook, shown on an open page after ${spread(shown)} ms (goal 100)`);
  } finally {
    await browser.close();
  }
}

async function signedIn(browser: Browser, url: string): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const answer = await context.request.post(`${url}/api/v1/session`, { data: { token: VIEWER_TOKEN } });
  if (!answer.ok()) throw new Error(await answer.text());
  return context;
}

/** From opening the page until the first element that is wanted is drawn (ms). */
async function drawn(browser: Browser, url: string, wanted: string): Promise<number> {
  const context = await signedIn(browser, new URL(url).origin);
  const page = await context.newPage();
  // Watched in the page itself: to ask for it from here would take the page its time.
  await page.addInitScript((selector) => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector(selector)) return;
      observer.disconnect();
      // The next frame has it; what comes behind that runs when it is drawn.
      requestAnimationFrame(() => setTimeout(() => performance.mark("drawn")));
    });
    observer.observe(document, { subtree: true, childList: true });
  }, wanted);
  const begun = performance.timeOrigin + performance.now();
  await page.goto(url);
  await page.waitForFunction(() => performance.getEntriesByName("drawn").length > 0, undefined, { polling: 500 });
  const ended = await page.evaluate(
    () => performance.timeOrigin + (performance.getEntriesByName("drawn")[0]?.startTime ?? Number.NaN),
  );
  await context.close();
  return ended - begun;
}

/** From sending a webhook until the page shows the state that it is for (ms): the order, its proof, and the way to the page. */
async function changes(
  browser: Browser,
  { url, daemon }: { readonly url: string; readonly daemon: Daemon },
): Promise<number[]> {
  const context = await signedIn(browser, url);
  const page = await context.newPage();
  await page.goto(url);
  const power = page.locator('[data-machine="m1"] .power__word');
  await power.waitFor();
  await pause(1_000);
  const took: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const [verb, word] = change % 2 === 0 ? (["on", "On"] as const) : (["off", "Off"] as const);
    // Watched in the page itself, whose clock is that of this host. No function in it has a name: tsx would mark it by a
    // helper that the page has not.
    const seen = power.evaluate((_element, wanted) => {
      return new Promise<number>((resolve) => {
        const observer = new MutationObserver(() => {
          if (document.querySelector('[data-machine="m1"] .power__word')?.textContent !== wanted) return;
          observer.disconnect();
          resolve(performance.timeOrigin + performance.now());
        });
        observer.observe(document.body, { subtree: true, childList: true, characterData: true });
      });
    }, word);
    await pause(200);
    const begun = performance.timeOrigin + performance.now();
    await post(daemon, `/maas/m1/${verb}`);
    took.push((await seen) - begun);
  }
  await context.close();
  return took;
}

async function streams(say: (line: string) => void): Promise<void> {
  await using daemon = await Daemon.start(FLEET);
  await pause(2_000);
  await share(daemon, 2_000);
  const without = await share(daemon, STREAMED_FOR_MS);
  const open = await Promise.all(Array.from({ length: STREAMS }, () => openStream(daemon)));
  await pause(1_000);
  const before = open.map((stream) => stream.machines);
  const withStreams = await share(daemon, STREAMED_FOR_MS);
  const told = open.map((stream, index) => stream.machines - (before[index] ?? 0));
  for (const stream of open) stream.close();
  say(
    `${STREAMS} live streams at ${CHANGES_PER_SECOND} changes a second: ${percent(withStreams)} % of a core (goal 20), ${percent(without)} % without streams; ${Math.min(...told)}–${Math.max(...told)} machines told to each in ${STREAMED_FOR_MS / 1_000} s`,
  );
}

let turn = 0;

/** Switches machines one after the other for that time; the share of a core that the daemon took. */
async function share(daemon: Daemon, forMs: number): Promise<number> {
  const ticks = daemon.cpuTicks();
  const begun = performance.now();
  for (let done = 0; done < (forMs / 1_000) * CHANGES_PER_SECOND; done++) {
    const machine = (turn % MACHINES) + 1;
    const verb = Math.floor(turn / MACHINES) % 2 === 0 ? "on" : "off";
    turn += 1;
    void post(daemon, `/maas/m${machine}/${verb}`);
    await pause(Math.max(0, begun + ((done + 1) * 1_000) / CHANGES_PER_SECOND - performance.now()));
  }
  return (daemon.cpuTicks() - ticks) / TICKS / ((performance.now() - begun) / 1_000);
}

interface OpenStream {
  /** How often a machine was told on it. */
  machines: number;
  close(): void;
}

async function openStream({ port }: Daemon): Promise<OpenStream> {
  const headers = { authorization: `Bearer ${VIEWER_TOKEN}` };
  const asked = request({ host: "127.0.0.1", port, path: "/api/v1/live", headers, agent: false });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const stream: OpenStream = { machines: 0, close: () => asked.destroy() };
  response.setEncoding("latin1");
  response.on("data", (text: string) => {
    stream.machines += text.split("event: machine\n").length - 1;
  });
  response.on("error", () => undefined);
  return stream;
}

async function post({ port }: Daemon, path: string): Promise<void> {
  const asked = request({
    host: "127.0.0.1",
    port,
    path,
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    agent: false,
  });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "close");
}

function percent(part: number): string {
  return (part * 100).toFixed(1);
}

/** Frames of a page with ten times as many machines while it is scrolled, beside those of a long page of plain text. */
async function scrolling(say: (line: string) => void): Promise<void> {
  const executablePath = pathOf("chromium");
  if (executablePath === undefined) return;
  await using daemon = await Daemon.start(FLEET.replace(`${MACHINES}]`, `${MACHINES * 10}]`));
  const url = `http://127.0.0.1:${daemon.port}`;
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    const context = await signedIn(browser, url);
    const page = await context.newPage();
    await page.goto(url);
    await page.locator("[data-machine]").first().waitFor();
    await pause(5_000);
    const machines = await scrolled(page, "main");
    await page.goto(`${url}/licenses.txt`);
    const text = await scrolled(page, "html");
    const words = (frames: readonly number[]) =>
      `half within ${quantile(frames, 0.5)} ms, 95 % within ${quantile(frames, 0.95)} ms, the longest ${quantile(frames, 1)} ms`;
    say(`scrolling ${MACHINES * 10} machines, frames: ${words(machines)}; a page of plain text: ${words(text)}`);
  } finally {
    await browser.close();
  }
}

/** How long each frame took (ms) while something was scrolled by one and a half lines a frame. */
function scrolled(page: Page, selector: string): Promise<number[]> {
  return page.evaluate(async (what) => {
    const frames: number[] = [];
    let before = await new Promise<number>((resolve) => void requestAnimationFrame(resolve));
    for (let frame = 0; frame < 300; frame++) {
      document.querySelector(what)?.scrollBy(0, 80);
      const now = await new Promise<number>((resolve) => void requestAnimationFrame(resolve));
      frames.push(now - before);
      before = now;
    }
    return frames;
  }, selector);
}

function quantile(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN).toFixed(0);
}

/** Median, with the least and the most. */
function spread(values: readonly number[]): string {
  return `${quantile(values, 0.5)} (${quantile(values, 0)}–${quantile(values, 1)})`;
}
