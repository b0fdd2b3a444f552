/** `doctor` as a process, and what it found. */
import type { Finding, FindingCode } from "../../src/cli/findings.ts";
import { Place, type ServedPlace, TOKEN } from "./cli.ts";

export class Diagnosis {
  readonly code: number | string;
  readonly findings: readonly Finding[];

  constructor(code: number | string, findings: readonly Finding[]) {
    this.code = code;
    this.findings = findings;
  }

  /** Codes of what is not well, in the order in which it was found. */
  get amiss(): FindingCode[] {
    return this.findings.filter(({ level }) => level !== "ok").map(({ code }) => code);
  }

  get well(): FindingCode[] {
    return this.findings.filter(({ level }) => level === "ok").map(({ code }) => code);
  }

  /** What is said of it. Throws where it was not found. */
  message(code: FindingCode): string {
    return this.found(code).message;
  }

  found(code: FindingCode): Finding {
    const found = this.findings.find((finding) => finding.code === code);
    if (!found) throw new Error(`${code} was not found, but ${this.findings.map((each) => each.code).join(", ")}`);
    return found;
  }
}

export interface Circumstances {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** It waits for what does not answer (ms). */
const LONGEST_MS = 60_000;
/** Longest that several of them may take in one test (ms). */
export const DIAGNOSES_MS = 180_000;

export async function diagnose(place: Place, { env = {}, args = [] }: Circumstances = {}): Promise<Diagnosis> {
  const { code, out, err } = await place.start(["--json", "doctor", ...args], { env }).end(undefined, LONGEST_MS);
  if (out === "") throw new Error(err);
  const { findings } = JSON.parse(out) as { findings: readonly Finding[] };
  return new Diagnosis(code, findings);
}

/** Lets the system of a process be another one: the text is run before the program. */
export function pretending(place: Place, text: string): Readonly<Record<string, string>> {
  place.write("pretend.cjs", text);
  return { NODE_OPTIONS: `--require ${place.file("pretend.cjs")}` };
}

/** Its clock is ahead by so much (ms). */
export function later(place: Place, ms: number): Readonly<Record<string, string>> {
  return pretending(place, `const now = Date.now; Date.now = () => now() + ${ms};`);
}

/** Asks as MAAS does; answers the status. */
export async function askAsMaas(url: string, machine: string, token = TOKEN): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, "user-agent": "MAAS 3.7.3" };
  return (await fetch(`${url}/maas/${machine}/query`, { headers })).status;
}

/** A place whose daemon is to be reached by that url; on a free port of 127.0.0.1. */
export async function servingAt(url: string, machines: string, more = ""): Promise<ServedPlace> {
  // Where MAAS is to speak TLS and the daemon does not, somebody stands in front.
  const front = url.startsWith("https:") ? ", trusted_proxies: [127.0.0.1]" : "";
  const place = Place.with({
    "maasochist.yaml": `machines:
${machines}server: { listen: 127.0.0.1:0, shutdown_grace: 0s, url: "${url}"${front} }
access: { tokens: [{ name: maas, token: ${TOKEN}, role: maas }] }
${more}`,
  });
  const daemon = await place.serve();
  const { listening } = JSON.parse(daemon.out) as { listening: readonly string[] };
  return Object.assign(place, { daemon, url: `http://${listening[0] ?? ""}` });
}
