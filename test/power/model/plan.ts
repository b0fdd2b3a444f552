/**
 * The fleet of the model: one machine of each kind, what each reading of its outlets says about it by DESIGN's "Supply and
 * control", and what it is really doing.
 */
import type { MachineSpec, OutletSpec } from "../../../src/power/spec.ts";
import type { Lab } from "../lab.ts";
import type { HubTraits, Site } from "./site.ts";

export const HUBS = {
  alpha: { concurrency: 2, interval: 0, latency: 40, identity: true, together: true, pushes: false },
  beta: { concurrency: 1, interval: 100, latency: 30, identity: false, together: false, pushes: false },
  gamma: { concurrency: 1, interval: 0, latency: 60, identity: true, together: true, pushes: true },
  omega: { concurrency: 1, interval: 0, latency: 20, identity: true, together: false, pushes: false },
} as const satisfies Record<string, HubTraits>;

/** What differs from run to run. */
export interface Shape {
  readonly afterAc: "starts" | "stays_off";
  readonly cut: MachineSpec["cut"];
  /** Ms that the button's hub and machine need after a press. */
  readonly settle: number;
  readonly initial: Readonly<Record<string, "on" | "off" | "halted">>;
}

export interface Plan {
  readonly name: string;
  /** Outlets through which it is fed, and the one that is asked whether it runs: `beta/1`. */
  readonly supplies: readonly string[];
  readonly query: string | undefined;
  /** Watts of the supply tell whether it runs. */
  readonly metered: boolean;
  readonly momentary: boolean;
  readonly afterAc: "starts" | "stays_off";
  readonly cut: MachineSpec["cut"];
  readonly verify: number;
  /** How long what is asked of the machine itself may take to show (ms); of its supply: `verify`. */
  readonly wait: number;
  readonly minOff: number;
  readonly settle: number;
  /** Does it run? Where nothing could tell: is it fed? */
  readonly running: () => boolean;
}

type Draft = Partial<Omit<Plan, "name" | "running">>;

/** Builds the machines into the lab, and tells what they are. */
export function fleet(lab: Lab, site: Site, shape: Shape): readonly Plan[] {
  for (const [name, { concurrency, interval, pushes }] of Object.entries(HUBS)) {
    if (pushes) lab.pushes(name);
    lab.hub(name);
    lab.hubSpec(name, site.driver(name), { concurrency, interval });
  }
  const plans: Plan[] = [];
  const outlet = (key: string, settings: Record<string, unknown>): OutletSpec => {
    const [hub = "", name = ""] = key.split("/");
    return lab.outlet(hub, { outlet: name, initial: shape.initial[key] ?? "off", ...settings }, site.driver(hub));
  };
  const devices = new Map<string, ReturnType<Lab["deviceAt"]>>();
  const device = (key: string) => {
    const [hub = "", name = ""] = key.split("/");
    const known = devices.get(key) ?? lab.deviceAt(hub, name);
    devices.set(key, known);
    return known;
  };
  const add = (name: string, draft: Draft, spec: Partial<MachineSpec>, running: () => boolean) => {
    const plan: Plan = {
      name,
      supplies: [],
      query: undefined,
      metered: false,
      momentary: false,
      afterAc: "starts",
      cut: "last_resort",
      verify: 30_000,
      wait: draft.verify ?? 30_000,
      minOff: 0,
      settle: 0,
      ...draft,
      running,
    };
    const { afterAc, cut, verify, minOff, settle } = plan;
    lab.add(name, { afterAc, cut, verify, minOff, settle, ...spec });
    plans.push(plan);
  };
  const controlled = (name: string, key: string, settings: Record<string, unknown>, draft: Draft = {}) => {
    const control = outlet(key, settings);
    const stage = { outlet: control, wait: draft.verify ?? 30_000 };
    const reset = draft.momentary ? [] : [stage];
    const spec: Partial<MachineSpec> = {
      query: { kind: "one", outlet: control },
      stages: { on: [stage], off: [stage], cycle: [], reset },
    };
    add(name, { query: key, ...draft }, spec, () => device(key).running);
  };

  controlled("bmc", "alpha/1", { boot: "3s", shutdown: "2s" });
  controlled("late", "alpha/2", { lag: "6s", boot: "12s", shutdown: "5s" }, { verify: 45_000 });
  controlled(
    "desk",
    "gamma/1",
    { kind: "button", boot: "4s", shutdown: "3s" },
    { momentary: true, settle: shape.settle },
  );
  controlled("witness", "omega/1", { boot: "1s", shutdown: "1s" }, { verify: 15_000 });

  const plug = (key: string, settings: Record<string, unknown> = {}) => ({
    outlet: outlet(key, { kind: "plug", ...settings }),
  });
  add(
    "metered",
    { supplies: ["beta/1"], metered: true, minOff: 5_000 },
    { supplies: [plug("beta/1", { boot: "5s" })], above: 6 },
    () => device("beta/1").running,
  );
  add("plain", { supplies: ["beta/2"], minOff: 5_000 }, { supplies: [plug("beta/2", { lag: "3s" })] }, () => {
    return device("beta/2").fed;
  });
  add(
    "twin",
    { supplies: ["beta/3", "gamma/2"], minOff: 2_000 },
    { supplies: [plug("beta/3"), plug("gamma/2")] },
    () => device("beta/3").fed || device("gamma/2").fed,
  );
  const { afterAc, cut } = shape;
  const control = outlet("gamma/3", { boot: "2s", shutdown: "2s" });
  const stage = { outlet: control, wait: 20_000 };
  add(
    "host",
    { supplies: ["beta/4"], query: "gamma/3", wait: 20_000, minOff: 5_000, afterAc, cut },
    {
      supplies: [plug("beta/4", { restores: false })],
      query: { kind: "one", outlet: control },
      stages: { on: [stage], off: [{ ...stage, how: "soft" }], cycle: [], reset: [] },
    },
    () => device("gamma/3").running,
  );
  couple(site, { plug: device("beta/4"), host: device("gamma/3"), starts: afterAc === "starts" });
  return plans;
}

interface Coupled {
  readonly plug: ReturnType<Lab["deviceAt"]>;
  readonly host: ReturnType<Lab["deviceAt"]>;
  readonly starts: boolean;
}

/** The machine behind the control lives from the plug. */
function couple(site: Site, { plug, host, starts }: Coupled): void {
  let fed = plug.fed;
  site.deaf = (key) => key === "gamma/3" && !plug.fed;
  site.settle = () => {
    const before = fed;
    fed = plug.fed;
    if (!fed && host.running) host.halt();
    if (fed && !before && starts) host.byHand("on");
  };
  site.settle();
}

/** Every outlet of the fleet that can fail or be touched. */
export const KEYS = [
  "alpha/1",
  "alpha/2",
  "beta/1",
  "beta/2",
  "beta/3",
  "beta/4",
  "gamma/1",
  "gamma/2",
  "gamma/3",
] as const;

export function outletsOf({ supplies, query }: Plan): readonly string[] {
  return query === undefined ? supplies : [...supplies, query];
}

/** What was told of an outlet: `on`, `off`, watts, or undefined where nothing was. */
export interface Told {
  readonly switched: (key: string) => "on" | "off" | undefined;
  readonly watts: (key: string) => number | undefined;
}

export type Judged = "on" | "off" | "assumed on" | undefined;

/** "Supply and control": what the machine is doing, from what was told. */
export function judge({ supplies, query, metered }: Plan, { switched, watts }: Told): Judged {
  const told = supplies.map(switched);
  if (supplies.length > 0 && told.every((state) => state === "off")) return "off";
  const oneOpen = told.includes("off");
  const unread = told.includes(undefined);
  if (query !== undefined) {
    const state = switched(query);
    return state === "off" && oneOpen && unread ? undefined : state;
  }
  if (!told.includes("on")) return undefined;
  if (!metered) return "assumed on";
  const drawn = watts(supplies[0] ?? "");
  return drawn === undefined ? undefined : drawn >= 6 ? "on" : "off";
}
