/** MAAS's front over a lab of simulated machines, on a real socket, and who is let in there. */
import { once } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { AccessError } from "../../src/http/access-error.ts";
import type { MaaspowerRoutes } from "../../src/http/maaspower.ts";
import type { Principal } from "../../src/http/principal.ts";
import { Probes } from "../../src/http/probes.ts";
import { buildServer } from "../../src/http/server.ts";
import { Sightings } from "../../src/http/sightings.ts";
import { roleAllows } from "../../src/power/access.ts";
import type { Role } from "../../src/power/order.ts";
import { Lab } from "../power/lab.ts";

export class Front implements AsyncDisposable {
  readonly lab = new Lab();
  readonly sightings = new Sightings();
  readonly stopping = new AbortController();
  readonly faults: unknown[] = [];
  /** Webhooks that were answered: `on 200`. */
  readonly answered: string[] = [];
  /** Who calls is known once this is over; absent: at once. */
  recognised: ((request: IncomingMessage) => Promise<void>) | undefined;
  /** maaspower's routes, where they are served. */
  maaspower: MaaspowerRoutes | undefined;
  #server: Server | undefined;

  async port(): Promise<number> {
    if (!this.#server) {
      this.#server = buildServer({
        maas: {
          power: this.lab.power,
          clock: this.lab.clock,
          sightings: this.sightings,
          hold: 100_000,
          stopping: this.stopping.signal,
          answered: (route, { status }) => this.answered.push(`${route} ${status}`),
          authenticate: (request) => {
            const known = () => principal(request.headers.authorization);
            return this.recognised?.(request).then(known) ?? known();
          },
        },
        maaspower: () => this.maaspower,
        probes: new Probes(),
        page: () => Promise.reject(new Error("no pages here")),
        api: () => Promise.reject(new Error("there is no API here")),
        onFault: (error) => this.faults.push(error),
      });
      this.#server.listen(0, "127.0.0.1");
      await once(this.#server, "listening");
    }
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sends these bytes and answers everything that comes back. */
  async raw(request: string): Promise<string> {
    const socket = connect(await this.port(), "127.0.0.1");
    socket.write(request);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(socket, "close");
    return Buffer.concat(chunks).toString();
  }

  /** As MAAS sends it. Answers status and body. */
  async ask(method: string, path: string, headers: Record<string, string> = {}): Promise<string> {
    const lines = Object.entries({ Authorization: "Bearer all", "User-Agent": "MAAS 3.7.3", ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const length = method === "POST" ? "Content-Length: 0\r\n" : "";
    const answer = await this.lab.run(
      this.raw(`${method} ${path} HTTP/1.1\r\nConnection: close\r\n${length}${lines.join("")}Host: x\r\n\r\n`),
    );
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    return `${head.split(" ")[1]} ${body}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server?.closeAllConnections();
    this.#server?.close();
    await this.lab[Symbol.asyncDispose]();
  }
}

function principal(authorization: string | undefined): Principal {
  const name = authorization?.replace("Bearer ", "") ?? "";
  if (name === "trouble") throw new Error("status: running, says the fault");
  if (name === "") throw new AccessError("unauthenticated", "no credential");
  const role: Role = name === "viewer" ? "viewer" : "maas";
  return {
    actor: { id: `token:${name}`, name, role },
    kind: "token",
    seesAll: name !== "nuc-only",
    address: () => "192.0.2.1",
    sees: (machine) => name !== "nuc-only" || machine.startsWith("nuc"),
    may: (right) => roleAllows(role, right),
    stands: () => true,
  };
}
