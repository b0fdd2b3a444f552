/** docs/errors.md: every stable code, what it means and what to do. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { WARNINGS } from "../../src/config/index.ts";
import { ACCESS_ERRORS } from "../../src/http/access-error.ts";
import { MAAS_ERRORS } from "../../src/maas/maas-error.ts";
import { ERROR_TABLE } from "../../src/power/errors.ts";
import { anchored, code, sections, table } from "./markdown.ts";

/** Codes of requests that never came to power control. */
const REQUESTS = {
  bad_request: ["400", "The request's body or query is not what the API takes. The message tells which field."],
  method: ["405", "Under `/maas`: the action is asked with another method. `Allow` names it."],
  internal: ["500", "A fault in the daemon. Its log tells more; please report it."],
} as const;

/** Codes of the command line's own failures, beside those that the daemon answers. */
const COMMANDS = {
  usage: "The command was called wrongly.",
  cancelled: "It was cancelled at the prompt; nothing was done.",
  confirm:
    "It asks before it takes power away, changes MAAS or overwrites files, and there is nobody to ask. Add `--yes`.",
  daemon_unreachable: "No daemon answers at the local socket. Start it, or name its configuration with `-c`.",
  denied: "This account may not. Use the daemon's own account, or sudo.",
  interrupted: "Ctrl-C ended it. What was done stays done, and is told.",
  no_maas: "No MAAS, or no API key for it, is known here. `maasochist maas login URL` keeps both.",
  not_registered: "MAAS uses no webhooks of this daemon. `maasochist maas register` gives it them.",
  cannot_start: "The daemon cannot start; the message tells why.",
  failed: "Anything else; the message tells what.",
} as const;

export function errorsPage(root: string): string {
  return sections(
    "# Errors and warnings",
    `Codes are stable: scripts may rely on them. Messages may change. Over HTTP a failure is
\`{"error":{"code","message","hint"}}\`; the command line prints message and hint, and the same form with \`--json\`.`,
    "## Failures of power control",
    `The status is that of a failed order. A failed query under \`/maas\` is always 503, so that MAAS asks again; and what is
not found is 422 under \`/maas\` and 404 under \`/api\`, because MAAS takes a 404 for success. *Retry* tells whether the same
request may succeed a moment later without anybody changing anything.`,
    table(
      ["code", "status", "retry", "what to do, where the message says nothing better"],
      Object.entries(ERROR_TABLE).map(([name, { http, retry, hint }]) => [
        anchored(name),
        String(http),
        retry ? "yes" : "no",
        hint,
      ]),
    ),
    "An opposite order that meets one under way is `busy` with status 409.",
    "## Who is let in",
    table(
      ["code", "status", "what to do"],
      Object.entries(ACCESS_ERRORS).map(([name, { status, hint }]) => [anchored(name), String(status), hint]),
    ),
    "`throttled` comes with `Retry-After`: the seconds after which another attempt is looked at.",
    "## Requests",
    table(
      ["code", "status", "meaning"],
      Object.entries(REQUESTS).map(([name, [status, meaning]]) => [anchored(name), status, meaning]),
    ),
    "## The command line",
    "With `--json` these come as well; the exit code tells the kind of the failure: [cli.md](cli.md#exit-codes).",
    table(
      ["code", "meaning"],
      Object.entries(COMMANDS).map(([name, meaning]) => [anchored(name), meaning]),
    ),
    "## Failures of MAAS's API",
    "Told by `maasochist maas`; of single machines in their results, of all as the failure of the command.",
    table(
      ["code", "what to do, where the message says nothing better"],
      Object.entries(MAAS_ERRORS).map(([name, hint]) => [anchored(`maas_${name}`), hint]),
    ),
    "## Warnings of the configuration",
    "The configuration is valid and runs; it will hurt. `maasochist config check --strict` counts them as errors.",
    table(
      ["code", "meaning"],
      Object.entries(WARNINGS).map(([name, meaning]) => [anchored(name), meaning]),
    ),
    "A driver may warn as well, with codes of its own; its page tells of them.",
    "## Errors of the configuration",
    `\`maasochist config check\` prints each with file, line and column, what is wrong and what to do. The codes in brackets
behind the messages:`,
    `${configurationCodes(root).map(code).join(", ")}.`,
  );
}

/** The codes of errors as the source of the configuration room has them. */
function configurationCodes(root: string): string[] {
  const folder = join(root, "src/config");
  const codes = readdirSync(folder).flatMap((file) =>
    [...readFileSync(join(folder, file), "utf8").matchAll(/\bcode: (?:\S+ \?\? )?"([a-z][a-z-]*)"/g)].map(
      (match) => match[1] ?? "",
    ),
  );
  return [...new Set(codes)].filter((found) => !(found in WARNINGS)).sort();
}
