/**
 * A program of the user's own. There is no wire but the program's exit and output:
 *
 *     run: { on: [/opt/power, on, nuc1] }            exit 0: obeyed. Anything else: refused.
 *     run: { query: [/opt/power, state, nuc1] }      prints on, off or unknown; or `on_regex`, `off_regex`, `exit_codes` tell
 *
 * It ends when the program exits. When its time is over the whole process tree is killed (wire/process-tree.ts tells how
 * far that reaches).
 */
import { z } from "zod";
import { type Context, CUTS, defineDriver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "../wire/clip.ts";
import { choice, flag, secretTexts, text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { type Ended, inheritedEnvironment, nameOf, runProgram } from "../wire/process.ts";
import { matchState, stateRegexFields, stateRegexFindings } from "../wire/state-match.ts";

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
  env: secretTexts("More environment variables; their values are masked where the program's output is shown"),
  ...stateRegexFields,
  exit_codes: z
    .strictObject({ on: z.int().min(0).max(255), off: z.int().min(0).max(255) })
    .optional()
    .describe("State by exit status, such as { on: 0, off: 2 }"),
  momentary: flag("The commands press a button that toggles").default(false),
  cuts: choice(CUTS, "What its off takes away; mains or port make it a supply").default("unknown"),
});
type Settings = z.output<typeof OUTLET>;

const BY_HAND = "Run it by hand as the daemon's account, and see why it fails.";

export default defineDriver({
  name: "command",
  title: "Your own program or script",
  family: "Anything else",
  summary: "Runs programs of your own to switch a machine and to read its state.",
  sources: [],
  notes: [
    "Programs are run without a shell: each list is a program and its arguments, and nothing in them is interpreted. `shell: true` takes a text and runs it by the system's shell.",
    "Exit status 0 means that a command was obeyed; anything else is a failure, with the end of the program's output in the message. For `query`, a failure is never a state: without `exit_codes` a non-zero exit is an error. Beware of `exit_codes: { off: 1 }`: a script that crashes exits with 1 too.",
    "A `query` prints `on`, `off` or `unknown` and nothing else on standard output; or `on_regex` and `off_regex` are searched in it (at most 64 KiB, on first); or `exit_codes` tell.",
    "The program gets MAASOCHIST_MACHINE, MAASOCHIST_MAC, MAASOCHIST_ADDRESS and MAASOCHIST_VERB in its environment, and nothing to read. Secrets belong into `env`: arguments are seen by every user of this host. A command is never repeated within one order when it may have acted.",
    "The exchange ends when the program exits. What it leaves running must not write to its output any more, which is closed then: redirect it.",
    "When `timeout` is over the program, its process group and (on Linux) its other descendants get SIGTERM, 2 s later SIGKILL; on Windows the tree is ended at once. What the program detached for good (a daemon: own session, parent gone) is not found, and what runs as another user, as after sudo, may not be signalled; the failure says when something is left.",
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
    const said = clip(ended.stdout, secretsOf(outlet), 80);
    const seen = outlet.exit_codes ? `exited with ${ended.code}` : `said ${said || "nothing"}`;
    return { state: stateOf(outlet, ended), evidence: `${programOf(outlet, "query")} ${seen}` };
  },
});

async function command(outlet: Settings, verb: RunVerb, ctx: Context): Promise<void> {
  const ended = await run(outlet, verb, ctx);
  if (ended.code !== 0)
    throw new PowerError("refused", failureText(outlet, verb, ended), { mayHaveActed: true, hint: BY_HAND });
}

async function run(outlet: Settings, verb: RunVerb, { signal, machine }: Context): Promise<Ended> {
  const program = outlet.run[verb];
  if (program === undefined) throw new PowerError("unsupported", `there is no \`run\` for ${verb}`);
  const env = {
    ...inheritedEnvironment(),
    ...outlet.env,
    MAASOCHIST_MACHINE: machine.name,
    MAASOCHIST_MAC: machine.mac ?? "",
    MAASOCHIST_ADDRESS: machine.address ?? "",
    MAASOCHIST_VERB: verb,
  };
  const { shell, cwd } = outlet;
  return runProgram({ run: program, shell, cwd, env, secrets: secretsOf(outlet), signal });
}

function stateOf(outlet: Settings, ended: Ended): "on" | "off" | "unknown" {
  const { exit_codes: codes, on_regex: on, off_regex: off } = outlet;
  if (codes && ended.code === codes.on) return "on";
  if (codes && ended.code === codes.off) return "off";
  if (codes || ended.code !== 0)
    throw new PowerError("protocol", failureText(outlet, "query", ended), { hint: BY_HAND });
  const program = programOf(outlet, "query");
  // What was cut off might have told another state.
  if (ended.cut) throw new PowerError("protocol", `${program} printed more than 64 KiB`);
  const said = clip(ended.stdout, secretsOf(outlet)) || "nothing";
  if (on !== undefined || off !== undefined) {
    const state = matchState(ended.stdout, { on, off });
    if (state) return state;
    throw new PowerError("protocol", `neither regular expression matches what ${program} printed: ${said}`, {
      hint: "Correct `on_regex` and `off_regex`.",
    });
  }
  const word = ended.stdout.trim().toLowerCase();
  if (word === "on" || word === "off" || word === "unknown") return word;
  throw new PowerError("protocol", `${program} printed neither on, off nor unknown: ${said}`, {
    hint: "Let it print one of these words alone, or give `on_regex` and `off_regex`.",
  });
}

function programOf(outlet: Settings, verb: RunVerb): string {
  return nameOf({ run: outlet.run[verb] ?? "" });
}

function secretsOf({ env }: Settings): string[] {
  return Object.values(env);
}

function failureText(outlet: Settings, verb: RunVerb, ended: Ended): string {
  const how = ended.killedBy === undefined ? `exited with ${ended.code}` : `was ended by ${ended.killedBy}`;
  const said = clip(ended.stderr.trim() === "" ? ended.stdout : ended.stderr, secretsOf(outlet));
  return `${programOf(outlet, verb)} ${how}${said === "" ? "" : `: ${said}`}`;
}

function check(outlet: Settings): Finding[] {
  const findings = stateRegexFindings(outlet);
  const { shell, exit_codes: codes, on_regex: regex } = outlet;
  for (const verb of VERBS) {
    const program = outlet.run[verb];
    if (typeof program === "string" && !shell)
      findings.push(
        mistake("run", `${verb} is one text: write a list such as [/opt/power, ${verb}], or add \`shell: true\``),
      );
    if (Array.isArray(program) && shell)
      findings.push(mistake("run", `with \`shell: true\` ${verb} is one text, not a list`));
    if (program?.[0] === "") findings.push(mistake("run", `${verb} begins with an empty text in place of a program`));
  }
  if (codes && regex !== undefined)
    findings.push(mistake("exit_codes", "either `exit_codes` or regular expressions can tell the state"));
  if (codes && codes.on === codes.off) findings.push(mistake("exit_codes", "on and off have the same exit status"));
  if (codes && (codes.off === 1 || codes.on === 1)) {
    findings.push({
      key: "exit_codes",
      problem: "a script that crashes exits with 1 too, and would be taken for a state",
      severity: "warning",
      code: "exit-code-1",
    });
  }
  return findings;
}
