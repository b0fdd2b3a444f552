/** Where the dashboard stands: a proxy may have put it under any path, so it is found by the address of this very script. */
const UP = "..";

/** With a slash at its end. */
export const ROOT = import.meta.env.DEV ? new URL("/", window.location.href) : new URL(UP, import.meta.url);

/** The address of something below it: `machines/nuc1`, `api/v1/hubs?tag=x`. */
export function addressOf(path: string): URL {
  return new URL(path, ROOT);
}
