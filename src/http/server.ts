/** Builds the HTTP servers; it never listens. */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { answerJson, answerOf, errorBody } from "./answer.ts";
import { answerMaas, isMaasPath, isNearlyMaasPath, type MaasServices } from "./maas.ts";
import { pathOf } from "./target.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface ServerServices {
  readonly maas: MaasServices;
  /** Everything that is not MAAS's: loaded when it is first asked for, so that power control is there at once. */
  readonly api: () => Promise<Handler>;
  /** Something failed that is our own fault; the caller gets a 500. */
  readonly onFault: (error: unknown) => void;
}

/** Longest a caller may take to send its request (ms). How long an answer takes is not bounded here. */
const REQUEST_TIMEOUT_MS = 30_000;

export function buildServer(services: ServerServices): Server {
  const { onFault } = services;
  const maas = { ...services.maas, onFault };
  let api: Handler | undefined;
  const toApi = (request: IncomingMessage, response: ServerResponse) => {
    if (api) {
      api(request, response);
      return;
    }
    services.api().then(
      (loaded) => {
        api = loaded;
        loaded(request, response);
      },
      (error: unknown) => {
        onFault(error);
        answerJson(response, {
          status: 500,
          error: { code: "internal", message: "the API could not be loaded", hint: "The daemon's log tells why." },
        });
      },
    );
  };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: 10_000, keepAliveTimeout: 10_000 });
  server.on("request", (request, response) => {
    try {
      const path = pathOf(request.url ?? "");
      request.url = path;
      if (isMaasPath(path)) answerMaas(maas, request, response);
      else if (isNearlyMaasPath(path) || request.headers["user-agent"]?.startsWith("MAAS ")) wrongPath(response);
      else toApi(request, response);
    } catch (error) {
      onFault(error);
      answerJson(response, answerOf(error));
    }
  });
  return server.on("clientError", refuseMalformed);
}

/** MAAS takes a 404 for success: a mistyped URI must fail there, and visibly. */
function wrongPath(response: ServerResponse): void {
  answerJson(response, {
    status: 422,
    error: {
      code: "not_found",
      message: "webhooks stand under /maas: /maas/MACHINE/on, off and query",
      hint: "Correct the URI in MAAS's power configuration.",
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

/** What is no HTTP gets its answer too; after it, whatever else comes on the connection ends it. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, message } = MALFORMED[error.code ?? ""] ?? { status: 400, message: "the request is not HTTP" };
  const body = errorBody({ code: "bad_request", message, hint: "Let MAAS's webhook driver ask, or curl." });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`,
  );
}
