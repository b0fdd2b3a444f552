/** What the API tells of the configuration that runs, of the file as it stands, and of drivers. */
import { stringify } from "yaml";
import { driverFacts } from "../config/driver-facts.ts";
import { driverForm, type Problem, showConfiguration, showMachine } from "../config/index.ts";
import type { ConfigurationServices } from "../http/configuration-services.ts";
import type { DriverPageShape, ProblemShape } from "../http/configuration-shapes.ts";
import type { Driver } from "../power/driver.ts";
import type { Reloader } from "./reloader.ts";
import type { TrialServices } from "./try-machine.ts";

const WRITING = { version: "1.2", lineWidth: 0 } as const;

export function configurationServices(
  reloader: Reloader,
  trial: Omit<TrialServices, "configuration">,
): ConfigurationServices {
  const running = () => reloader.configuration;
  return {
    state: () => ({
      file: running().file ?? null,
      loadedAt: reloader.loadedAt,
      warnings: running().warnings.map(problemShape),
      problems: reloader.problems.map(problemShape),
      invalid: reloader.problem !== undefined,
    }),
    resolved: () => stringify(showConfiguration(running(), { origin: false }), WRITING),
    machine: (name) => {
      const machine = showMachine(running(), name);
      return machine && { config: stringify(machine.shown, WRITING), origin: machine.origin };
    },
    drivers: () => running().drivers.map(driverForm),
    driver: (name) => {
      const driver = running().drivers.find((known) => known.name === name);
      return driver && driverPage(driver);
    },
    reload: async (options) => {
      const { problems, ...reload } = await reloader.reload(options);
      return { ...reload, problems: problems.map(problemShape) };
    },
    tryMachine: async (options) => {
      const { tryMachine } = await import("./try-machine.ts");
      const { problems, ...tried } = await tryMachine(options, { ...trial, configuration: running() });
      return { ...tried, problems: problems.map(problemShape) };
    },
  };
}

function driverPage(driver: Driver): DriverPageShape {
  const { cuts: cutsWords, reads, hub, outlet, pace, notes, examples, sources } = driverFacts(driver);
  return { ...driverForm(driver), cutsWords, reads, settings: { hub, outlet }, pace, notes, examples, sources };
}

function problemShape({ source, ...problem }: Problem): ProblemShape {
  return { ...problem, ...(source && { source: source.line, sourceColumn: source.column }) };
}
