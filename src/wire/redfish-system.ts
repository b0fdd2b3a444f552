/** One system of a Redfish service: its power, what may be asked of it, and from what it boots next. */
import { z } from "zod";
import type { Answer, Followed } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import type { HttpResponse } from "./http.ts";
import { LINK, type RedfishService, systemId } from "./redfish.ts";

const BOOT = z.looseObject({
  BootSourceOverrideEnabled: z.string().nullish(),
  BootSourceOverrideTarget: z.string().nullish(),
  BootSourceOverrideMode: z.string().nullish(),
});
const RESET = z.looseObject({
  target: z.string(),
  "ResetType@Redfish.AllowableValues": z.array(z.string()).optional(),
  "@Redfish.ActionInfo": z.string().optional(),
});
const SYSTEM = z.looseObject({
  Id: z.string().nullish(),
  Name: z.string().nullish(),
  HostName: z.string().nullish(),
  PowerState: z.string().nullish(),
  Actions: z.looseObject({ "#ComputerSystem.Reset": RESET.optional() }).optional(),
  Boot: BOOT.nullish(),
  "@odata.etag": z.string().optional(),
  "@Redfish.Settings": z.looseObject({ SettingsObject: LINK.optional() }).optional(),
});
export type RedfishSystem = z.output<typeof SYSTEM>;
const ACTION_INFO = z.looseObject({
  Parameters: z.array(z.looseObject({ Name: z.string(), AllowableValues: z.array(z.string()).optional() })),
});
const TASK = z.looseObject({
  "@odata.id": z.string().optional(),
  TaskState: z.string(),
  Messages: z.array(z.looseObject({ Message: z.string().optional() })).optional(),
});

/** Values of ResetType, in the order in which they are tried. */
export const RESET_TYPES = {
  on: ["On", "ForceOn"],
  soft: ["GracefulShutdown"],
  hard: ["ForceOff"],
  reset: ["ForceRestart", "PowerCycle"],
} as const;

/** States of a task in which it still works, and in which it failed. */
const AT_WORK = [
  "New",
  "Pending",
  "Service",
  "Starting",
  "Running",
  "Suspended",
  "Interrupted",
  "Stopping",
  "Cancelling",
];
const FAILED = ["Exception", "Killed", "Cancelled"];

/** PowerState by the schema; firmware adds `null`, `Unknown` and `Reset`. */
const POWER: Readonly<Record<string, Answer>> = {
  On: { state: "on" },
  Off: { state: "off" },
  PoweringOn: { state: "off", towards: "on" },
  PoweringOff: { state: "on", towards: "off" },
  // It has its current and its memory.
  Paused: { state: "on" },
};

export function readSystem(service: RedfishService, link: string, signal: AbortSignal): Promise<RedfishSystem> {
  return service.get(link, SYSTEM, { signal });
}

export function powerOf({ PowerState: power }: RedfishSystem): Answer {
  const known = POWER[power ?? ""];
  if (known) return { ...known, evidence: `PowerState ${power}` };
  const said = typeof power === "string" ? `PowerState ${clip(power, [], 40)}` : "no PowerState";
  return { state: "unknown", reason: `the service tells ${said}`, evidence: said };
}

/** Is it there, or on its way there? */
function reached(system: RedfishSystem, goal: "on" | "off" | undefined): boolean {
  const { state, towards } = powerOf(system);
  return goal !== undefined && (towards ?? state) === goal;
}

/**
 * Has the system do what the verb means, by the first value of ResetType that it takes. What is refused because it is so
 * already is a success. Throws PowerError.
 */
export async function resetSystem(
  service: RedfishService,
  link: string,
  {
    verb,
    system,
    signal,
  }: { readonly verb: keyof typeof RESET_TYPES; readonly system: RedfishSystem; readonly signal: AbortSignal },
): Promise<Followed | undefined> {
  const action = system.Actions?.["#ComputerSystem.Reset"];
  if (!action) throw new PowerError("unsupported", `system ${systemId(link)} offers no reset action`);
  const offered = await allowed(service, action, signal);
  const values = RESET_TYPES[verb].filter((value) => offered?.includes(value) ?? true);
  if (values.length === 0)
    throw new PowerError("unsupported", `system ${systemId(link)} takes only ${offered?.join(", ") || "nothing"}`);
  const goal = verb === "reset" ? undefined : verb === "on" ? "on" : "off";
  let failure: unknown;
  for (const ResetType of values) {
    try {
      const request = { method: "POST", to: action.target, body: { ResetType }, acts: true, signal } as const;
      return followed(service, await service.send(request));
    } catch (error) {
      if (!(error instanceof PowerError) || error.mayHaveActed || !["refused", "busy"].includes(error.code))
        throw error;
      const now = await readSystem(service, link, signal).catch(() => undefined);
      if (now && reached(now, goal)) return undefined;
      if (error.code === "busy") throw error;
      failure = error;
    }
  }
  throw failure;
}

/** The values that ResetType may have; undefined where the service does not say. */
async function allowed(
  service: RedfishService,
  { "ResetType@Redfish.AllowableValues": values, "@Redfish.ActionInfo": info }: z.output<typeof RESET>,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  if (values || info === undefined) return values;
  const { Parameters: parameters } = await service.get(info, ACTION_INFO, { signal });
  return parameters.find(({ Name: name }) => name === "ResetType")?.AllowableValues;
}

/** A task is asked for at its monitor, which is gone when it was asked once after its end. */
function followed(service: RedfishService, response: HttpResponse): Followed | undefined {
  const task = taskOf(service, response);
  failIf(task);
  const [monitor = task?.["@odata.id"]] = [response.headers["location"] ?? []].flat();
  const works = response.status === 202 || (task && AT_WORK.includes(task.TaskState));
  if (!works || monitor === undefined) return undefined;
  return {
    follow: async (signal) => {
      const asked = await service.ask({ method: "GET", to: monitor, signal });
      if (asked.status === 404 || asked.status === 410) return "done";
      service.refuse(asked, { acted: true });
      const now = taskOf(service, asked);
      failIf(now);
      return asked.status === 202 || (now && AT_WORK.includes(now.TaskState)) ? "pending" : "done";
    },
  };
}

function taskOf(service: RedfishService, response: HttpResponse): z.output<typeof TASK> | undefined {
  return service.parse(response, TASK.optional().catch(undefined));
}

function failIf(task: z.output<typeof TASK> | undefined): void {
  if (!task || !FAILED.includes(task.TaskState)) return;
  const said = task.Messages?.flatMap(({ Message: message }) => message ?? []).join(" ") ?? "";
  throw new PowerError("refused", `its task ended as ${task.TaskState}${said === "" ? "" : `: ${clip(said)}`}`, {
    mayHaveActed: true,
  });
}

/**
 * Has the next start, and that one only, go over the network. Throws PowerError where the service does not take it, or
 * takes it and keeps something else.
 */
export async function bootFromNetworkOnce(
  service: RedfishService,
  link: string,
  { system, signal }: { readonly system: RedfishSystem; readonly signal: AbortSignal },
): Promise<void> {
  const once = { BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "Pxe" };
  const mode = system.Boot?.BootSourceOverrideMode;
  // Supermicro falls back to its default where the mode is left out; HPE refuses one. Newer Dell and AMI want the
  // settings resource.
  const bodies = [...(mode ? [{ ...once, BootSourceOverrideMode: mode }] : []), once];
  const settings = system["@Redfish.Settings"]?.SettingsObject?.["@odata.id"];
  const ways = [link, ...(settings === undefined ? [] : [settings])].flatMap((to) =>
    bodies.map((Boot) => ({ to, Boot })),
  );
  let failure: unknown;
  for (const { to, Boot } of ways) {
    try {
      const { status } = await patch(service, to, { Boot }, signal);
      const { Boot: kept } = status === 202 ? { Boot } : await readSystem(service, to, signal);
      if (kept?.BootSourceOverrideTarget === "Pxe" && kept.BootSourceOverrideEnabled !== "Disabled") return;
      failure = new PowerError("refused", `${systemId(link)} took a start over the network, and did not keep it`, {
        hint: "Set the boot order in its firmware, or leave `boot` out.",
      });
    } catch (error) {
      if (!(error instanceof PowerError) || error.code !== "refused") throw error;
      failure = error;
    }
  }
  throw failure;
}

/** With the resource's ETag where the service will have nothing else. */
async function patch(service: RedfishService, to: string, body: object, signal: AbortSignal): Promise<HttpResponse> {
  const request = { method: "PATCH", to, body, signal } as const;
  const response = await service.ask(request);
  if (response.status !== 412 && response.status !== 428) {
    service.refuse(response, { acted: false });
    return response;
  }
  const { "@odata.etag": etag } = await readSystem(service, to, signal);
  return service.send({ ...request, headers: { "if-match": etag ?? "*" } });
}
