/**
 * The API of Proxmox VE, by token, at one of several hosts of a cluster:
 *
 *     GET  https://HOST:8006/api2/json/PATH   Authorization: PVEAPIToken=USER@REALM!NAME=SECRET
 *     200  {"data":…}
 *     500  {"data":null,"message":"VM 100 not running\n"}, before version 8.4 with the words in the status line alone
 *     595  the node that the path names cannot be connected to by the host that was asked
 *
 * Every host passes on what concerns another node. Tokens need no CSRF token.
 */
import { z } from "zod";
import { type ErrorCode, PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { HttpClient, type HttpResponse, refuseStatus, type TlsOptions } from "./http.ts";
import { parsed } from "./http-json.ts";

/** How long one of several hosts may take (ms). */
const HOST_MS = 4_000;
/** A guest is told in about half a kilobyte. */
const MOST_BYTES = 16_777_216;
/** Statuses that the passing on to another node gives: no connection, and a connection that came to nothing. */
const NOT_CONNECTED = 595;
const LAST_OF_PASSING_ON = 599;
/** Failures that speak of the host alone, so that another one may be asked. */
const NO_ANSWER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["unreachable", "timeout"]);

const WORDS = z.looseObject({
  message: z.string().optional(),
  errors: z.record(z.string(), z.unknown()).optional(),
});

export interface ProxmoxOptions {
  /** Of one cluster, in the order in which they are tried. */
  readonly hosts: readonly string[];
  readonly port: number;
  /** `maas@pve!power`. */
  readonly tokenId: string;
  readonly token: Secret;
  readonly tls: TlsOptions;
}

export interface ProxmoxRequest {
  readonly method?: "GET" | "POST" | "DELETE";
  /** Segments below `/api2/json`. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export class ProxmoxApi {
  readonly #http: HttpClient;
  readonly #options: ProxmoxOptions;
  /** Position of the host that is asked first: the one that answered last. */
  #first = 0;

  constructor(options: ProxmoxOptions) {
    this.#options = options;
    this.#http = new HttpClient({ tls: options.tls });
  }

  /**
   * What it answers as `data`, of the first host that answers; a command goes to no other host once it may have reached
   * one. Throws PowerError; a node that another host cannot reach is `busy`, for the other machines are fine.
   */
  async call<T>(shape: z.ZodType<T>, request: ProxmoxRequest): Promise<T> {
    const { hosts } = this.#options;
    for (let tried = 1; ; tried++) {
      const position = this.#first;
      try {
        return await this.#ask(hosts[position] ?? "", shape, request);
      } catch (error) {
        if (!(error instanceof PowerError) || !NO_ANSWER.has(error.code)) throw error;
        // Others may have gone on to the next one meanwhile.
        if (this.#first === position) this.#first = (position + 1) % hosts.length;
        if (error.mayHaveActed || request.signal.aborted || tried >= hosts.length) throw error;
      }
    }
  }

  /** Ends what is under way. */
  close(): Promise<void> {
    return this.#http.close();
  }

  async #ask<T>(host: string, shape: z.ZodType<T>, request: ProxmoxRequest): Promise<T> {
    const { method = "GET", path, query, form, signal } = request;
    const { hosts, port, tokenId, token } = this.#options;
    const name = host.includes(":") ? `[${host}]` : host;
    const search = query ? `?${new URLSearchParams(query).toString()}` : "";
    const url = `https://${name}:${port}/api2/json/${path.map(encodeURIComponent).join("/")}${search}`;
    const acted = method !== "GET";
    const response = await this.#http.request({
      method,
      url,
      headers: {
        authorization: `PVEAPIToken=${tokenId}=${token.reveal()}`,
        ...(form && { "content-type": "application/x-www-form-urlencoded" }),
      },
      body: form && new URLSearchParams(form).toString(),
      mostBytes: MOST_BYTES,
      signal: hosts.length > 1 ? AbortSignal.any([signal, AbortSignal.timeout(HOST_MS)]) : signal,
    });
    const secrets = [token.reveal()];
    this.#refuse(response, { url, acted, secrets });
    const from = new URL(url).host;
    const hint = "Does the host have Proxmox VE, and is it the right port?";
    return parsed(z.looseObject({ data: shape }), response.text, { from, acted, secrets, hint }).data;
  }

  #refuse(
    response: HttpResponse,
    about: { readonly url: string; readonly acted: boolean; readonly secrets: readonly string[] },
  ): void {
    const { status } = response;
    const said = { ...response, text: wordsOf(response) };
    const { host } = new URL(about.url);
    if (status >= NOT_CONNECTED && status <= LAST_OF_PASSING_ON) {
      throw new PowerError("busy", `${host} cannot reach the node of the machine (${status})`, {
        mayHaveActed: about.acted && status !== NOT_CONNECTED,
        hint: "Is the node up, and does the cluster see it?",
      });
    }
    try {
      refuseStatus(said, about);
    } catch (error) {
      if (!(error instanceof PowerError) || error.code !== "auth") throw error;
      throw new PowerError("auth", error.message, {
        cause: error,
        hint:
          status === 403
            ? "Give its user VM.Audit and VM.PowerMgmt on /vms, and the token itself too where it was made with rights of its own."
            : "Check `user` (user@realm!name) and `token`; the token may have expired, or its user be disabled.",
      });
    }
  }
}

/** What it says of a failure, wherever this version says it. */
function wordsOf({ text, reason }: HttpResponse): string {
  try {
    const { message, errors = {} } = WORDS.parse(JSON.parse(text));
    const wrong = Object.entries(errors).map(([key, problem]) => `${key}: ${String(problem)}`);
    return [message ?? reason, ...wrong].join(" ");
  } catch {
    return text === "" ? reason : text;
  }
}
