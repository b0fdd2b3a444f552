/** `doctor` on who asked: what MAAS's own requests tell of whether it reaches the daemon. */
import type { DaemonStatus, MachineShape } from "../http/shapes.ts";
import type { Sighting, Told } from "../http/sightings.ts";
import { someOf } from "./examine-daemon.ts";
import { type Finding, finding } from "./findings.ts";
import { ago } from "./table.ts";

/** MAAS polls each machine every 5 minutes; after three times that something is wrong. */
const POLL_OVERDUE_MS = 15 * 60_000;

type Seen = MachineShape & { readonly polled: Sighting };

export function* examinePolls(machines: readonly MachineShape[], { startedAt }: DaemonStatus): Generator<Finding> {
  const seen = machines.filter((machine): machine is Seen => machine.polled !== undefined);
  const longUp = Date.now() - startedAt > POLL_OVERDUE_MS;
  for (const { name: machine, polled, refused } of machines) {
    // One that was let in since is better now.
    if (!refused || refused.at < (polled?.at ?? 0)) continue;
    const { agent, address, at, code: problemCode } = refused;
    yield finding("refused", { machine, agent, address, when: ago(at), problemCode });
  }
  if (seen.length === 0) {
    if (machines.length > 0) yield finding("never-polled", {});
    return;
  }
  for (const polled of byCaller(seen)) yield polledBy(polled);
  for (const { name, polled } of seen) {
    if (longUp && Date.now() - polled.at > POLL_OVERDUE_MS)
      yield finding("poll-overdue", { machine: name, when: ago(polled.at) });
    const { told, route } = polled;
    if (route !== undefined) yield finding("old-route", { ...callerOf(polled), machine: name, route });
    if (told?.answer === "unknown") yield finding("told-unknown", { machine: name, when: ago(told.at) });
    if (told?.answer === "failure") yield finding("told-failure", { machine: name, when: ago(told.at) });
  }
  const unseen = machines.filter(({ polled, enabled }) => !polled && enabled).map(({ name }) => name);
  if (longUp && unseen.length > 0)
    yield finding("machine-never-polled", { machines: someOf(unseen), since: ago(startedAt) });
}

function byCaller(seen: readonly Seen[]): readonly Seen[][] {
  const callers = new Map<string, Seen[]>();
  for (const machine of seen) {
    const { agent, address } = callerOf(machine.polled);
    callers.set(`${agent} ${address}`, [...(callers.get(`${agent} ${address}`) ?? []), machine]);
  }
  return [...callers.values()];
}

function callerOf({ agent = "somebody", address = "" }: Sighting) {
  return { agent, address: address === "" ? "?" : address };
}

/** `MAAS 3.7.3 at 192.168.1.2 asked 2m ago for nuc1 (was told running), pi1 (was told stopped)`. */
function polledBy(polled: readonly Seen[]): Finding {
  const newestFirst = polled.toSorted((a, b) => b.polled.at - a.polled.at);
  const words = newestFirst.map(({ name, polled: { told } }) => `${name}${told ? ` (${toldWords(told.answer)})` : ""}`);
  const [newest] = newestFirst;
  const { agent, address } = newest ? callerOf(newest.polled) : { agent: "", address: "" };
  return finding("polled", { agent, address, when: ago(newest?.polled.at), machines: someOf(words) });
}

function toldWords(answer: Told): string {
  return answer === "failure" ? "was told that it cannot be read" : `was told ${answer}`;
}
