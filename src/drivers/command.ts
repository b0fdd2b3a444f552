/**
 * A program of the user's own. There is no wire but the program's exit and output:
 *
 *     run: { on: [/opt/power, on, nuc1] }            exit 0: obeyed. Anything else: refused.
 *     run: { query: [/opt/power, state, nuc1] }      prints on, off or unknown; or `on_regex`, `off_regex`, `exit_codes` tell
 *
 * It ends when the program exits. When its time is over the whole process tree is killed.
 */
import { z } from "zod";
import { type Context, CUTS, defineDriver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "../wire/clip.ts";
import { choice, flag, text } from "../wire/fields.ts";
import { type Ended, runProgram } from "../wire/process.ts";
import { regexProblem } from "../wire/regex.ts";
import { matchState } from "../wire/state-match.ts";

const RUN = z.union([z.array(z.string()).min(1), z.string().min(1)]);
const VERBS = ["on", "off", "cycle", "reset", "query"] as const;
type RunVerb = (typeof VERBS)[number];

const OUTLET = z.object({
  run: z
    .strictObject(
      Object.fromEntries(VERBS.map((verb) => [verb, RUN.optional()])) as Record<RunVerb, z.ZodOptional<typeof RUN>>,
    )
    .describe("Program and arguments for each verb; with `shell: true` one text for the shell"),
  shell: flag("Run the texts by the system's shell").default(false),
  cwd: text("Folder it runs in").optional(),
  env: z
    .record(z.string(), z.string())
    .default({})
    .describe("More environment variables; their values are never shown"),
  on_regex: text("Searched in standard output, first: the machine is on").optional(),
  off_regex: text("Searched in standard output: the machine is off").optional(),
  exit_codes: z
    .strictObject({ on: z.int().min(0).max(255), off: z.int().min(0).max(255) })
    .optional()
    .describe("State by exit status, such as { on: 0, off: 2 }"),
  momentary: flag("The commands press a button that toggles").default(false),
  cuts: choice(CUTS, "What its off takes away; mains or port make it a supply").default("unknown"),
});
type Settings = z.output<typeof OUTLET>;

export default defineDriver({
  name: "command",
  title: "Your own program or script",
  family: "Anything else",
  summary: "Runs programs of your own to switch a machine and to read its state.",
  sources: [],
  notes: [
    "Programs are run without a shell: each list is a program and its arguments, and nothing in them is interpreted. `shell: true` takes a text and runs it by the system's shell.",
    "Exit status 0 means that a command was obeyed; anything else is a failure, with the end of the program's output in the message. For `query`, a failure is never a state: without `exit_codes` a non-zero exit is an error. Beware of `exit_codes: { off: 1 }`: a script that crashes exits with 1 too.",
    "The program gets MAASOCHIST_MACHINE, MAASOCHIST_MAC, MAASOCHIST_ADDRESS and MAASOCHIST_VERB in its environment. A command is never repeated within one order when it may have acted.",
    "What `off` takes away is known to you alone: say it with `cuts`.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: 'machines:\n  handmade:\n    driver: command\n    run: { on: [/opt/power, on, "{name}"], off: [/opt/power, off, "{name}"], query: [/opt/power, state, "{name}"] }\n',
    },
    {
      title: "State by regular expressions, as a supply",
      yaml: 'machines:\n  relay:\n    driver: command\n    cuts: mains\n    run: { on: [relayctl, close, "4"], off: [relayctl, open, "4"], query: [relayctl, show] }\n    on_regex: "(?m)^4: closed"\n    off_regex: "(?m)^4: open"\n    timeout: 10s\n    query: { driver: reachable, host: 192.168.1.20 }\n',
    },
    {
      title: "Only for one verb",
      yaml: 'machines:\n  mixed:\n    driver: simulated\n    off: { driver: command, run: [poweroff-it, "{name}"], wait: 90s }\n',
    },
  ],
  cuts: ({ cuts }) => cuts,
  momentary: ({ momentary }) => momentary,
  repeatable: false,
  outlet: OUTLET,
  perVerb: ["run"],
  pace: { timeout: 20_000 },
  without: ({ run }) => [...VERBS.filter((verb) => run[verb] === undefined), "soft"],
  check,
  on: (_none, outlet, ctx) => command(outlet, "on", ctx),
  off: (_none, outlet, ctx) => command(outlet, "off", ctx),
  cycle: (_none, outlet, ctx) => command(outlet, "cycle", ctx),
  reset: (_none, outlet, ctx) => command(outlet, "reset", ctx),
  query: async (_none, outlet, ctx) => {
    const ended = await run(outlet, "query", ctx);
    return {
      state: stateOf(outlet, ended),
      evidence: `${programOf(outlet, "query")} said ${clip(ended.stdout).slice(-80) || "nothing"}`,
    };
  },
});

async function command(outlet: Settings, verb: RunVerb, ctx: Context): Promise<void> {
  const ended = await run(outlet, verb, ctx);
  if (ended.code !== 0)
    throw new PowerError("refused", failureText(outlet, verb, ended), {
      mayHaveActed: true,
      hint: "Run it by hand as the daemon's account, and see why it fails.",
    });
}

function run(outlet: Settings, verb: RunVerb, { signal, machine }: Context): Promise<Ended> {
  const program = outlet.run[verb];
  if (program === undefined) throw new PowerError("unsupported", `there is no \`run\` for ${verb}`);
  // Nothing of the daemon's own settings is a script's business.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("MAASOCHIST_"));
  const env = {
    ...Object.fromEntries(inherited),
    ...outlet.env,
    MAASOCHIST_MACHINE: machine.name,
    MAASOCHIST_MAC: machine.mac ?? "",
    MAASOCHIST_ADDRESS: machine.address ?? "",
    MAASOCHIST_VERB: verb,
  };
  return runProgram({ run: program, shell: outlet.shell, cwd: outlet.cwd, env, signal });
}

function stateOf(outlet: Settings, ended: Ended): "on" | "off" | "unknown" {
  const { exit_codes: codes, on_regex: on, off_regex: off } = outlet;
  if (codes) {
    if (ended.code === codes.on) return "on";
    if (ended.code === codes.off) return "off";
    throw new PowerError("protocol", failureText(outlet, "query", ended));
  }
  if (ended.code !== 0)
    throw new PowerError("protocol", failureText(outlet, "query", ended), {
      hint: "Run it by hand as the daemon's account, and see why it fails.",
    });
  if (on !== undefined || off !== undefined) {
    const state = matchState(ended.stdout, { on, off });
    if (state) return state;
    throw new PowerError(
      "protocol",
      `neither regular expression matches what ${programOf(outlet, "query")} printed: ${clip(ended.stdout, Object.values(outlet.env))}`,
    );
  }
  const word = ended.stdout.trim().toLowerCase();
  if (word === "on" || word === "off" || word === "unknown") return word;
  throw new PowerError(
    "protocol",
    `${programOf(outlet, "query")} printed neither on, off nor unknown: ${clip(ended.stdout, Object.values(outlet.env)) || "nothing"}`,
    {
      hint: "Let it print one of these words alone, or give `on_regex` and `off_regex`.",
    },
  );
}

function programOf(outlet: Settings, verb: RunVerb): string {
  const program = outlet.run[verb];
  return (typeof program === "string" ? program.split(/\s/, 1)[0] : program?.[0]) ?? "";
}

function failureText(outlet: Settings, verb: RunVerb, ended: Ended): string {
  const how = ended.killedBy === undefined ? `exited with ${ended.code}` : `was ended by ${ended.killedBy}`;
  const said = clip(ended.stderr.trim() === "" ? ended.stdout : ended.stderr, Object.values(outlet.env));
  return `${programOf(outlet, verb)} ${how}${said === "" ? "" : `: ${said}`}`;
}

function check(outlet: Settings) {
  const findings: { key: string; problem: string; severity: "error" | "warning"; code?: string }[] = [];
  for (const verb of VERBS) {
    const program = outlet.run[verb];
    if (typeof program === "string" && !outlet.shell)
      findings.push({
        key: "run",
        problem: `${verb} is one text: write a list such as [/opt/power, ${verb}], or add \`shell: true\``,
        severity: "error",
      });
    if (Array.isArray(program) && outlet.shell)
      findings.push({ key: "run", problem: `with \`shell: true\` ${verb} is one text, not a list`, severity: "error" });
  }
  if (outlet.exit_codes?.on !== undefined && outlet.exit_codes.on === outlet.exit_codes.off)
    findings.push({ key: "exit_codes", problem: "on and off have the same exit status", severity: "error" });
  if (outlet.exit_codes && (outlet.exit_codes.off === 1 || outlet.exit_codes.on === 1)) {
    findings.push({
      key: "exit_codes",
      problem: "a script that crashes exits with 1 too, and would be taken for a state",
      severity: "warning",
      code: "exit-code-1",
    });
  }
  for (const key of ["on_regex", "off_regex"] as const) {
    const problem = regexProblem(outlet[key]);
    if (problem !== undefined) findings.push({ key, problem, severity: "error" });
  }
  return findings;
}
