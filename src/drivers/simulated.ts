/**
 * Machines that exist only in memory: for the demonstration, for trying a configuration, and for tests.
 *
 * There is no wire. A hub has outlets, and behind each stands one simulated machine that boots, shuts down, halts while
 * fed, draws watts, and fails in the ways real hardware does. Time is the daemon's clock.
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { choice, duration, flag } from "../wire/fields.ts";
import { SIMULATED_FAULTS } from "../wire/simulated-machine.ts";
import { type SimulatedHub, simulatedHub } from "../wire/simulation.ts";

export default defineDriver({
  name: "simulated",
  title: "Simulated machines",
  family: "Try and test",
  summary:
    "Switches machines that exist only in memory: to try MAASochist, and to test a configuration without hardware.",
  sources: [],
  notes: [
    "`kind: machine` behaves like a management controller: soft and hard off, reset, and a state that tells whether the machine runs. `kind: plug` behaves like a smart plug with a meter: its state is the relay's, and the machine behind it starts when fed. `kind: button` behaves like a power button: a press toggles.",
    "Nothing real is switched. State is kept as long as the daemon runs.",
  ],
  examples: [
    { title: "Minimal", yaml: "machines:\n  try-me: { driver: simulated, boot: 3s, shutdown: 2s, initial: off }\n" },
    {
      title: "A machine behind a plug with a meter, found halted",
      yaml: "hubs:\n  strip: { driver: simulated }\nmachines:\n  halted: { hub: strip, outlet: 1, kind: plug, initial: halted, above: 6W }\n",
    },
  ],
  cuts: ({ kind }) => (kind === "plug" ? "mains" : kind === "button" ? "button" : "vm"),
  momentary: ({ kind }) => kind === "button",
  hub: z.object({
    world: z.string().default("default").describe("Hubs of one name in one world are the same hub"),
    latency: duration("How long each exchange takes").prefault("0ms"),
    pushes: flag("Does the hub tell states unasked when they change?").default(false),
  }),
  outlet: z.object({
    outlet: z.union([z.string(), z.int()]).transform(String).prefault("1").describe("Name of the simulated outlet"),
    kind: choice(["machine", "plug", "button"], "What the outlet behaves like").default("machine"),
    boot: duration("From power to running").prefault("3s"),
    shutdown: duration("From being asked to being off").prefault("2s"),
    lag: duration("From a command to its effect").prefault("0s"),
    initial: choice(["on", "off", "halted"], "State when the daemon starts").default("off"),
    restores: flag("Does the machine start by itself when its plug is switched on?").default(true),
    load: z.number().min(0).default(25).describe("Watts drawn while running"),
    idle: z.number().min(0).default(0.9).describe("Watts drawn while halted but fed"),
    fault: choice(
      SIMULATED_FAULTS,
      "How it fails: does not answer, takes commands without effect, reports the wish instead of the state, refuses, acts but loses the answer, ignores a soft off, goes on reporting an old state, or reports another state at every read",
    ).optional(),
  }),
  without: ({ kind }) =>
    kind === "machine"
      ? ["cycle", "watts"]
      : kind === "plug"
        ? ["cycle", "reset", "soft"]
        : ["cycle", "reset", "soft", "watts"],
  connect: ({ world, latency, pushes }, { key, clock }): SimulatedHub =>
    simulatedHub(`${world}/${key}`, { clock, latency, pushes }),
  on: (hub, outlet, { signal }) => hub.command(outlet, "on", signal),
  off: {
    soft: (hub, outlet, { signal }) => hub.command(outlet, "soft-off", signal),
    hard: (hub, outlet, { signal }) => hub.command(outlet, "off", signal),
  },
  reset: (hub, outlet, { signal }) => hub.command(outlet, "reset", signal),
  query: (hub, outlet, { signal }) => hub.read(outlet, signal),
  queryAll: (hub, outlets, { signal }) => hub.readAll(outlets, signal),
  watch: (hub, outlets, listener) => Promise.resolve(hub.watch(outlets, listener)),
  identify: async (hub, { signal }) => ({ id: await hub.identify(signal), model: "Simulation" }),
  watts: (hub, outlet, { signal }) => hub.watts(outlet, signal),
  list: (hub) => Promise.resolve(hub.list()),
});
