/** What the log tells of the power domain, and of who changed what. */
import type { PowerSignal } from "../power/events.ts";
import type { Log } from "./log.ts";

export function logSignal(log: Log, signal: PowerSignal): void {
  switch (signal.kind) {
    case "order:accepted": {
      const { id, machine, verb, actor, reason } = signal.order;
      log.info(
        { order: id, machine, verb, actor: actor.id, ...(reason !== undefined && { reason }) },
        "order accepted",
      );
      return;
    }
    case "order:ended": {
      const { id, machine, verb, state, grade, error, acceptedAt, endedAt } = signal.order;
      const facts = {
        order: id,
        machine,
        verb,
        state,
        grade,
        ms: Math.round((endedAt ?? acceptedAt) - acceptedAt),
        ...(error && { code: error.code, error: error.message }),
      };
      if (error) log.warn(facts, "order ended");
      else log.info(facts, "order ended");
      return;
    }
    case "order:updated":
      return;
    case "machine:changed":
      log.info(
        { machine: signal.machine, from: signal.from, to: signal.to, evidence: signal.evidence },
        "machine changed",
      );
      return;
    case "machine:unreadable":
      log.warn(
        { machine: signal.machine, code: signal.error.code, error: signal.error.message },
        "machine cannot be read",
      );
      return;
    case "machine:readable":
      log.info({ machine: signal.machine }, "machine can be read again");
      return;
    case "machine:locked":
    case "machine:unlocked":
      log.info({ machine: signal.machine, by: signal.by, reason: signal.reason }, signal.kind.replace(":", " "));
      return;
    case "hub:failing":
      log.warn(
        { hub: signal.hub, machines: signal.machines.length, code: signal.error.code, error: signal.error.message },
        "hub does not answer",
      );
      return;
    case "hub:answering":
      log.info({ hub: signal.hub, machines: signal.machines.length }, "hub answers again");
      return;
    case "hub:pinned":
      log.info({ hub: signal.hub, id: signal.id, by: signal.by }, "device behind the hub");
      return;
    // The reloader tells it with more.
    case "config:reloaded":
      return;
    case "journal:failed":
      log.error({ problem: signal.message }, "a record could not be written");
      return;
    case "session:opened":
    case "session:ended":
    case "access:changed":
      log.info({ actor: signal.actor }, signal.what);
      return;
    default:
      signal satisfies never;
  }
}
