/** What every command works with: where it writes, what was given for all commands, and how it ends. */
import { styleText } from "node:util";
import type { Client } from "./client.ts";
import { table } from "./table.ts";

export interface Globals {
  /** `-c FILE`. */
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  /** False after `--no-color`. */
  readonly color?: boolean | undefined;
}

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly in: NodeJS.ReadableStream;
  /** Where questions go. */
  readonly questions: NodeJS.WritableStream;
  /** Can it be asked something? */
  readonly interactive: boolean;
  /** Do results go to a terminal? */
  readonly outIsTerminal: boolean;
  /** Do failures, advice and the log go to a terminal? */
  readonly errIsTerminal: boolean;
  /** Aborts when nobody reads the results any more. */
  readonly unread: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly columns: number;
}

type Format = Parameters<typeof styleText>[0];

export class Cli {
  readonly terminal: Terminal;
  globals: Globals = {};
  /** What the process ends with; a command that partly failed sets it. */
  exitCode = 0;
  /** The daemon goes on when nobody reads what it says. */
  goesOnUnread = false;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  /** How people run this program: in a clone it is not on their path. */
  get calledAs(): string {
    const script = this.terminal.env["npm_lifecycle_event"];
    return script === "start" || script === "npx" ? "npx maasochist" : "maasochist";
  }

  get json(): boolean {
    return this.globals.json === true;
  }

  /** A line of result. */
  say(line = ""): void {
    if (!this.json) this.terminal.out(`${line}\n`);
  }

  /** A line beside the result: progress, advice. */
  note(line: string): void {
    if (!this.json && this.globals.quiet !== true) this.terminal.err(`${line}\n`);
  }

  /** Lines of a table: fitted to a terminal, whole where a program reads them. */
  table(rows: readonly (readonly string[])[], leaveOut?: readonly number[]): string[] {
    const width = this.terminal.outIsTerminal ? this.terminal.columns : undefined;
    return table(rows, { width, ...(leaveOut && { leaveOut }) });
  }

  /** A table whose first row is its head. */
  sayTable(rows: readonly (readonly string[])[]): void {
    const [head = "", ...lines] = this.table(rows);
    this.say(this.paint("bold", head));
    for (const line of lines) this.say(line);
  }

  /** The result as JSON, under `--json`. */
  data(data: Record<string, unknown>): void {
    if (this.json) this.terminal.out(`${JSON.stringify({ schemaVersion: 1, ...data })}\n`);
  }

  /** Colours a part of a result. */
  paint(format: Format, text: string): string {
    return this.colourResults ? styleText(format, text, { validateStream: false }) : text;
  }

  /** Colours a part of what goes to standard error. */
  paintError(format: Format, text: string): string {
    return this.colourErrors ? styleText(format, text, { validateStream: false }) : text;
  }

  get colourResults(): boolean {
    return this.#colours(this.terminal.outIsTerminal);
  }

  get colourErrors(): boolean {
    return this.#colours(this.terminal.errIsTerminal);
  }

  #colours(isTerminal: boolean): boolean {
    const { env } = this.terminal;
    return this.globals.color !== false && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb" && isTerminal;
  }

  /** The daemon, over its local socket. Throws CliError when it does not answer. */
  async daemon(): Promise<Client> {
    const { connectDaemon } = await import("./client.ts");
    return connectDaemon(this);
  }
}
