/**
 * A Redfish service as DSP0266 describes it: its root, a session, resources by the links it gives.
 *
 *     GET  /redfish/v1/                                                     open to all: {"Systems":{"@odata.id":…},"Links":{"Sessions":…}}
 *     POST /redfish/v1/SessionService/Sessions {"UserName":…,"Password":…}  201, X-Auth-Token, Location of the session
 *     DELETE that location                                                  ends it: a BMC has few to give
 */
import { z } from "zod";
import type { Identity } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { basic, HttpClient, type HttpResponse, refuseStatus, type TlsOptions } from "./http.ts";

const ROOT = "/redfish/v1/";
/** A collection in more pages than this goes in circles. */
const MOST_PAGES = 20;
/** How long the end of a session may take (ms); it ends by itself where nobody ends it. */
const LOGOUT_MS = 2_000;
const UNSET_UUID = /^[0f-]*$/i;

export const LINK = z.looseObject({ "@odata.id": z.string() });
const SERVICE = z.looseObject({
  Systems: LINK.optional(),
  Links: z.looseObject({ Sessions: LINK.optional() }).optional(),
  UUID: z.string().nullish(),
  Product: z.string().nullish(),
  Vendor: z.string().nullish(),
  RedfishVersion: z.string().nullish(),
});
const COLLECTION = z.looseObject({ Members: z.array(LINK), "Members@odata.nextLink": z.string().optional() });
const ERROR = z.looseObject({
  error: z.looseObject({
    message: z.string().optional(),
    "@Message.ExtendedInfo": z.array(z.looseObject({ Message: z.string().optional() })).optional(),
  }),
});

export type RedfishAuth = "auto" | "session" | "basic";

export interface RedfishOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly auth: RedfishAuth;
  readonly tls: TlsOptions;
}

export interface RedfishRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** A link as the service gives it. */
  readonly to: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Does it act on the machine? Absent: no. */
  readonly acts?: boolean;
  readonly signal: AbortSignal;
}

export class RedfishService {
  readonly #http: HttpClient;
  readonly #options: RedfishOptions;
  /** Links of the systems by what they are called in the configuration. */
  readonly #found = new Map<string | undefined, string>();
  #root: z.output<typeof SERVICE> = {};
  #session: { readonly token: string; readonly location: string | undefined } | undefined;

  private constructor(options: RedfishOptions) {
    this.#options = options;
    this.#http = new HttpClient({ tls: options.tls });
  }

  /** Reads the root and opens a session, where there are sessions. Throws PowerError. */
  static async open(options: RedfishOptions, signal: AbortSignal): Promise<RedfishService> {
    const service = new RedfishService(options);
    service.#root = await service.get(ROOT, SERVICE, { signal, open: true });
    if (options.user !== undefined && options.auth !== "basic") await service.#login(signal);
    return service;
  }

  /** Ends the session. Throws PowerError where it may go on. */
  async close(): Promise<void> {
    const location = this.#session?.location;
    try {
      if (location !== undefined)
        await this.send({ method: "DELETE", to: location, signal: AbortSignal.timeout(LOGOUT_MS) });
    } finally {
      await this.#http.close();
    }
  }

  get host(): string {
    return new URL(this.#options.origin).host;
  }

  /** By the service's own UUID, where it has one. */
  get identity(): Identity | undefined {
    const { UUID: id, Product: product, Vendor: vendor } = this.#root;
    if (typeof id !== "string" || UNSET_UUID.test(id)) return undefined;
    const model = [vendor, product].filter((word) => word).join(" ");
    return { id: id.toLowerCase(), ...(model !== "" && { model }) };
  }

  /** Links to every system. */
  async systems(signal: AbortSignal): Promise<readonly string[]> {
    const links: string[] = [];
    let next: string | undefined = this.#root.Systems?.["@odata.id"];
    for (let page = 0; next !== undefined && page < MOST_PAGES; page++) {
      const { Members: members, ...more }: z.output<typeof COLLECTION> = await this.get(next, COLLECTION, { signal });
      links.push(...members.map((member) => member["@odata.id"]));
      next = more["Members@odata.nextLink"];
    }
    return links;
  }

  /** The link of the system with this `Id`; without one, of the only system. Throws PowerError `not_found`, `config`. */
  async system(wanted: string | undefined, signal: AbortSignal): Promise<string> {
    const known = this.#found.get(wanted);
    if (known !== undefined) return known;
    const links = await this.systems(signal);
    const fitting = wanted === undefined ? links : links.filter((link) => systemId(link) === wanted);
    const [found] = fitting;
    const names = links.map(systemId).join(", ") || "none";
    if (found === undefined) {
      const what = wanted === undefined ? "no system" : `no system "${wanted}"`;
      throw new PowerError("not_found", `${this.host} has ${what}; there is ${names}`);
    }
    if (fitting.length > 1) {
      throw new PowerError("config", `${this.host} has ${links.length} systems: ${names}`, {
        hint: "Say which one is meant with `outlet`.",
      });
    }
    this.#found.set(wanted, found);
    return found;
  }

  /** Reads a resource. Throws PowerError; `protocol` where it is not what Redfish says it is. */
  async get<T extends z.ZodType>(
    to: string,
    shape: T,
    { signal, open = false }: { readonly signal: AbortSignal; readonly open?: boolean },
  ): Promise<z.output<T>> {
    let response = await this.ask({ method: "GET", to, signal }, { open });
    const location = [response.headers["location"] ?? []].flat()[0];
    // Some answer without the slash at the end of the root, some with it.
    if (response.status >= 300 && response.status < 400 && location !== undefined)
      response = await this.ask({ method: "GET", to: location, signal }, { open });
    this.refuse(response, { acted: false });
    return this.parse(response, shape);
  }

  /** Sends a request, and answers what comes back if it is a success. Throws PowerError. */
  async send(request: RedfishRequest): Promise<HttpResponse> {
    const response = await this.ask(request);
    this.refuse(response, { acted: request.acts ?? false });
    return response;
  }

  /** Throws what an answer means that is no success, in the service's own words. */
  refuse(response: HttpResponse, { acted }: { readonly acted: boolean }): void {
    refuseStatus(
      { ...response, text: words(response.text) },
      { url: this.#options.origin, acted, secrets: this.#secrets },
    );
  }

  /** The body of an answer. Throws PowerError `protocol` where it is not of this shape. */
  parse<T extends z.ZodType>({ text }: HttpResponse, shape: T): z.output<T> {
    const read = shape.safeParse(json(text));
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    const where = issue?.path.join(".") || "it";
    throw new PowerError(
      "protocol",
      `${this.host} does not answer as Redfish does: ${where} ${issue?.code === "invalid_type" ? `is no ${issue.expected}` : "is wrong"}`,
      { hint: "Is it Redfish that is spoken at this port? Some BMCs want it switched on, or licensed." },
    );
  }

  /** Sends a request, and answers whatever comes back. */
  async ask(request: RedfishRequest, { open = false }: { readonly open?: boolean } = {}): Promise<HttpResponse> {
    const { method, to, body, headers, acts = false, signal } = request;
    return this.#http.request({
      method,
      url: this.#url(to),
      headers: {
        accept: "application/json",
        "odata-version": "4.0",
        ...(body && { "content-type": "application/json" }),
        ...(open ? {} : this.#authorization()),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      acts,
      signal,
    });
  }

  /** Whatever host a link names, only the configured one is asked: what lies between may give it another name. */
  #url(link: string): string {
    const { origin } = this.#options;
    if (!URL.canParse(link, origin)) throw new PowerError("protocol", `the link "${link.slice(0, 80)}" leads nowhere`);
    const { pathname, search } = new URL(link, origin);
    return origin + pathname + search;
  }

  #authorization(): Record<string, string> {
    const { user, password } = this.#options;
    if (this.#session) return { "x-auth-token": this.#session.token };
    return user !== undefined && password ? { authorization: basic(user, password) } : {};
  }

  get #secrets(): string[] {
    const { user, password } = this.#options;
    const known = password && [password.reveal(), ...(user === undefined ? [] : [basic(user, password).slice(6)])];
    return [...(known ?? []), ...(this.#session ? [this.#session.token] : [])];
  }

  async #login(signal: AbortSignal): Promise<void> {
    const { auth, user, password } = this.#options;
    const sessions = this.#root.Links?.Sessions?.["@odata.id"];
    if (sessions === undefined) {
      if (auth === "auto") return;
      throw new PowerError("unsupported", `${this.host} offers no sessions`, { hint: "Set `auth: basic`." });
    }
    const body = { UserName: user, Password: password?.reveal() };
    const response = await this.ask({ method: "POST", to: sessions, body, signal }, { open: true });
    // Not there, or all of them taken: then every request says who asks.
    if (auth === "auto" && [404, 405, 501, 503].includes(response.status)) return;
    this.refuse(response, { acted: false });
    const [token] = [response.headers["x-auth-token"] ?? []].flat();
    if (token === undefined) throw new PowerError("protocol", `${this.host} opened a session without a token`);
    const [location] = [response.headers["location"] ?? []].flat();
    const { "@odata.id": link } = LINK.partial().catch({}).parse(json(response.text));
    this.#session = { token, location: location ?? link };
  }
}

/** What a service says of an error; the text itself where it says so in another way. */
function words(text: string): string {
  const said = ERROR.safeParse(json(text));
  if (!said.success) return text;
  const { message, "@Message.ExtendedInfo": more = [] } = said.data.error;
  const messages = more.flatMap((info) => info.Message ?? []);
  return (messages.length > 0 ? messages : [message ?? ""]).join(" ");
}

/** Undefined where the text is no JSON. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The last part of a system's link, which is its `Id`. */
export function systemId(link: string): string {
  const id = link.replace(/\/+$/, "").split("/").at(-1) ?? link;
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
