/** What `serve` prints when it listens: what it serves, and lines to paste. */
import type { Daemon } from "../app/daemon.ts";
import type { Configuration } from "../config/index.ts";

const MOST_SHOWN = 12;

export function serveBanner(daemon: Daemon, configuration: Configuration): string[] {
  const { names } = daemon.power;
  const shown = names.slice(0, MOST_SHOWN).map((name) => {
    const { description } = daemon.power.machine(name).spec;
    return `  ${name}${description === undefined ? "" : ` – ${description}`}`;
  });
  const lines = [
    `MAASochist serves ${names.length} ${names.length === 1 ? "machine" : "machines"} on ${daemon.addresses.join(", ")}${configuration.file === undefined ? " (the demonstration: nothing real is switched)" : ""}`,
    ...shown,
    ...(names.length > MOST_SHOWN ? [`  … and ${names.length - MOST_SHOWN} more: maasochist list`] : []),
  ];
  const [first] = names;
  if (first === undefined) return lines;
  const { token } = daemon;
  const header = `-H 'Authorization: Bearer ${token ?? "YOUR_TOKEN"}'`;
  const base = `${daemon.url}/maas/${first}`;
  lines.push(
    "",
    `As MAAS does it, for ${first}:`,
    `curl -X POST ${header} ${base}/on`,
    `curl ${header} ${base}/query`,
    `curl -X POST ${header} ${base}/off`,
    "",
    token === undefined
      ? "Tokens are those of the configuration and of `maasochist token list`."
      : `The token was made on first start and is kept in ${daemon.paths.token}.`,
    "Ctrl-C stops it.",
  );
  return lines;
}
