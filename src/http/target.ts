/** The path that a request asks for, out of its target (RFC 9112, 3.2). */

/**
 * With scheme and host in front, as a proxy is asked, the path is what is behind them; slashes doubled at the front, as in
 * `http://host//maas`, are one.
 */
export function pathOf(target: string): string {
  if (target.startsWith("/") && target[1] !== "/") return target;
  const path = target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, "");
  if (path === target && !target.startsWith("/")) return target;
  return `/${path.replace(/^\/+/, "")}`;
}

/**
 * What is below the path that the daemon stands under. Proxies that take it away themselves are as good, and so is a MAAS
 * that asks the daemon itself.
 */
export function belowBase(path: string, base: string): string {
  if (base === "" || !path.startsWith(base)) return path;
  const rest = path.slice(base.length);
  if (rest === "" || rest.startsWith("?") || rest.startsWith("#")) return `/${rest}`;
  return rest.startsWith("/") ? pathOf(rest) : path;
}

/** A part of a path as it was meant; as it stands where it is not encoded well. */
export function decoded(part: string): string {
  if (!part.includes("%")) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
