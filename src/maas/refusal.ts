/** What it means that MAAS answers with an error, or that no answer comes. */
import { messageOf } from "../power/errors.ts";
import { MOST_SKEW_MS } from "./api-key.ts";
import { MaasError, type MaasErrorCode } from "./maas-error.ts";

/** More of MAAS's words helps nobody. */
const LONGEST_WORDS = 400;

export interface MaasAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly location: string | undefined;
  /** How far MAAS's clock is ahead of ours (ms), by its `Date`; undefined where it told none. */
  readonly skewMs: number | undefined;
}

const CODES: Readonly<Record<number, MaasErrorCode>> = {
  400: "invalid",
  401: "key",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  502: "busy",
  503: "busy",
  504: "timeout",
};

/** Does it come from a web server that stands in front of MAAS, or in its place? */
export function isPage({ type, text }: Pick<MaasAnswer, "type" | "text">): boolean {
  return type.startsWith("text/html") || /^\s*</.test(text);
}

/** The failure that an answer other than 2xx is. */
export function refusalOf(answer: MaasAnswer, what: string): MaasError {
  const { status, location, skewMs } = answer;
  if (status >= 300 && status < 400)
    return new MaasError("not_maas", `${what}: MAAS's address redirects to ${location ?? "nowhere"}`, {
      status,
      hint: "Use the address that it redirects to.",
    });
  if (isPage(answer)) {
    const code = status >= 500 ? (CODES[status] ?? "not_maas") : "not_maas";
    const said = status === 404 ? "there is no MAAS API at this address" : "a web server answers in the place of MAAS";
    return new MaasError(code, `${what}: ${said} (${status})`, { status });
  }
  if (status === 401 && skewMs !== undefined && Math.abs(skewMs) >= MOST_SKEW_MS)
    return new MaasError("clock", `MAAS refuses our time: ${skewWords(skewMs)}`, { status });
  const fields = fieldsOf(answer.text);
  const words = wordsOf(answer.text, fields);
  const said = words === "" ? `MAAS answers ${status}` : words;
  const code = CODES[status] ?? "failed";
  if (code === "key") return new MaasError(code, `MAAS does not accept the API key: ${said}`, { status });
  return new MaasError(code, `${what}: ${said}`, { status, fields });
}

/** `its clock is 412 s ahead of ours`. */
export function skewWords(skewMs: number): string {
  return `its clock is ${Math.round(Math.abs(skewMs) / 1_000)} s ${skewMs > 0 ? "ahead of" : "behind"} ours`;
}

/** `{"power_parameters": ["Unknown parameter(s): x."]}`; empty for an answer of another form. */
function fieldsOf(text: string): Record<string, readonly string[]> {
  const data = jsonIn(text);
  if (typeof data !== "object" || data === null || Array.isArray(data)) return {};
  return Object.fromEntries(
    Object.entries(data).map(([field, said]) => [field, (Array.isArray(said) ? said : [said]).map(String)]),
  );
}

function wordsOf(text: string, fields: Readonly<Record<string, readonly string[]>>): string {
  const listed = Object.entries(fields).map(([field, said]) =>
    field === "__all__" ? said.join(" ") : `${field}: ${said.join(" ")}`,
  );
  const words = (listed.length > 0 ? listed.join("; ") : text).replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  return words.length > LONGEST_WORDS ? `${words.slice(0, LONGEST_WORDS)}…` : words;
}

export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const UNTRUSTED = /^(?:CERT_|CRL_|DEPTH_ZERO|HOSTNAME_|INVALID_CA|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT)/;
const NO_TLS = /^(?:ERR_SSL|ERR_TLS|ERR_OSSL|EPROTO)/;
const SILENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses the connection",
  ENOTFOUND: "has no address",
  EAI_AGAIN: "has no address: the name service does not answer",
  UND_ERR_CONNECT_TIMEOUT: "cannot be connected to in time",
  UND_ERR_SOCKET: "closed the connection",
  ECONNRESET: "closed the connection",
};

/** The failure that no answer is. */
export function silenceOf(error: unknown, host: string): MaasError {
  const code = codeOf(error);
  if (UNTRUSTED.test(code))
    return new MaasError("tls", `the certificate of ${host} is not trusted (${code})`, { cause: error });
  if (NO_TLS.test(code))
    return new MaasError("tls", `${host} does not speak TLS as it should (${code})`, {
      cause: error,
      hint: "MAAS speaks http on port 5240, and https on 5443 where TLS is enabled.",
    });
  // The parser's error holds what came, which may repeat what was sent.
  if (error instanceof Error && error.name === "HTTPParserError")
    return new MaasError("not_maas", `what answers at ${host} speaks no HTTP`);
  const why = SILENCES[code] ?? `cannot be reached (${code || messageOf(error)})`;
  return new MaasError("unreachable", `MAAS at ${host} ${why}`, { cause: error });
}

/** The code of an error; a host with several addresses gives one error for each. */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : "";
}
