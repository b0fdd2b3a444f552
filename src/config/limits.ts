/** `limits:`, how many machines may be starting at once. */
import { nearest } from "../power/names.ts";
import type { LimitSpec } from "../power/spec.ts";
import { checked } from "./check-value.ts";
import type { Problems } from "./problem.ts";
import { LIMIT } from "./schema.ts";
import { spanAt, type Value } from "./value.ts";

export interface LimitServices {
  /** Tags of machines, and names of hubs, that a limit may hold for. */
  readonly tags: ReadonlySet<string>;
  readonly hubs: ReadonlySet<string>;
  readonly problems: Problems;
}

export function buildLimits(given: Value | undefined, services: LimitServices): LimitSpec[] {
  if (!given) return [];
  const { problems } = services;
  if (given.kind !== "list") {
    problems.error(given.at, {
      code: "bad-value",
      message: "limits takes a list such as [{ tag: nuc, starting: 4, pause: 2s }]",
    });
    return [];
  }
  const labels = new Set<string>();
  return given.items.flatMap((item) => {
    const rule = checked(LIMIT, item, problems, { name: "limits" });
    if (!rule) return [];
    const { tag, hub, starting, pause } = rule;
    if ((tag === undefined) === (hub === undefined)) {
      problems.error(item.at, { code: "bad-value", message: "a limit needs `tag` or `hub`, and not both" });
      return [];
    }
    const kind = tag === undefined ? "hub" : "tag";
    const name = tag ?? hub ?? "";
    const known = kind === "tag" ? services.tags : services.hubs;
    if (!known.has(name)) {
      const near = nearest(name, known);
      problems.error(spanAt(item, [kind]), {
        code: `unknown-${kind}`,
        message: `no ${kind === "tag" ? "machine has the tag" : "hub is called"} "${name}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
      });
    }
    const label = `${kind} ${name}`;
    if (labels.has(label)) problems.error(item.at, { code: "twice", message: `there is a limit for ${label} already` });
    labels.add(label);
    return [{ label, ...(tag !== undefined && { tag }), ...(hub !== undefined && { hub }), starting, pause }];
  });
}
