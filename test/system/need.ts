/**
 * What a system test needs of the machine it runs on. By hand, what is missing is named and its tests are left out;
 * under CI=true they fail, so that nothing goes untested there unseen.
 *
 *     describeWith(missing({ sshd: "openssh-server" }), notRoot())("ssh against OpenSSH", () => { … });
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "vitest";

/** Daemons stand where an ordinary account's PATH does not look. */
const FOLDERS = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];

/** The full path of an installed program. */
export function pathOf(program: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Which of these programs are not installed, each with the package that has it; undefined where all are. */
export function missing(programs: Readonly<Record<string, string>>): string | undefined {
  const absent = Object.entries(programs).filter(([program]) => pathOf(program) === undefined);
  const words = absent.map(([program, packageName]) => `${program} is not installed (apt-get install ${packageName})`);
  return words.length === 0 ? undefined : words.join("; ");
}

/** Why a test that changes accounts, networks or the like cannot run; undefined where it can. */
export function notRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : "this account is not root";
}

/** `describe` for tests that cannot run for any of these reasons; those that are undefined hold nobody back. */
export function describeWith(...reasons: readonly (string | undefined)[]): typeof describe | typeof describe.skip {
  const why = reasons.filter((reason) => reason !== undefined).join("; ");
  if (why !== "") {
    if (process.env["CI"] === "true") throw new Error(`this cannot be tested here: ${why}`);
    process.stderr.write(`left out: ${why}\n`);
  }
  return why === "" ? describe : describe.skip;
}
