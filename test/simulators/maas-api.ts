/** Routes of a simulated MAAS (canonical/maas src/maasserver/urls_api.py); a slash at the end is part of each. */
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { SimulatedMaas } from "./maas.ts";
import { FormError, type MaasMachineRecord, POWER_TYPES } from "./maas-machine.ts";
import type { ApiUser } from "./maas-oauth.ts";

export interface ApiRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const API = "/MAAS/api/2.0/";
const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"];
const ARCHITECTURES = ["amd64/generic", "arm64/generic"];
const FORM = "application/x-www-form-urlencoded";

/** What is answered in place of a result. */
class Answer extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

export async function answerApi(maas: SimulatedMaas, request: ApiRequest, response: ServerResponse): Promise<void> {
  const plain = (status: number, text: string) =>
    response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
  const { pathname } = request.url;
  if (pathname.startsWith("/MAAS/api/1.0/")) return void plain(410, "The 1.0 API is no longer available.");
  if (!pathname.startsWith(API))
    return void response.writeHead(404, { "Content-Type": "text/html" }).end("<html><body>Not Found</body></html>");
  if (!pathname.endsWith("/")) return void response.writeHead(301, { Location: `${pathname}/` }).end();
  try {
    const result = await resultOf(maas, request);
    response.writeHead(200, { "Content-Type": "application/json", "X-MAAS-API-Hash": "0" }).end(JSON.stringify(result));
  } catch (error) {
    if (error instanceof FormError)
      response.writeHead(400, { "Content-Type": "application/json" }).end(JSON.stringify(error.fields));
    else if (error instanceof Answer) plain(error.status, error.message);
    else throw error;
  }
}

interface Call {
  readonly maas: SimulatedMaas;
  readonly request: ApiRequest;
  readonly query: URLSearchParams;
  readonly user: ApiUser;
}

async function resultOf(maas: SimulatedMaas, request: ApiRequest): Promise<unknown> {
  const query = request.url.searchParams;
  const parts = request.url.pathname.slice(API.length, -1).split("/");
  if (parts.join("/") === "version") return { version: maas.version, subversion: "", capabilities: [] };
  const user = maas.oauth.check(request.headers.authorization);
  if ("status" in user) throw new Answer(user.status, user.text);
  const last = parts.at(-1) ?? "";
  // Since 3.3 an operation may stand in the path.
  const inPath = /^op-([\w]+)$/.exec(last)?.[1];
  if (inPath !== undefined) parts.pop();
  const operation = inPath ?? query.get("op") ?? "";
  const [collection = "", id] = parts;
  const route = `${request.method} ${collection}${id === undefined ? "" : "/*"}${operation === "" ? "" : ` ${operation}`}`;
  const run = ROUTES[route];
  if (!run)
    throw new Answer(operation === "" ? 404 : 400, operation === "" ? "Not Found" : `Unrecognised signature: ${route}`);
  return run({ maas, request, query, user }, id ?? "");
}

const ROUTES: Readonly<Record<string, (call: Call, id: string) => unknown>> = {
  "GET users whoami": ({ user: { username, admin } }) => ({
    username,
    email: `${username}@example.com`,
    is_superuser: admin,
    is_local: true,
    resource_uri: `${API}users/${username}/`,
  }),
  "GET rackcontrollers": ({ maas }) =>
    maas.racks.map(({ systemId, hostname, addresses }) => ({
      system_id: systemId,
      hostname,
      ip_addresses: addresses,
      interface_set: [],
    })),
  "GET rackcontrollers describe_power_types": ({ maas }) => {
    if (maas.racks.length === 0) throw new Answer(503, "Unable to get RPC connection for rack controllers.");
    return Object.entries(POWER_TYPES).map(([name, fields]) => ({
      name,
      driver_type: "power",
      fields: Object.entries(fields).map(([field, { label, required }]) => ({ name: field, label, required })),
    }));
  },
  "GET subnets": ({ maas }) => maas.subnets.map((cidr, index) => ({ id: index + 1, name: cidr, cidr, vlan: {} })),
  "GET machines": ({ maas, query }) => {
    const ids = query.getAll("id");
    const names = query.getAll("hostname");
    const macs = query.getAll("mac_address");
    const exact = Number(maas.version.split(".")[1]) < 8;
    const written = (mac: string) => (exact ? mac : mac.toLowerCase().replaceAll("-", ":"));
    return maas.machines
      .filter(({ systemId }) => ids.length === 0 || ids.includes(systemId))
      .filter(({ hostname }) => names.length === 0 || names.includes(hostname))
      .filter((machine) => macs.length === 0 || machine.macs.some((mac) => macs.map(written).includes(mac)))
      .map((machine) => machine.shown());
  },
  "GET machines/*": (call, id) => found(call, id).shown(),
  "GET machines/* power_parameters": (call, id) => {
    if (!call.user.admin) throw forbidden(call);
    return found(call, id).parameters;
  },
  "GET machines/* query_power_state": async (call, id) => {
    const machine = found(call, id);
    if (call.maas.racks.length === 0)
      throw new Answer(503, `No rack controllers can access the BMC of node ${machine.hostname}`);
    if (machine.powerType !== "webhook") return { state: "unknown" };
    await call.maas.power(machine, "query");
    return { state: machine.powerState };
  },
  "PUT machines/*": (call, id) => {
    const machine = found(call, id);
    const form = formOf(call.request);
    if (!call.user.admin || machine.locked) throw forbidden(call);
    machine.takePower(form);
    return machine.shown();
  },
  "POST machines": (call) => {
    const { maas, user } = call;
    const form = formOf(call.request);
    const architecture = form.get("architecture") ?? "";
    if (!ARCHITECTURES.includes(architecture))
      throw new FormError(
        "architecture",
        `'${architecture}' is not a valid architecture. It should be one of: ${ARCHITECTURES.map((known) => `'${known}'`).join(", ")}.`,
      );
    const macs = form.getAll("mac_addresses");
    for (const mac of macs) {
      const other = maas.machines.find((machine) => machine.macs.includes(mac));
      if (other) throw new FormError("mac_addresses", `MAC address ${mac} already in use on ${other.hostname}.`);
    }
    const machine = maas.add({ hostname: form.get("hostname") ?? "", macs, architecture });
    try {
      machine.takePower(form);
    } catch (error) {
      maas.machines.pop();
      throw error;
    }
    // An administrator's new machine is commissioned, and for that switched on, unless he says no.
    if (user.admin && form.get("commission") !== "false") machine.status = "Commissioning";
    return machine.shown();
  },
  "GET events query": ({ maas, query }) => ({
    count: maas.events.length,
    events: maas.events
      .filter(({ systemId }) => query.getAll("id").includes(systemId))
      .filter(({ level }) => LEVELS.indexOf(level) >= LEVELS.indexOf(query.get("level") ?? "INFO"))
      .toReversed()
      .slice(0, Number(query.get("limit") ?? 100))
      .map(({ id, systemId, hostname, type, description, level, at }) => ({
        id,
        node: systemId,
        hostname,
        username: null,
        level,
        created: createdAt(at),
        type,
        description,
      })),
    next_uri: "",
    prev_uri: "",
  }),
};

/** `Wed, 27 Aug. 2014 09:52:34`, in UTC. */
function createdAt(time: number): string {
  const [day, date, month, year, clock] = new Date(time).toUTCString().split(" ");
  return `${day} ${date} ${month}. ${year} ${clock}`;
}

function found({ maas }: Call, id: string): MaasMachineRecord {
  const machine = maas.machines.find(({ systemId }) => systemId === id);
  if (!machine) throw new Answer(404, "No Machine matches the given query.");
  return machine;
}

function forbidden({ maas }: Call): Answer {
  const openFga = Number(maas.version.split(".")[1]) >= 8;
  return new Answer(403, openFga ? "Forbidden: can_edit_machines" : "Forbidden");
}

/** What piston makes of a body: without one there is no form at all, and whatever looks into it fails. */
function formOf({ headers, body }: ApiRequest): URLSearchParams {
  const type = headers["content-type"] ?? "";
  if (body === "" || type === "") throw new Answer(500, "'NoneType' object has no attribute 'items'");
  if (!type.startsWith(FORM)) throw new Answer(400, "Bad Request");
  return new URLSearchParams(body);
}
