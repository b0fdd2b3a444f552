/**
 * ESPHome's web server: its REST API, and the events that it sends.
 *
 *     GET     /switch/Relay?detail=all   {"id":"switch/Relay","state":"ON","value":true,"assumed_state":false, …}
 *     POST    /switch/Relay/turn_on      200, before it is done
 *     GET     /events                    at first every state, then each that changes, and a `ping` every 10 s
 *     OPTIONS /                          Private-Network-Access-ID: the MAC address
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Identity, ListedOutlet } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { unlessAborted } from "./abort.ts";
import { clip } from "./clip.ts";
import {
  type Entity,
  isOf,
  pathsOf,
  REPORT,
  type Report,
  reportedEntity,
  reportedPath,
  shownEntity,
} from "./esphome-entities.ts";
import { listen, type ServerEvent } from "./event-stream.ts";
import { HttpClient, type HttpHead, type HttpRequest, type HttpStream, refuseStatus } from "./http.ts";
import { parsed } from "./http-json.ts";

/** The states that come at first have no end: it is there when nothing came for so long (ms). */
const ALL_TOLD_MS = 700;
/** Longest that is listened for them (ms). */
const LONGEST_TELLING_MS = 4_000;

/** A `ping` comes every 10 s: after so long without anything the device is gone (ms). */
const SILENT_MS = 35_000;

export interface WatchReportsOptions {
  readonly entities: readonly Entity[];
  /** Counts until the device begins to tell. */
  readonly signal: AbortSignal;
  readonly told: (entity: Entity, report: Report) => void;
  /** Called at most once. */
  readonly lost: (error: PowerError) => void;
}

export interface EspHomeOptions {
  /** `http://192.168.1.40:80`. */
  readonly base: string;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
}

export class EspHome {
  readonly #base: string;
  readonly #secrets: readonly string[];
  readonly #digest: HttpClient;
  readonly #basic: HttpClient;
  #client: HttpClient;
  /** By entity: where it was found. */
  readonly #paths = new Map<string, string>();
  #identified = false;

  constructor({ base, user, password }: EspHomeOptions) {
    this.#base = base;
    this.#secrets = password ? [password.reveal()] : [];
    const clientFor = (kind: "basic" | "digest") =>
      new HttpClient(user !== undefined && password ? { auth: { kind, user, password } } : {});
    this.#basic = clientFor("basic");
    this.#digest = clientFor("digest");
    this.#client = this.#digest;
  }

  async close(): Promise<void> {
    await Promise.all([this.#basic.close(), this.#digest.close()]);
  }

  /** What the device says of an entity. Throws PowerError. */
  async report(entity: Entity, signal: AbortSignal): Promise<Report> {
    const known = this.#paths.get(shownEntity(entity));
    for (const path of known === undefined ? pathsOf(entity) : [known, ...pathsOf(entity)]) {
      const report = await this.#get(path, signal);
      if (!report || !isOf(report, entity)) continue;
      this.#paths.set(shownEntity(entity), path);
      return report;
    }
    return this.#lookUp(entity, signal);
  }

  /** Sends a command to an entity. Throws PowerError. */
  async command(entity: Entity, action: string, signal: AbortSignal): Promise<void> {
    const key = shownEntity(entity);
    for (let attempt = 0; ; attempt++) {
      if (!this.#paths.has(key)) await this.report(entity, signal);
      const url = `${this.#base}${this.#paths.get(key) ?? ""}/${action}`;
      const response = await this.#ask((client) => client.request({ method: "POST", url, signal }));
      // New firmware may call it otherwise than the one that was asked before.
      if (response.status === 404 && attempt === 0) this.#paths.delete(key);
      else return refuseStatus(response, { url, acted: true, secrets: this.#secrets });
    }
  }

  /** Entities of these domains. */
  async list(domains: readonly string[], signal: AbortSignal): Promise<ListedOutlet[]> {
    const reports = (await this.#allReports(signal)).filter((report) =>
      domains.includes(reportedEntity(report).domain),
    );
    return reports.map((report) => ({
      outlet: shownEntity(reportedEntity(report)),
      state: report.state === "ON" ? "on" : report.state === "OFF" ? "off" : "unknown",
    }));
  }

  /** The MAC address, as the device tells browsers that ask for access to it. */
  async identify(signal: AbortSignal): Promise<Identity | undefined> {
    const headers = { "access-control-request-private-network": "true" };
    const request: HttpRequest = { method: "OPTIONS", url: `${this.#base}/`, headers, acts: false, signal };
    try {
      const response = await this.#ask((client) => client.request(request));
      const [id, name] = ["private-network-access-id", "private-network-access-name"].map(
        (header) => response.headers[header],
      );
      if (typeof id !== "string") return undefined;
      this.#identified = true;
      return { id: id.toLowerCase(), ...(typeof name === "string" && { model: name }) };
    } catch (error) {
      // Where this is left out of the firmware, some servers hang up on such a request.
      if (!this.#identified && error instanceof PowerError && error.code === "unreachable") return undefined;
      throw error;
    }
  }

  /** What the device tells from now on; its head is there when this resolves. Throws PowerError. */
  async events(signal: AbortSignal): Promise<HttpStream> {
    const url = `${this.#base}/events`;
    const headers = { accept: "text/event-stream" };
    const stream = await this.#ask((client) => client.stream({ method: "GET", url, headers, signal }));
    const type = String(stream.headers["content-type"] ?? "");
    if (stream.status === 200 && type.startsWith("text/event-stream")) return stream;
    stream.close();
    if (stream.status === 401) refuseStatus({ ...stream, text: "" }, { url, acted: false });
    throw new PowerError("unsupported", `${new URL(url).host} sends no events: it answered ${stream.status}`);
  }

  /** Tells what the device says of these entities, until the function it answers is called. Throws PowerError. */
  async watch({ entities, signal, told, lost }: WatchReportsOptions): Promise<() => void> {
    const assumed = new Map<Entity, boolean>();
    return listen(await this.events(signal), {
      silence: SILENT_MS,
      lost,
      heard: (event) => {
        for (const report of this.#reported(event)) {
          for (const entity of entities.filter((known) => isOf(report, known))) {
            // Only the first event of an entity has every detail.
            if (report.assumed_state !== undefined) assumed.set(entity, report.assumed_state);
            told(entity, { ...report, assumed_state: assumed.get(entity) });
          }
        }
      },
    });
  }

  async #get(path: string, signal: AbortSignal): Promise<Report | undefined> {
    const url = `${this.#base}${path}?detail=all`;
    const response = await this.#ask((client) => client.request({ method: "GET", url, signal }));
    if (response.status === 404) return undefined;
    refuseStatus(response, { url, acted: false, secrets: this.#secrets });
    return parsed(REPORT, response.text, { from: new URL(url).host, acted: false, secrets: this.#secrets });
  }

  /** None of the paths that could be guessed: the device's own list tells what it is called there. */
  async #lookUp(entity: Entity, signal: AbortSignal): Promise<Report> {
    const reports = await this.#allReports(signal).catch((error: unknown) => {
      if (error instanceof PowerError && error.code === "unsupported") return [];
      throw error;
    });
    const own = reports.find((report) => isOf(report, entity));
    const path = own && reportedPath(own);
    const report = path && (await this.#get(path, signal));
    if (report) {
      this.#paths.set(shownEntity(entity), path);
      return report;
    }
    const { host } = new URL(this.#base);
    const others = reports.map((other) => shownEntity(reportedEntity(other)));
    throw new PowerError("not_found", `${host} has no ${clip(shownEntity(entity), [], 120)}`, {
      hint:
        others.length === 0 ? "Is it `internal`, or without a name?" : `It has: ${clip(others.join(", "), [], 400)}.`,
    });
  }

  async #allReports(signal: AbortSignal): Promise<Report[]> {
    const stream = await this.events(signal);
    const reports: Report[] = [];
    let end = () => {};
    const told = new Promise<void>((resolve, reject) => {
      end = listen(stream, {
        silence: ALL_TOLD_MS,
        heard: (event) => reports.push(...this.#reported(event)),
        lost: (error) => (error.code === "unreachable" ? resolve() : reject(error)),
      });
    });
    const timer = new AbortController();
    const enough = pause(LONGEST_TELLING_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    try {
      await unlessAborted(Promise.race([told, enough]), signal);
    } finally {
      timer.abort();
      end();
    }
    return reports;
  }

  #reported({ event, data }: ServerEvent): Report[] {
    if (event !== "state") return [];
    return [parsed(REPORT, data, { from: new URL(this.#base).host, acted: false, secrets: this.#secrets })];
  }

  /** Asks by digest until the device wants Basic: which of them it knows depends on what its firmware is built on. */
  async #ask<T extends HttpHead & { readonly close?: () => void }>(
    send: (client: HttpClient) => Promise<T>,
  ): Promise<T> {
    const response = await send(this.#client);
    const offers = [response.headers["www-authenticate"] ?? []].flat();
    if (response.status !== 401 || this.#client === this.#basic || !offers.some((offer) => /^basic\b/i.test(offer)))
      return response;
    response.close?.();
    this.#client = this.#basic;
    return await send(this.#client);
  }
}
