/**
 * The dashboard in a real browser, against a daemon of the built program. Whatever goes wrong on a page while it is
 * visited fails the test: scripts that throw, what its policy forbids, requests to any other host.
 */
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { configuration, Place, PREPARATION_MS, type Running } from "../../cli/cli.ts";
import { until } from "../../expecting.ts";
import { keptPort } from "../../kept-port.ts";
import { describeWith, missing, pathOf } from "../need.ts";

const ADMIN = "the_token_of_the_admin_herself";
export const VIEWER = "the_token_of_who_only_looks";

/** Longest that the pages may take to show something (ms). */
const PATIENCE_MS = 30_000;

let browser: Browser | undefined;

/** `describe` for tests in a browser; it is started once for a file. */
export function describeInBrowser(name: string, tests: () => void): void {
  describeWith(missing({ chromium: "chromium" }))(name, () => {
    beforeAll(async () => {
      const executablePath = pathOf("chromium");
      if (executablePath === undefined) throw new Error("chromium is gone");
      browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    }, PREPARATION_MS);
    afterAll(() => browser?.close());
    tests();
  });
}

export interface HouseOptions {
  /** Lines of the section `machines:`, with two spaces before each. */
  readonly machines: string;
  /** More sections. */
  readonly more?: string;
  readonly users?: string;
  /** More of `server:`. */
  readonly server?: string;
}

/** A daemon on a port that it keeps when it is started anew. */
export class House implements AsyncDisposable {
  readonly place: Place;
  readonly #options: HouseOptions;
  readonly #port: number;
  #daemon: Running | undefined;

  private constructor(place: Place, port: number, options: HouseOptions) {
    this.place = place;
    this.#port = port;
    this.#options = options;
  }

  static async open(options: HouseOptions): Promise<House> {
    const house = new House(Place.with({}), await keptPort(), options);
    house.configure();
    await house.start();
    return house;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Writes the configuration, with these machines in place of the others. */
  configure(machines = this.#options.machines): void {
    const { users, server = "", more = "" } = this.#options;
    const text = configuration(machines)
      .replace("127.0.0.1:0", `127.0.0.1:${this.#port}`)
      .replace("shutdown_grace: 0s", `shutdown_grace: 0s${server}`)
      .replace(
        "  tokens:\n",
        `${users === undefined ? "" : `  users:\n${users}`}  tokens:\n    - { name: boss, token: ${ADMIN}, role: admin }\n    - { name: guest, token: ${VIEWER}, role: viewer }\n`,
      );
    this.place.write("maasochist.yaml", `${text}${more}`);
  }

  async start(): Promise<void> {
    const daemon = this.place.start(["serve", "--json"]);
    this.#daemon = daemon;
    // Thousands of machines take their time.
    await until(() => daemon.out.includes('"listening"') || daemon.child.exitCode !== null, PREPARATION_MS);
    if (daemon.child.exitCode !== null) throw new Error(`the daemon ended:\n${daemon.out}${daemon.err}`);
  }

  async kill(): Promise<void> {
    await this.#daemon?.end("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.place[Symbol.asyncDispose]();
  }
}

export interface VisitOptions extends BrowserContextOptions {
  /** Signs in with it before the first page; null: does not. Absent: the admin's. */
  readonly token?: string | null;
  /** Below the daemon's address. */
  readonly path?: string;
  /** Where the dashboard is; absent: the daemon's address. */
  readonly url?: string;
}

export class Visit implements AsyncDisposable {
  readonly page: Page;
  readonly #context: BrowserContext;
  readonly #faults: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
  }

  static async to(house: House, options: VisitOptions = {}): Promise<Visit> {
    if (!browser) throw new Error("the browser is not started");
    const { token = ADMIN, path = "", url = house.url, ...rest } = options;
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...rest });
    context.setDefaultTimeout(PATIENCE_MS);
    if (token !== null) {
      const answer = await context.request.post(`${url}/api/v1/session`, { data: { token } });
      if (!answer.ok()) throw new Error(`not signed in: ${await answer.text()}`);
    }
    const visit = new Visit(context, await context.newPage());
    await visit.#watch(new URL(url).origin);
    await visit.page.goto(`${url}/${path}`);
    return visit;
  }

  async #watch(origin: string): Promise<void> {
    await this.page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        throw new Error(`forbidden by the policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    this.page.on("pageerror", (error) => this.#faults.push(error.message));
    this.page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) this.#faults.push(message.text());
    });
    this.page.on("request", (request) => {
      const { protocol, origin: to } = new URL(request.url());
      if (protocol.startsWith("http") && to !== origin) this.#faults.push(`a request to ${request.url()}`);
    });
  }

  /** The line of the table, or the card, of a machine. */
  machine(name: string) {
    return this.page.locator(`[data-machine="${name}"]`);
  }

  /** What axe finds serious or critical on the page as it is. */
  async barriers(): Promise<string[]> {
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`),
      );
  }

  /** Nothing is moved by it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
    if (this.#faults.length > 0) throw new Error(`the page did wrong: ${this.#faults.join("; ")}`);
  }
}

/** It is seen on the page, sooner or later. */
export async function shows(visit: Visit, text: string | RegExp): Promise<void> {
  await visit.page.getByText(text).filter({ visible: true }).first().waitFor();
}
