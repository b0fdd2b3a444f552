/** maaspower's CommandLine: programs of the person's own, and what they print. */
import { commandOf, secretWords } from "./command-line.ts";
import type { ConversionServices, Converted, Left, Of } from "./conversion.ts";
import type { Secrets, Tree, TreeMap } from "./tree.ts";

const WORD = { on: "\\bon\\b", off: "\\boff\\b" } as const;
const VERBS = ["on", "off", "query"] as const;
/** maaspower waited for ever; a script may have come to rely on more than the driver's own 20 s. */
const TIMEOUT = "60s";

export function commandLine(device: Of<"CommandLine">, services: ConversionServices): Converted | Left {
  const empty = VERBS.find((verb) => device[verb].trim() === "");
  if (empty) return { why: `its \`${empty}\` is empty`, next: "Write the machine by hand, with `driver: command`." };
  const notes: string[] = [];
  const commands = VERBS.map((verb) => {
    const { run, notes: more } = commandOf(device[verb]);
    notes.push(...more.map((note) => `${verb}: ${note}`));
    return { verb, run, shell: typeof run === "string" };
  });
  for (const program of new Set(commands.map(({ run }) => programOf(run)))) {
    const driver = DRIVERS[program];
    if (driver !== undefined) notes.push(`what ${program} is run for, the driver \`${driver}\` does by itself`);
  }
  const regexes = stateRegexes(device, services, notes);
  const runs = commands.map(({ verb, run, shell }) => {
    const shown = hiding(run, device.name, services.secrets);
    if (shown !== run) notes.push("what looks like a password stands in secrets.yaml; the program gets it as before");
    return { verb, shell, run: shown };
  });
  if (!commands.some(({ shell }) => shell) && regexes) {
    const run = Object.fromEntries(runs.map(({ verb, run: words }) => [verb, words]));
    return { entry: { driver: "command", run, ...regexes, timeout: TIMEOUT }, plain: false, notes };
  }
  const entry: TreeMap = Object.fromEntries(
    runs
      .filter(({ verb }) => verb !== "query" || regexes)
      .map(({ verb, run, shell }) => [
        verb,
        { driver: "command", run, ...(shell && { shell }), ...(verb === "query" && regexes), timeout: TIMEOUT },
      ]),
  );
  return { entry, plain: false, notes };
}

/** Programs that a driver makes needless. */
const DRIVERS: Readonly<Record<string, string>> = {
  ipmitool: "ipmi",
  ipmipower: "ipmi",
  wakeonlan: "wake-on-lan",
  etherwake: "wake-on-lan",
  wol: "wake-on-lan",
  ssh: "ssh",
  kasa: "kasa",
  virsh: "libvirt",
  qm: "proxmox",
  pct: "proxmox",
  curl: "http",
  wget: "http",
  mosquitto_pub: "mqtt",
  ping: "reachable",
};

function programOf(run: readonly string[] | string): string {
  const words = typeof run === "string" ? run.split(/\s+/) : run;
  return words[0]?.split("/").at(-1) ?? "";
}

/** The words with those that look like passwords taken out; a text for the shell as a whole where one is in it. */
function hiding(run: readonly string[] | string, name: string, secrets: Secrets): Tree {
  const words = typeof run === "string" ? run.split(/\s+/) : run;
  const secret = secretWords(words);
  if (typeof run === "string") return secret.includes(true) ? secrets.keep(`${name}_command`, run) : run;
  if (!secret.includes(true)) return run;
  return run.map((word, index) => (secret[index] ? secrets.keep(`${name}_argument`, word) : word));
}

/** Undefined where one of them cannot be told here; what to do about it is in the notes then. */
function stateRegexes(
  { query_on_regex: on, query_off_regex: off }: Of<"CommandLine">,
  { regexProblem }: ConversionServices,
  notes: string[],
): { readonly on_regex: string; readonly off_regex: string } | undefined {
  if (on === "on" || off === "off")
    notes.push(
      'query: maaspower took any "on" for on, that in "connection" as well; here it is a word by itself. Best the program prints on or off and nothing else: then take both regexes out',
    );
  const [onRegex, offRegex] = [on === "on" ? WORD.on : multiline(on), off === "off" ? WORD.off : multiline(off)];
  const problem = regexProblem(onRegex) ?? regexProblem(offRegex);
  if (problem === undefined) return { on_regex: onRegex, off_regex: offRegex };
  notes.push(
    `query: it is left out, for its regular expressions cannot be taken over (${problem}): write it anew with what RE2 takes`,
  );
  return undefined;
}

/** Python was told that `^` and `$` are the ends of lines; the end of the text it writes with a capital letter. */
function multiline(expression: string): string {
  const written = expression.replaceAll("\\Z", "\\z");
  return /[\^$]/.test(written) ? `(?m)${written}` : written;
}
