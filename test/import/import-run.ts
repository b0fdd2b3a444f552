/** `import` as people run it, in this process: a folder for it to write to, and everything that it says. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { runCli } from "../../src/cli/program.ts";

export const CASES = join(import.meta.dirname, "maaspower");

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class ImportRun implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "maasochist-import-"));

  /** Runs `import maaspower` with these arguments; `typed` is what somebody answers, absent: nobody is there. */
  async run(args: readonly string[], typed?: string): Promise<Ran> {
    const out: string[] = [];
    const err: string[] = [];
    const input = new PassThrough();
    if (typed !== undefined) input.write(`${typed}\n`);
    const code = await runCli(["import", "maaspower", ...args], {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      in: input,
      questions: new PassThrough().on("data", (text: Buffer) => void err.push(text.toString())),
      interactive: typed !== undefined,
      outIsTerminal: false,
      errIsTerminal: false,
      unread: new AbortController().signal,
      env: {},
      cwd: this.folder,
      columns: 120,
    });
    return { code, out: out.join(""), err: err.join("") };
  }

  /** Puts a file there; an old one by the name that people give it. */
  put(text: string, name = "maaspower.yaml"): void {
    writeFileSync(this.file(name), text);
  }

  /** The same of the cases. */
  putCase(name: string): void {
    this.put(readFileSync(join(CASES, `${name}.yaml`), "utf8"));
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  has(name: string): boolean {
    return existsSync(this.file(name));
  }

  read(name: string): string {
    return readFileSync(this.file(name), "utf8");
  }

  write(name: string, text: string): void {
    writeFileSync(this.file(name), text);
    chmodSync(this.file(name), 0o600);
  }

  mode(name: string): number {
    return statSync(this.file(name)).mode & 0o777;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
