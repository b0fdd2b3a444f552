/**
 * MAAS's exchange with a webhook, replayed and explained: `maasochist test NAME --as-maas`.
 * What MAAS makes of an answer follows its `webhook` power driver; see docs/maas.md.
 */
import { connect, isIP } from "node:net";
import { messageOf, PowerError } from "../power/errors.ts";

/** MAAS's own time limit for a poll (ms). */
const RPC_TIMEOUT_MS = 15_000;
/** The defaults of the regexes in MAAS's form. */
const ON_REGEX = /status.*:.*running/;
const OFF_REGEX = /status.*:.*stopped/;

export interface ReplayOptions {
  /** `http://192.168.1.10:6227`. */
  readonly url: string;
  readonly machine: string;
  readonly token: string;
  /** Also post an `on`. */
  readonly act: boolean;
  readonly signal: AbortSignal;
}

export interface ReplayStep {
  /** The request, or what was looked at. */
  readonly what: string;
  readonly ok: boolean;
  /** What MAAS makes of it, and what to do where that is not well. */
  readonly explanation: string;
}

interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly ms: number;
}

export async function* replayAsMaas(options: ReplayOptions): AsyncGenerator<ReplayStep> {
  const url = new URL(options.url);
  yield addressStep(url);
  if (url.protocol === "https:") {
    yield {
      what: options.url,
      ok: false,
      explanation:
        "https: this replay speaks plain HTTP only. MAAS sends no server name (SNI): a proxy that chooses by name may pick the wrong certificate.",
    };
    return;
  }
  const query = `/maas/${options.machine}/query`;
  for (const path of [query, `${query}/`]) {
    const step = await queryStep(url, path, options);
    yield step;
    if (!step.ok) return;
  }
  if (options.act) yield await actStep(url, `/maas/${options.machine}/on`, options);
}

function addressStep(url: URL): ReplayStep {
  const host = hostOf(url);
  const what = `address ${host}`;
  if (isIP(host) === 0) {
    return {
      what,
      ok: false,
      explanation:
        "A host name: MAAS's actions work, but it never polls in the background. Give `server.url` a literal IP in a rack's subnet.",
    };
  }
  if (host === "::1" || host.startsWith("127.")) {
    return {
      what,
      ok: false,
      explanation:
        "A loopback address: only a rack controller on this very host reaches it, and MAAS does not poll it in the background. Listen on this host's address in a rack's subnet, and set `server.url`.",
    };
  }
  return {
    what,
    ok: true,
    explanation: "A literal IP address: MAAS polls it in the background if it is in a subnet of a rack controller.",
  };
}

async function queryStep(url: URL, path: string, options: ReplayOptions): Promise<ReplayStep> {
  const what = `GET ${path}`;
  const answer = await ask(url, { ...options, method: "GET", path });
  if (answer instanceof PowerError) return { what, ok: false, explanation: refused(answer) };
  const outcome = described(what, answer);
  const wrong = wrongStatus(answer);
  if (wrong !== undefined) return { what: outcome, ok: false, explanation: wrong };
  if (answer.ms > RPC_TIMEOUT_MS)
    return { what: outcome, ok: false, explanation: "Slower than 15 s: MAAS has given up by then." };
  const on = ON_REGEX.test(answer.body);
  const off = OFF_REGEX.test(answer.body);
  if (on || off) return { what: outcome, ok: true, explanation: `MAAS reads ${on ? "on" : "off"}.` };
  return {
    what: outcome,
    ok: false,
    explanation:
      "Neither of MAAS's default regexes matches: MAAS reads unknown, and a power on fails. See `maasochist status` for why.",
  };
}

async function actStep(url: URL, path: string, options: ReplayOptions): Promise<ReplayStep> {
  const what = `POST ${path}`;
  const answer = await ask(url, { ...options, method: "POST", path });
  if (answer instanceof PowerError) return { what, ok: false, explanation: refused(answer) };
  const outcome = described(what, answer);
  const wrong = wrongStatus(answer);
  if (wrong !== undefined) return { what: outcome, ok: false, explanation: wrong };
  const underWay = "Taken, and still under way: MAAS asks for the state next, and repeats the POST until it shows.";
  return {
    what: outcome,
    ok: true,
    explanation: answer.status === 202 ? underWay : "MAAS takes the order as done, and asks for the state next.",
  };
}

function described(what: string, { status, body, ms }: Answer): string {
  const line = body.replaceAll(/\s+/g, " ").trim();
  return `${what} → ${status} ${line.length > 120 ? `${line.slice(0, 120)}…` : line} (${Math.round(ms)} ms)`;
}

/** Why MAAS would not take the answer, or undefined where it would. */
function wrongStatus({ status, headers }: Answer): string | undefined {
  if (status === 404)
    return "404: MAAS takes this for success, whatever the machine does. The address leads to something else than this daemon.";
  if (status >= 300 && status < 400)
    return `A redirect to ${headers.get("location") ?? "nowhere"}: MAAS follows it for a query but not for a POST. Give MAAS the final address.`;
  if (status === 401) return "401: the token is not known. MAAS repeats the same request 7 times.";
  if (status === 403) return "403: the token may not do this from here. See its role, machines and `from`.";
  if (status >= 400) return `${status}: MAAS counts a failure and repeats the request up to 7 times within 35 s.`;
  return undefined;
}

function refused(error: PowerError): string {
  return `${error.message}: MAAS fails the action at once, without repeating it. ${error.hint}`;
}

interface Request extends ReplayOptions {
  readonly method: "GET" | "POST";
  readonly path: string;
}

/** Sends the request byte for byte as MAAS does: a connection of its own, closed behind it. */
async function ask(url: URL, { method, path, token, signal }: Request): Promise<Answer | PowerError> {
  const length = method === "POST" ? "Content-Length: 0\r\n" : "";
  const head = `${method} ${path} HTTP/1.1\r\nConnection: close\r\n${length}User-Agent: MAAS 3.7.3\r\nAccept: application/json\r\nAuthorization: Bearer ${token}\r\nHost: ${url.host}\r\n\r\n`;
  const begun = performance.now();
  try {
    const text = await exchange(url, head, signal);
    return parse(text, performance.now() - begun);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const why = messageOf(error);
    const message =
      code === "ECONNREFUSED" ? `nothing listens on ${url.host}` : `${url.host} cannot be reached: ${why}`;
    return new PowerError("unreachable", message, {
      cause: error,
      hint: "Is the daemon running, and does `server.url` fit `server.listen`?",
    });
  }
}

function exchange(url: URL, head: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostOf(url), port: Number(url.port || 80), signal });
    const chunks: Buffer[] = [];
    socket.on("connect", () => socket.write(head));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.once("error", reject);
    socket.once("close", () => resolve(Buffer.concat(chunks).toString()));
  });
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function parse(text: string, ms: number): Answer {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, Math.max(0, end)).split("\r\n");
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return { status: Number(first.split(" ")[1] ?? 0), headers, body: end < 0 ? "" : text.slice(end + 4), ms };
}
