/** MAAS's address and the API key for it, as `maasochist maas login` keeps them beside the journal; mode 0600. */
import { readFileSync } from "node:fs";
import { messageOf } from "../power/errors.ts";
import { Secret } from "../power/secret.ts";
import { writeAtomically } from "./atomic-file.ts";

export interface MaasLogin {
  readonly url: string;
  readonly key: Secret;
}

/** Undefined where none is kept. Throws where the file cannot be used; without quoting it. */
export function readMaasLogin(path: string): MaasLogin | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const { url, key } = fieldsOf(text);
  if (typeof url !== "string" || typeof key !== "string") throw new Error(`${path} is damaged`);
  return { url, key: new Secret(key) };
}

/** Takes the place of the one before. Throws the system's error. */
export function keepMaasLogin(path: string, { url, key }: MaasLogin): void {
  writeAtomically(path, `${JSON.stringify({ version: 1, url, key: key.reveal() }, undefined, 2)}\n`);
}

function fieldsOf(text: string): { readonly url?: unknown; readonly key?: unknown } {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === "object" && data !== null ? data : {};
  } catch {
    return {};
  }
}
