/** What MAAS's webhook driver puts on the wire, byte for byte as Twisted's HTTP client writes it. */

/** The fields of MAAS's form, and what MAAS itself knows. */
export interface WebhookSettings {
  readonly onUri: string;
  readonly offUri: string;
  readonly queryUri: string;
  /** Absent: the form's own. */
  readonly onRegex?: string;
  readonly offRegex?: string;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** MAAS's id of the machine; background polls alone send it, actions since 3.5 do not. */
  readonly systemId?: string;
}

export type Method = "GET" | "POST";

/** A URI as it is taken apart without changing it: no part is decoded, resolved or encoded. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** `Host:` as it is sent. */
  readonly authority: string;
  readonly path: string;
}

/** Throws Error for what Twisted refuses before anything is sent. */
export function targetOf(uri: string): Target {
  const trimmed = uri.trimEnd();
  if (/[^\x21-\x7e]/.test(trimmed)) throw new Error(`Invalid URI ${JSON.stringify(trimmed)}`);
  const [, scheme, authority = "", path = ""] = /^(?:([a-z]+):\/\/)?([^/?#]*)([^#]*)/.exec(trimmed) ?? [];
  if (scheme !== "http") throw new Error(`Unsupported scheme: ${JSON.stringify(scheme ?? "")}`);
  if (authority.includes("@")) throw new Error(`invalid hostname: ${authority}`);
  const [, host = "", port = "80"] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(authority) ?? [];
  return {
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    authority: port === "80" ? host : authority,
    path: path.startsWith("/") ? path : `/${path}`,
  };
}

/** The whole request. `authorized` false: the credential is left out, as on the way to another origin. */
export function requestBytes(
  method: Method,
  { path, authority }: Target,
  { settings, authorized }: { readonly settings: WebhookSettings; readonly authorized: boolean },
): Buffer {
  const { systemId } = settings;
  const authorization = authorized ? authorizationOf(settings) : undefined;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Connection: close",
    ...(method === "POST" ? ["Content-Length: 0"] : []),
    "User-Agent: MAAS 3.7.3",
    "Accept: application/json",
    // Twisted writes the name `System_Id` with a small i.
    ...(systemId === undefined ? [] : [`System_id: ${systemId}`]),
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    `Host: ${authority}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}

/** The token wins; a user without a password, or a password without a user, is nothing. */
function authorizationOf({ user, pass, token }: WebhookSettings): string | undefined {
  if (token) return `Bearer ${token.replaceAll(/[\r\n]+/g, " ")}`;
  if (user && pass) return `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
  return undefined;
}
