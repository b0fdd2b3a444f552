/** SQLite, as little of it as the journal needs: the built-in one where Node has it, else one with the same interface. */

export interface Statement {
  run(...values: readonly (string | number | null)[]): unknown;
  get(...values: readonly (string | number | null)[]): unknown;
  all(...values: readonly (string | number | null)[]): unknown[];
}

export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

interface SqliteModule {
  readonly DatabaseSync: new (path: string) => SqliteDatabase;
}

/** Throws SQLite's or the system's error when the file is no database or cannot be opened. */
export async function openSqlite(path: string): Promise<SqliteDatabase> {
  const [major = 0] = process.versions.node.split(".").map(Number);
  // Named by a variable: Node 20 has no such module, and its types are not those of the floor.
  const builtIn = "node:sqlite";
  const module = (await import(major >= 24 ? builtIn : "@photostructure/sqlite")) as SqliteModule;
  return new module.DatabaseSync(path);
}
