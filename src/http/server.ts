/** Builds the HTTP servers; it never listens. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { answerJson } from "./answer.ts";
import { answerMaas, isMaasPath, type MaasServices } from "./maas.ts";

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
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: 10_000, keepAliveTimeout: 10_000 });
  let api: Handler | undefined;
  server.on("request", (request, response) => {
    if (isMaasPath(request.url ?? "")) answerMaas(services.maas, request, response);
    else if (request.headers["user-agent"]?.startsWith("MAAS ")) wrongPath(response);
    else if (api) api(request, response);
    else {
      services.api().then(
        (loaded) => {
          api = loaded;
          loaded(request, response);
        },
        (error: unknown) => {
          services.onFault(error);
          answerJson(response, {
            status: 500,
            error: { code: "internal", message: "the API could not be loaded", hint: "The daemon's log tells why." },
          });
        },
      );
    }
  });
  return server;
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
