/**
 * Programs that tests put first on PATH. Each hands its arguments and environment to this process over a socket, gets
 * what to print and how to end, and waits as long as there is no answer.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export interface ProgramCall {
  /** Without the program itself. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ProgramEnd {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
  /** Ends itself by this signal. */
  readonly signal?: NodeJS.Signals;
}

export type Program = (call: ProgramCall) => Promise<ProgramEnd> | ProgramEnd;

/** Never answers. */
export const SILENCE: Promise<never> = new Promise(() => undefined);

function shim(name: string, socket: string): string {
  return `#!${process.execPath}
const { writeSync } = require("node:fs");
const socket = require("node:net").connect(${JSON.stringify(socket)});
const chunks = [];
socket.on("data", (chunk) => chunks.push(chunk));
socket.on("end", () => {
  const { stdout = "", stderr = "", code = 0, signal } = JSON.parse(Buffer.concat(chunks).toString());
  if (stdout) writeSync(1, stdout);
  if (stderr) writeSync(2, stderr);
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code;
});
socket.end(JSON.stringify({ name: ${JSON.stringify(name)}, args: process.argv.slice(2), env: process.env }));
`;
}

const programs = new Map<string, Program>();
let shelf: Shelf | undefined;

/** The folder on PATH, there as long as somebody wants a program in it. */
interface Shelf {
  readonly folder: string;
  readonly server: Server;
  readonly path: string | undefined;
  users: number;
}

/** Until it is disposed of, whoever runs the program gets this one. */
export function putOnPath(name: string, program: Program): Disposable {
  const { folder } = hold();
  const file = join(folder, name);
  // Whoever runs it at the moment would find half a file.
  if (!existsSync(file)) writeFileSync(file, shim(name, join(folder, ".socket")), { mode: 0o755 });
  programs.set(name, program);
  return { [Symbol.dispose]: release };
}

function hold(): Shelf {
  shelf ??= open();
  shelf.users += 1;
  return shelf;
}

function open(): Shelf {
  const folder = mkdtempSync(join(tmpdir(), "mso-programs-"));
  const server = createServer({ allowHalfOpen: true }, (socket) => void serve(socket));
  server.listen(join(folder, ".socket"));
  const path = process.env["PATH"];
  process.env["PATH"] = [folder, path ?? ""].join(delimiter);
  return { folder, server, path, users: 0 };
}

function release(): void {
  if (!shelf) return;
  shelf.users -= 1;
  if (shelf.users > 0) return;
  process.env["PATH"] = shelf.path;
  shelf.server.close();
  rmSync(shelf.folder, { recursive: true, force: true });
  shelf = undefined;
}

async function serve(socket: Socket): Promise<void> {
  // Whoever waits in vain is killed.
  socket.on("error", () => undefined);
  const { name, ...call }: { readonly name: string } & ProgramCall = JSON.parse(await read(socket));
  const end = (await programs.get(name)?.(call)) ?? { stderr: `${name}: gone\n`, code: 127 };
  socket.end(JSON.stringify(end));
}

/** Read to its end it would be destroyed by an iterator, and could not be answered any more. */
function read(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on("data", (chunk) => chunks.push(chunk)).on("end", () => resolve(Buffer.concat(chunks).toString()));
  });
}
