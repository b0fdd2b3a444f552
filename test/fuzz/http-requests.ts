/** Requests that nobody should send, none of which may switch anything: either nobody stands behind them, or they ask for nothing. */
import fc from "fast-check";

interface Credentials {
  /** `Authorization` headers of those who may switch. */
  readonly mighty: readonly string[];
  /** Of those who may not, and of nobody. */
  readonly powerless: readonly string[];
}

/** What is sent over one connection. */
interface Conversation {
  readonly bytes: string;
  /** Where the bytes are cut into pieces. */
  readonly cuts: readonly number[];
  /** Does every request in it ask for something under `/maas`? */
  readonly maas: boolean;
}

const METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY", "PROPFIND"];
const NO_METHODS = ["SWITCH", "get", "post", "POS", "POSTT", "CONNECT", "PRI", "", "\u0000", "G ET", "SOURCE"];

const ACTING = ["on", "off", "cycle", "reset"].map((verb) => `/maas/nuc1/${verb}`);
const PARTS = [
  "nuc1",
  "nuc2",
  "pi1",
  "NUC1",
  "nuc9",
  "on",
  "off",
  "query",
  "cycle",
  "reset",
  "onn",
  "now",
  "ON",
  "",
  ".",
  "..",
  "%2e%2e",
  "%2E",
  "%2F",
  "%2f..%2f",
  "%5C",
  "\\",
  "%00",
  "on%00",
  "%ff",
  "%",
  "%zz",
  "%c0%af",
  "%252F",
  ";x=1",
  "*",
  "{name}",
  "é",
  "__proto__",
  "constructor",
  "a".repeat(300),
  "status:running",
  "api",
  "v1",
  "machines",
  "orders",
  "healthz",
  "maas",
  "MAAS",
];
const ENDS = ["", "", "", "/", "//", "?", "?x=1", "?op=query", "#", "#on", "?%00", "?status=running", "/.", "/.."];
const FRONTS = [
  "",
  "",
  "",
  "/",
  "//",
  "http://x",
  "http://127.0.0.1:6227",
  "HTTP://x/",
  "https://u:p@x:1",
  "ftp://[::1]",
];
const MAAS_PREFIXES = ["/maas", "/maas", "/maas", "/maas/", "/MAAS", "/Maas", "/%6Daas", "/maas%2F", "/maa%73"];
const API_TARGETS = [
  "/api/v1/machines",
  "/api/v1/machines/nuc1",
  "/api/v1/machines/nuc1/query",
  "/api/v1/orders",
  "/api/v1/orders/1",
  "/api/v1/events",
  "/api/v1/orders/x/cancel",
  "/api/v1/status",
  "/api/v1/hubs",
  "/api/v1/../../maas/nuc1/on",
  "/api//v1/orders",
  "/api/v1/orders%00",
  "/api/v1/orders?limit=-1",
  "/api/v1/events?after=x&limit=1e9",
  "/api/v1/machines?state=zzz",
  "/api/v1/machines/..%2f..%2fetc%2fpasswd",
  "/healthz",
  "/readyz",
  "/",
  "*",
  "/../maas/nuc1/on",
  "/x/../maas/nuc1/on",
  "/favicon.ico",
  "/.env",
  "/api/v1/machines/%ff",
  "/maasx/nuc1/on",
  "nuc1/on",
  "x:443",
  "http:",
  "//",
  "/api/v1/machines/nuc1/on",
  "/api/v1/machines/__proto__",
];
const VALID_ORDER = JSON.stringify({ machine: "nuc1", verb: "on" });
/** Nothing of these is an order. */
const BODIES = [
  "",
  "{",
  "[]",
  "null",
  '"on"',
  "on: now",
  '{"machine":"nuc1"}',
  '{"machine":"nuc1","verb":"ON"}',
  '{"machine":"nuc9","verb":"on"}',
  '{"machine":["nuc1"],"verb":"on"}',
  '{"machine":"nuc1","verb":"on","force":"yes"}',
  '{"__proto__":{"machine":"nuc1","verb":"on"}}',
  '{"constructor":{"prototype":{}},"machine":"nuc1","verb":"on"}',
  '{"machine":"nuc1","verb":"on"',
  "machine=nuc1&verb=on",
  "[".repeat(5_000),
  "x".repeat(70_000),
  "\u0000\u0001\u00ff",
  "5\r\nhello\r\n0\r\n\r\n",
  "ffffffffffffffff\r\n",
  "-1\r\n\r\n",
  "\r\n\r\n",
];
/** Headers with which a request is still one. */
const HEADERS = [
  "Host: evil",
  "Content-Length: 0, 0",
  "Expect: 100-continue",
  "Connection: upgrade\r\nUpgrade: websocket",
  "Connection: keep-alive",
  "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "X-HTTP-Method-Override: POST",
  "X-Method-Override: POST",
  "X-Original-URL: /maas/nuc1/on",
  "X-Rewrite-URL: /maas/nuc1/on",
  "X-Forwarded-For: 127.0.0.1",
  "Forwarded: for=127.0.0.1",
  "X-Local-User: root",
  "Origin: null",
  "Origin: http://evil.example",
  "Content-Type: application/json",
  "Content-Type: text/plain",
  "Content-Type: application/json; charset=utf-7",
  "Content-Type: a/b;;",
  "X: \u00ff\u00e9",
  `X: ${"a".repeat(9_000)}`,
  `${"x".repeat(9_000)}: 1`,
  "System_id: ../../etc",
  "Last-Event-ID: -1",
  "Accept-Encoding: gzip;q=0",
  "Range: bytes=0-",
  "If-None-Match: *",
  "Cookie: token=1",
  "Trailer: Authorization",
  "TE: trailers",
];
/** Those that a server had better refuse, or that make two servers disagree about where the request ends. */
const FATAL_HEADERS = [
  "Host:",
  "Host: a\r\nHost: b",
  "Content-Length: 0",
  "Content-Length: 5",
  "Content-Length: -1",
  "Content-Length: 1e3",
  "Content-Length: 99999999999999999999",
  "Content-Length: +1",
  "Content-Length: 3\r\nContent-Length: 4",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: chunked, identity",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding: gzip",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding: chunked\r\nContent-Length: 4",
  "Expect: 200-ok",
  "Expect:",
  "Connection: keep-alive, close",
  "X: a\r\n folded",
  "X: a\r\n\tfolded",
  " X: leading",
  "X : blank",
  "X",
  ": nameless",
  "X: \u0000",
  "X: a\rb",
  "X: a\nb",
  `X: ${"a".repeat(20_000)}`,
];
const NO_VERSIONS = ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "http/1.1", "", "HTTP/1.1 x"];
/** No request at all. */
const GIBBERISH = [
  "good morning\r\n\r\n",
  "\u0016\u0003\u0001\u0002\u0000\u0001",
  "\r\n\r\n",
  "\u0000".repeat(40),
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/** Anything that could be taken for a webhook that switches, by whoever is more lenient than the server. */
function couldAct(target: string): boolean {
  const path = (target.replace(/^[a-z]+:\/+[^/]*/i, "").split(/[?#]/, 1)[0] ?? "").replaceAll(/%2e/gi, ".");
  return /^[/\\]*maas[/\\]+[^/\\]+[/\\]+(?:on|off|cycle|reset)[/\\.]*$/i.test(decodedLeniently(path));
}

function decodedLeniently(path: string): string {
  return path.replaceAll(/%([2-7][0-9a-f])/gi, (_whole, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

const maasTarget = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...ACTING) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        front: fc.constantFrom(...FRONTS),
        prefix: fc.constantFrom(...MAAS_PREFIXES),
        parts: fc.array(
          fc.oneof(
            { weight: 9, arbitrary: fc.constantFrom(...PARTS) },
            { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
          ),
          { maxLength: 4 },
        ),
        end: fc.constantFrom(...ENDS),
      })
      .map(({ front, prefix, parts, end }) => front + [prefix, ...parts].join("/") + end),
  },
);
const otherTarget = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...API_TARGETS) },
  { weight: 1, arbitrary: fc.string({ maxLength: 20, unit: "binary-ascii" }).map((text) => `/${text}`) },
);

interface RequestOptions {
  readonly credentials: Credentials;
  readonly maas: boolean;
  /** What may be sent in its body, beside bodies. */
  readonly within?: fc.Arbitrary<string>;
}

function request({ credentials, maas, within }: RequestOptions): fc.Arbitrary<string> {
  return fc
    .record({
      mighty: fc.boolean(),
      who: fc.nat(),
      method: fc.oneof(
        { weight: 16, arbitrary: fc.constantFrom("GET", "POST") },
        { weight: 3, arbitrary: fc.constantFrom(...METHODS) },
        { weight: 1, arbitrary: fc.constantFrom(...NO_METHODS) },
      ),
      target: maas ? maasTarget : otherTarget,
      version: fc.oneof(
        { weight: 15, arbitrary: fc.constant("HTTP/1.1") },
        { weight: 1, arbitrary: fc.constantFrom(...NO_VERSIONS) },
      ),
      foreign: fc.boolean(),
      headers: fc.array(
        fc.oneof(
          { weight: 12, arbitrary: fc.constantFrom(...HEADERS) },
          { weight: 1, arbitrary: fc.constantFrom(...FATAL_HEADERS) },
        ),
        { maxLength: 3 },
      ),
      body: within
        ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...BODIES) }, within)
        : fc.constantFrom(...BODIES),
      length: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom("right", "chunked") },
        { weight: 1, arbitrary: fc.constant("none") },
      ),
      order: fc.boolean(),
      // MAAS is answered in its own way wherever it asks.
      agent: maas ? fc.constantFrom("MAAS 3.7.3", "curl/8.5.0") : fc.constant("curl/8.5.0"),
      close: fc.integer({ min: 0, max: 9 }),
    })
    .map(({ mighty, who, method, target, version, foreign, headers, body, length, order, agent, close }) => {
      // Whoever may switch asks for nothing that switches, unless it is a page of another site that asks.
      const acts = method !== "GET" && method !== "HEAD" && couldAct(target);
      const known = mighty ? credentials.mighty : credentials.powerless;
      const authorization = known[who % known.length] ?? "";
      const content = order && !mighty ? VALID_ORDER : body;
      const lines = [
        `${method} ${target} ${version}`,
        `User-Agent: ${agent}`,
        "Host: 127.0.0.1",
        ...(acts && mighty ? ["Origin: http://evil.example"] : foreign ? [] : ["Origin: http://127.0.0.1"]),
        ...(authorization === "" ? [] : [`Authorization: ${authorization}`]),
        ...(content.startsWith("{") ? ["Content-Type: application/json"] : []),
        ...headers,
        ...(length === "right" ? [`Content-Length: ${content.length}`] : []),
        ...(length === "chunked" ? ["Transfer-Encoding: chunked"] : []),
        ...(close === 0 ? ["Connection: close"] : []),
      ];
      const sent = length === "chunked" ? `${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n` : content;
      return `${lines.join("\r\n")}\r\n\r\n${sent}`;
    });
}

/** The last request of a connection that came through in order: asked by someone who may, and answered. */
function farewell(credentials: Credentials): string {
  return `GET /maas/nuc1/query HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${credentials.mighty[0]}\r\n\r\n`;
}

export function conversation(credentials: Credentials): fc.Arbitrary<Conversation> {
  const of = (maas: boolean) => {
    const plain = request({ credentials, maas });
    const message = fc.oneof(
      { weight: 12, arbitrary: request({ credentials, maas, within: plain }) },
      { weight: 1, arbitrary: fc.constantFrom(...GIBBERISH) },
    );
    return fc
      .record({
        messages: fc.array(message, { minLength: 1, maxLength: 3 }),
        cuts: fc.array(fc.nat({ max: 1_500 }), { maxLength: 4 }),
      })
      .map(({ messages, cuts }) => ({ bytes: `${messages.join("")}${farewell(credentials)}`, cuts, maas }));
  };
  return fc.oneof({ weight: 3, arbitrary: of(true) }, { weight: 2, arbitrary: of(false) });
}

/** The bytes of a conversation in its pieces. */
export function piecesOf({ bytes, cuts }: Conversation): Buffer[] {
  const all = Buffer.from(bytes, "latin1");
  const places = [...new Set(cuts)].filter((cut) => cut > 0 && cut < all.length).toSorted((a, b) => a - b);
  return [0, ...places].map((from, index) => all.subarray(from, places[index] ?? all.length));
}
