/** SQLite, as little of it as the journal needs: the built-in one where Node has it, else one with the same interface. */

export type SqliteValue = string | number | null;

/** Rows have no prototype; parameters are given one by one, by position. */
export interface Statement {
  run(...values: readonly SqliteValue[]): {
    readonly changes: number | bigint;
    readonly lastInsertRowid: number | bigint;
  };
  get(...values: readonly SqliteValue[]): unknown;
  all(...values: readonly SqliteValue[]): unknown[];
}

export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** Opens a file. Throws SQLite's or the system's error when it is no database or cannot be opened. */
export type OpenSqlite = (path: string) => SqliteDatabase;

interface SqliteModule {
  readonly DatabaseSync: new (path: string) => SqliteDatabase;
}

/** Loaded once, so that a file can be opened again later in the middle of a synchronous write. */
export async function loadSqlite(): Promise<OpenSqlite> {
  const [major = 0] = process.versions.node.split(".").map(Number);
  // Named by a variable: Node 20 has no such module, and its types are not those of the floor.
  const builtIn = "node:sqlite";
  const module = (await import(major >= 24 ? builtIn : "@photostructure/sqlite")) as SqliteModule;
  return (path) => new module.DatabaseSync(path);
}

/** Primary result codes (https://sqlite.org/rescode.html) that somebody can do something about. */
export const SQLITE = { busy: 5, locked: 6, readonly: 8, ioerr: 10, corrupt: 11, full: 13, cantopen: 14, notadb: 26 };

/** SQLite's primary code of what was thrown; undefined where it is not SQLite's. */
export function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("errcode" in thrown) || typeof thrown.errcode !== "number") return undefined;
  // The built-in module gives the extended code, whose low byte is the primary one.
  return thrown.errcode & 0xff;
}
