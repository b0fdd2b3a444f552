/** What `serve` prints when it listens: what it serves, and lines to paste. */
import type { Daemon } from "../app/daemon.ts";
import type { Configuration } from "../config/index.ts";
import { number } from "./words.ts";

const MOST_SHOWN = 12;

interface BannerOptions {
  readonly configuration: Configuration;
  readonly env: NodeJS.ProcessEnv;
  /** How people run this program. */
  readonly calledAs: string;
}

export function serveBanner(daemon: Daemon, { configuration, env, calledAs }: BannerOptions): string[] {
  const { names } = daemon.power;
  const shown = names.slice(0, MOST_SHOWN).map((name) => {
    const { description } = daemon.power.machine(name).spec;
    return `  ${name}${description === undefined ? "" : ` – ${description}`}`;
  });
  const demonstration = configuration.file === undefined;
  const lines = [
    `MAASochist serves ${number(names.length, "machine")} on ${whereOf(daemon)}${demonstration ? " (the demonstration: nothing real is switched)" : ""}`,
    ...shown,
    ...(names.length > MOST_SHOWN ? [`  … and ${names.length - MOST_SHOWN} more`] : []),
  ];
  const [first] = names;
  if (first !== undefined) lines.push("", `As MAAS does it, for ${first}:`, ...curlLines(daemon, first, env));
  const { pageUrl } = daemon;
  if (pageUrl !== undefined) lines.push("", `The dashboard: ${pageUrl} – sign in with ${signInWith(daemon)}.`);
  lines.push("", aboutTheToken(daemon));
  lines.push(
    `Ctrl-C stops it. From another terminal${demonstration ? " in this folder" : ""}: ${calledAs} list, ${calledAs} --help`,
  );
  return lines;
}

function whereOf({ addresses, waitingFor }: Daemon): string {
  const there = addresses.join(", ") || "no address yet";
  return waitingFor.length === 0 ? there : `${there} (and waits for ${waitingFor.join(", ")})`;
}

function signInWith({ token, paths }: Daemon): string {
  return token === undefined ? "a user or a token" : `the token in ${paths.token}`;
}

function curlLines({ token, paths, url }: Daemon, machine: string, env: NodeJS.ProcessEnv): string[] {
  // Under systemd this goes to the system's journal, where no secret belongs.
  const logged = env["JOURNAL_STREAM"] !== undefined;
  const shown = token === undefined ? "YOUR_TOKEN" : logged ? `$(cat ${paths.token})` : token;
  const quote = token !== undefined && logged ? '"' : "'";
  const header = `-H ${quote}Authorization: Bearer ${shown}${quote}`;
  const base = `${url}/maas/${machine}`;
  // MAAS does not check certificates by default, and those of a lab are mostly signed by itself.
  const curl = url.startsWith("https:") ? "curl -k" : "curl";
  return [
    `${curl} -X POST ${header} ${base}/on`,
    `${curl} ${header} ${base}/query`,
    `${curl} -X POST ${header} ${base}/off`,
  ];
}

function aboutTheToken({ token, paths }: Daemon): string {
  return token === undefined
    ? "Tokens are those of the configuration and of `maasochist token list`."
    : `The token was made on first start and is kept in ${paths.token}.`;
}
