/** A clone of the repository that is not installed, with an npm that does what a test says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

export interface Ended {
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

export class Clone implements Disposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), "maasochist-clone-")));

  constructor() {
    for (const file of ["setup.mjs", "build.mjs", "dashboard.mjs", "start.mjs"])
      cpSync(join(ROOT, "scripts", file), this.file(`scripts/${file}`));
    for (const file of ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"])
      cpSync(join(ROOT, file), this.file(file));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.file(name)), { recursive: true });
    writeFileSync(this.file(name), text);
  }

  /** The same as in the repository. */
  link(name: string): void {
    mkdirSync(dirname(this.file(name)), { recursive: true });
    symlinkSync(join(ROOT, name), this.file(name));
  }

  /** Runs a script with Node.js, and `npm` as the npm that runs it. */
  async run(script: string, npm = "", ...args: string[]): Promise<Ended> {
    this.write("npm.mjs", npm);
    const child = spawn(process.execPath, [this.file(`scripts/${script}`), ...args], {
      cwd: this.path,
      env: { PATH: process.env["PATH"], HOME: this.path, npm_execpath: this.file("npm.mjs") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    return { code: code ?? signal ?? "gone", out, err };
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}
