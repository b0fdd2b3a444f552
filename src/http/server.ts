/** Builds the HTTP servers; it never listens. */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContextOptions, TlsOptions } from "node:tls";
import { AccessError } from "./access-error.ts";
import { answerJson, answerOf, errorBody } from "./answer.ts";
import { addressOf, Proxies } from "./arrival.ts";
import { answerMaas, isMaasPath, isNearlyMaasPath } from "./maas.ts";
import { answerMaaspower, isMaaspowerPath, type MaaspowerRoutes } from "./maaspower.ts";
import { plainAddress, withinNetworks } from "./networks.ts";
import type { Probes } from "./probes.ts";
import { belowBase, pathOf } from "./target.ts";
import type { WebhookServices } from "./webhook.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What a listener may serve: MAAS's webhooks, the API, the dashboard. */
const SERVED = ["maas", "api", "page"] as const;
type Served = (typeof SERVED)[number];

export interface ServerServices {
  readonly maas: WebhookServices;
  /** The old routes of maaspower, as they are configured now; undefined, or absent: they are not served. */
  readonly maaspower?: () => MaaspowerRoutes | undefined;
  readonly probes: Probes;
  /** Loaded when it is first asked for, so that power control is there at once. */
  readonly api: () => Promise<Handler>;
  /** The dashboard, the same. */
  readonly page: () => Promise<Handler>;
  /** Something failed that is our own fault; the caller gets a 500. */
  readonly onFault: (error: unknown) => void;
  /** A caller at this address was turned away before it could ask. */
  readonly onRefused?: (address: string, why: string) => void;
}

/** How one listener differs from others. Absent: it serves all to everybody who comes, without TLS. */
export interface Front {
  readonly serve?: readonly Served[];
  /** Networks (CIDR) or addresses that callers must come from; empty: any. */
  readonly from?: readonly string[];
  /** Networks or addresses of proxies whose word on a caller is taken; `unix`: those behind a UNIX socket. */
  readonly trustedProxies?: readonly string[];
  /** The path that the daemon stands under, without a slash at its end. */
  readonly base?: string;
  /** With `ca` callers need a certificate that it signed. */
  readonly tls?: SecureContextOptions | undefined;
}

/** Longest a caller may take to send its headers, and all of its request (ms). How long an answer takes is not bounded here. */
const HEADERS_TIMEOUT_MS = 10_000;
const TIMEOUTS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  // How often connections are looked at for that.
  connectionsCheckingInterval: 5_000,
} as const;

export function buildServer(services: ServerServices, front: Front = {}): Server {
  const { onFault, onRefused, probes } = services;
  const { serve = SERVED, from = [], trustedProxies = [], base = "", tls } = front;
  const maas = { ...services.maas, onFault };
  const handlers = {
    api: loadedOnce(services.api, { what: "API", onFault }),
    page: loadedOnce(services.page, { what: "dashboard", onFault }),
  };
  const proxies = new Proxies(trustedProxies);
  const within = withinNetworks(from);

  const server = tls ? createTlsServer({ ...TIMEOUTS, ...tlsOptions(tls) }) : createServer(TIMEOUTS);
  server.on("request", (request, response) => {
    try {
      // Who comes by itself was looked at when it came.
      if (proxies.read(request) && !within(addressOf(request))) throw outside(request);
      const path = belowBase(pathOf(request.url ?? ""), base);
      request.url = path;
      const wanted = wantedBy(request, path);
      if (!serve.includes(wanted) && !isHealthPath(path)) notServed(response, wanted);
      else if (wanted !== "maas") handlers[wanted](request, response);
      else if (probes.answer(request, response)) return;
      else if (isMaasPath(path)) answerMaas(maas, { request, response });
      else {
        const routes = isMaaspowerPath(path) ? services.maaspower?.() : undefined;
        if (routes) answerMaaspower(maas, routes, { request, response });
        else {
          wrongPath(response, isMaaspowerPath(path) ? OLD_ROUTES_OFF : undefined);
          maas.answered("other", { request, status: 422, code: "not_found" });
        }
      }
    } catch (error) {
      if (!(error instanceof AccessError)) onFault(error);
      answerJson(response, answerOf(error));
    }
  });
  if (from.length > 0) {
    // Before TLS and all that: the first of the server's own listeners would begin with it.
    server.prependListener("connection", (socket: Socket) => {
      const address = plainAddress(socket.remoteAddress ?? "");
      if (proxies.trusts(address) || within(address)) return;
      socket.destroy();
      onRefused?.(address, "is in no network of this listener's `from`");
    });
  }
  return server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const { code = "" } = error;
    if (tls && isTlsTrouble(code)) onRefused?.(remoteOf(socket), tlsTrouble(code));
    refuseMalformed(code, socket);
  });
}

/** Callers must show a certificate where there is an authority for them. */
function tlsOptions(tls: SecureContextOptions): TlsOptions {
  return { ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: true, handshakeTimeout: HEADERS_TIMEOUT_MS };
}

interface LoadOptions {
  readonly what: string;
  readonly onFault: (error: unknown) => void;
}

function loadedOnce(load: () => Promise<Handler>, { what, onFault }: LoadOptions): Handler {
  let handler: Handler | undefined;
  return (request, response) => {
    if (handler) {
      handler(request, response);
      return;
    }
    load().then(
      (loaded) => {
        handler = loaded;
        loaded(request, response);
      },
      (error: unknown) => {
        onFault(error);
        answerJson(response, {
          status: 500,
          error: { code: "internal", message: `the ${what} could not be loaded`, hint: "The daemon's log tells why." },
        });
      },
    );
  };
}

function wantedBy({ headers }: IncomingMessage, path: string): Served {
  if (isMaasPath(path) || isMaaspowerPath(path) || isNearlyMaasPath(path) || headers["user-agent"]?.startsWith("MAAS "))
    return "maas";
  return /^\/(?:api|metrics)(?:[/?#]|$)/.test(path) || isHealthPath(path) ? "api" : "page";
}

/** For load balancers and supervisors, who ask it of whatever listener they watch. */
function isHealthPath(path: string): boolean {
  return /^\/(?:healthz|readyz)(?:[/?#]|$)/.test(path);
}

function outside(request: IncomingMessage): AccessError {
  return new AccessError("forbidden_network", `this listener serves nobody at ${addressOf(request)}`);
}

const NAMES: Readonly<Record<Served, string>> = { maas: "MAAS's webhooks", api: "the API", page: "the dashboard" };

function notServed(response: ServerResponse, wanted: Served): void {
  answerJson(response, {
    status: wanted === "maas" ? 422 : 404,
    error: {
      code: "not_found",
      message: `this listener does not serve ${NAMES[wanted]}`,
      hint: "Ask at another address of the daemon, or change `serve` of this one in `server: { listen: … }`.",
    },
  });
}

const OLD_ROUTES_OFF =
  "Correct the URI in MAAS's power configuration, or serve maaspower's routes: `compat: maaspower`.";

/** MAAS takes a 404 for success: a mistyped URI must fail there, and visibly. */
function wrongPath(response: ServerResponse, hint = "Correct the URI in MAAS's power configuration."): void {
  answerJson(response, {
    status: 422,
    error: {
      code: "not_found",
      message: "webhooks stand under /maas: /maas/MACHINE/on, off and query",
      hint,
    },
  });
}

interface Malformed {
  readonly status: number;
  readonly message: string;
}

const MALFORMED: Readonly<Record<string, Malformed>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: "the request's headers are too long" },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: "the request's chunk extensions are too long" },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: "the request did not arrive in time" },
};

function isTlsTrouble(code: string): boolean {
  return code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_");
}

function tlsTrouble(code: string): string {
  if (code === "ERR_SSL_HTTP_REQUEST") return "spoke HTTP where TLS is spoken; its URL must begin with https";
  if (code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") return "showed no certificate, and this listener needs one";
  return `could not agree on TLS: ${code}`;
}

function remoteOf(socket: Duplex): string {
  return "remoteAddress" in socket && typeof socket.remoteAddress === "string"
    ? plainAddress(socket.remoteAddress)
    : "";
}

/** What is no HTTP gets its answer too; after it, whatever else comes on the connection ends it. */
function refuseMalformed(code: string, socket: Duplex): void {
  if (!(code.startsWith("HPE_") || code.startsWith("ERR_HTTP_")) || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, message } = MALFORMED[code] ?? { status: 400, message: "the request is not HTTP" };
  const body = errorBody({ code: "bad_request", message, hint: "Let MAAS's webhook driver ask, or curl." });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`,
  );
}
