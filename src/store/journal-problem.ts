/** What is wrong with the journal, for people: what, why, what next. Decided by SQLite's and the system's codes. */
import { messageOf } from "../power/errors.ts";
import { DamagedError } from "./journal-file.ts";
import { SQLITE, sqliteCode } from "./sqlite.ts";

export function isDamage(thrown: unknown): boolean {
  const code = sqliteCode(thrown);
  return thrown instanceof DamagedError || code === SQLITE.corrupt || code === SQLITE.notadb;
}

/** Orders run all the same; this is said with every problem, for it is what people want to know first. */
export function describeProblem(path: string, thrown: unknown): string {
  return `the journal ${path} cannot be used: ${messageOf(thrown)}; orders run, but are not recorded. ${remedy(thrown)}`;
}

function remedy(thrown: unknown): string {
  switch (sqliteCode(thrown)) {
    case SQLITE.full:
    case SQLITE.ioerr:
      return "Make room on its disk and see that the disk is well; it goes on by itself.";
    case SQLITE.busy:
    case SQLITE.locked:
      return "Another program holds it: end that program; it goes on by itself.";
    case SQLITE.readonly:
    case SQLITE.cantopen:
      return "Make the file and its folder writable for this account; it goes on by itself.";
    default:
      break;
  }
  switch (thrown instanceof Error && "code" in thrown ? thrown.code : undefined) {
    case "ENOSPC":
    case "EDQUOT":
      return "Make room on its disk; it goes on by itself.";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "Make the file and its folder writable for this account; it goes on by itself.";
    case "ERR_MODULE_NOT_FOUND":
    case "ERR_DLOPEN_FAILED":
      return "The installation is not whole: install again.";
    default:
      return "Move what stands there away, or configure another: store: { path: … }";
  }
}
