/**
 * The last state that was proven or ordered, for machines that nothing can measure. There is no wire.
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";

export default defineDriver({
  name: "assumed",
  title: "Assumed state",
  family: "State of a machine",
  summary:
    "Tells the last state that was proven or ordered, always marked as assumed, for machines that nothing can measure.",
  sources: [],
  notes: [
    "MAAS fails a power on when it never reads `running`. Where nothing at all can measure a machine, this lets MAAS go on, at the price of truth: a machine that did not obey, or that somebody switched by hand, still reads as ordered. Use `reachable`, a meter or any other measurement where there is one.",
    "Before the first order the state is unknown.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: "machines:\n  blind:\n    mac: aa:bb:cc:00:00:01\n    on: { driver: wake-on-lan }\n    off: { driver: command, run: [/usr/local/bin/stop-it, blind] }\n    query: { driver: assumed }\n",
    },
  ],
  cuts: "nothing",
  assumes: true,
  outlet: z.object({}),
  query: (_none, _outlet, { last }) =>
    Promise.resolve(
      last
        ? { state: last.state, assumed: true, evidence: `assumed ${last.state} since the last order` }
        : {
            state: "unknown",
            assumed: true,
            evidence: "nothing was ordered yet",
            reason: "nothing measures this machine, and nothing was ordered yet",
          },
    ),
});
