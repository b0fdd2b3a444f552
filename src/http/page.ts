/** The dashboard: static files, and the one page that stands at each of its addresses. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerJson, answerOf } from "./answer.ts";
import {
  ENCODINGS,
  type Encoding,
  INDEX,
  type PageFile,
  type Representation,
  readPage,
  stampOf,
} from "./page-files.ts";
import type { Handler } from "./server.ts";
import { decoded } from "./target.ts";

/** First parts of the addresses that the dashboard shows something at. */
export const PAGE_ROUTES = ["machines", "hubs", "events", "configuration", "add", "signin"] as const;

/**
 * What a page of ours may do: nothing but load what stands here. It may be framed by nobody, so that no click on it is
 * somebody else's idea.
 */
const PAGE_HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

export interface PageOptions {
  /** Where the build put the dashboard. */
  readonly folder: string;
  /** The path that the daemon stands under, without a slash at its end: `/power`, or nothing. */
  readonly base: string;
  /** Something failed that is our own fault; the caller gets a 500. */
  readonly onFault: (error: unknown) => void;
}

export function buildPage({ folder, base, onFault }: PageOptions): Handler {
  const page = new Page(folder, base);
  return (request, response) => {
    request.resume();
    page.answer(request, response).catch((error: unknown) => {
      onFault(error);
      answerJson(response, answerOf(error));
    });
  };
}

interface Loaded {
  /** Changes when the dashboard is built anew: its files are read anew then. */
  readonly stamp: string;
  readonly files: Promise<ReadonlyMap<string, PageFile>>;
}

class Page {
  readonly #folder: string;
  readonly #base: string;
  #loaded: Loaded | undefined;

  constructor(folder: string, base: string) {
    this.#folder = folder;
    this.#base = base;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      answerJson(response, {
        status: 405,
        headers: { ...PAGE_HEADERS, Allow: "GET, HEAD" },
        error: { code: "method", message: "pages are asked with GET", hint: "The API stands under /api/v1." },
      });
      return;
    }
    const path = decoded((request.url ?? "/").split(/[?#]/, 1)[0] ?? "/").slice(1);
    const [first = ""] = path.split("/", 1);
    const isRoute = first === "" || PAGE_ROUTES.some((route) => route === first);
    const files = await this.#files(isRoute);
    if (!files) {
      say(response, { status: 503, ...NOT_BUILT });
      return;
    }
    const file = files.get(path) ?? (isRoute ? files.get(INDEX) : undefined);
    if (file) answerFile(request, response, file);
    else if (request.headers.accept?.includes("text/html")) {
      say(response, { status: 404, title: "There is no such page", body: `<a href="${this.#base}/">The machines</a>` });
    } else {
      answerJson(response, {
        status: 404,
        headers: PAGE_HEADERS,
        error: {
          code: "not_found",
          message: `there is no ${request.method} /${path.slice(0, 256)}`,
          hint: "The API stands under /api/v1, MAAS's webhooks under /maas.",
        },
      });
    }
  }

  /** Undefined where the dashboard was not built. Whether it was built anew is asked when its page is. */
  async #files(look: boolean): Promise<ReadonlyMap<string, PageFile> | undefined> {
    if (this.#loaded && !look) return this.#loaded.files;
    const stamp = await stampOf(this.#folder);
    // While it is built anew it is not there: the one that was read is as good as ever.
    if (stamp === undefined || this.#loaded?.stamp === stamp) return this.#loaded?.files;
    const before = this.#loaded;
    const files = readPage(this.#folder, this.#base);
    this.#loaded = { stamp, files };
    try {
      return await files;
    } catch (error) {
      this.#loaded = before;
      throw error;
    }
  }
}

function answerFile(request: IncomingMessage, response: ServerResponse, file: PageFile): void {
  const { encoding, body, etag } = chosen(file, request.headers["accept-encoding"]);
  const headers = {
    ...PAGE_HEADERS,
    ETag: etag,
    "Cache-Control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    ...(file.encoded.size > 0 && { Vary: "Accept-Encoding" }),
  };
  if (names(request.headers["if-none-match"], etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, {
    ...headers,
    "Content-Type": file.type,
    "Content-Length": body.length,
    ...(encoding !== undefined && { "Content-Encoding": encoding }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function chosen(
  { plain, encoded }: PageFile,
  accepted: string | undefined,
): Representation & { readonly encoding?: Encoding } {
  for (const { name } of ENCODINGS) {
    const found = encoded.get(name);
    if (found && accepts(accepted, name)) return { ...found, encoding: name };
  }
  return plain;
}

/** RFC 9110, 12.5.3: a quality of 0 refuses; `*` is not taken for a wish. */
function accepts(header: string | undefined, encoding: Encoding): boolean {
  return (header ?? "").split(",").some((item) => {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/** RFC 9110, 13.1.2: compared weakly. */
function names(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((item) => item.trim() === "*" || item.trim().replace(/^W\//, "") === etag);
}

const NOT_BUILT = {
  title: "The dashboard was not built",
  body: "Power control works all the same: MAAS's webhooks, the API and the command line need no pages.</p><p>In a clone <code>npm run build</code> builds it; open this page again then.",
};

/** A page for people that needs no other file. */
function say(
  response: ServerResponse,
  { status, title, body }: { readonly status: number; readonly title: string; readonly body: string },
): void {
  const text = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${body}</p></html>`;
  response.writeHead(status, {
    ...PAGE_HEADERS,
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
  });
  // To HEAD node:http sends no body.
  response.end(text);
}
