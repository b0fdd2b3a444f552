/** A hub as the API shows it. */
import type { HubView, Power } from "../power/api.ts";
import { VERBS } from "../power/driver.ts";
import { ERROR_TABLE } from "../power/errors.ts";
import type { HubSpec, MachineSpec, OutletSpec, QuerySpec } from "../power/spec.ts";
import { shownOutlet } from "./machine-shape.ts";
import type { HubShape } from "./shapes.ts";

type Use = HubShape["outlets"][number];

/** For a caller who sees some of its machines: a failure's own words may name the others, so only its kind is told. */
export function hubShape(view: HubView, power: Power, sees: (machine: string) => boolean): HubShape {
  const { spec, machines, connected, queued, running, failing, lastExchange, exchanges, breaker, pin } = view;
  const visible = machines.filter(sees);
  const whole = visible.length === machines.length;
  const { latency } = exchanges;
  return {
    name: spec.name,
    driver: spec.driver.name,
    ...(spec.address !== undefined && { address: spec.address }),
    machines: visible,
    connected,
    queued,
    running,
    ...(failing && {
      failing: {
        since: failing.since,
        code: failing.error.code,
        message: whole ? failing.error.message : `it fails: ${failing.error.code}`,
        hint: whole ? failing.error.hint : ERROR_TABLE[failing.error.code].hint,
      },
    }),
    ...(lastExchange && { lastExchange }),
    ...(latency && { latency }),
    breaker,
    ...(pin && { pin }),
    // One that is just leaving has no view any more.
    outlets: visible.filter((name) => power.has(name)).flatMap((name) => usesOf(power.machine(name).spec, spec)),
  };
}

function usesOf(machine: MachineSpec, { key }: HubSpec): Use[] {
  const use = (role: Use["role"], outlet: OutletSpec): Use[] => {
    if (outlet.hub.key !== key) return [];
    const name = shownOutlet(outlet);
    return [{ machine: machine.facts.name, ...(name !== undefined && { outlet: name }), role }];
  };
  const asked = (query: QuerySpec): Use[] =>
    query.kind === "one" ? use("query", query.outlet) : query.of.flatMap(asked);
  return [
    ...machine.supplies.flatMap(({ outlet }) => use("supply", outlet)),
    ...VERBS.flatMap((verb) => machine.stages[verb].flatMap(({ outlet }) => use(verb, outlet))),
    ...(machine.query ? asked(machine.query) : []),
  ];
}
