/**
 * What the verbs mean for a machine with its supply and its stages. See "Supply and control" in ARCHITECTURE.md.
 *
 * - on: already on is done. Not fed: rest, close, prove. Fed but off (halted): the stages; without any, or when they
 *   fail, bounce the supply.
 * - off: already off is done. The stages, soft first; then the supply as the last resort.
 * - cycle: native where there is one and the machine is on; else off, rest, on as one unit.
 * - reset: native, else cycle. An off machine is switched on by both.
 */
import type { How } from "./driver.ts";
import { PowerError } from "./errors.ts";
import type { Machine, Stage } from "./machine.ts";
import { type Grade, isAutomation, type OrderRecord } from "./order.ts";
import type { Outlet } from "./outlet.ts";
import type { Reading } from "./reading.ts";
import type { Run } from "./run.ts";

/** Longest a soft way may take where it was not written as a stage of its own (ms). */
const SOFT_WAIT_MS = 60_000;

export interface Outcome {
  readonly grade: Grade;
  readonly proof: Reading;
}

/** Obeys the order. Throws PowerError. */
export async function obey(run: Run, order: OrderRecord): Promise<Outcome> {
  switch (order.verb) {
    case "on":
      return graded(await switchOn(run, { mayCycle: true, order }));
    case "off":
      return graded(await switchOff(run, order));
    case "cycle":
    case "reset":
      return restart(run, order);
    default:
      return order.verb satisfies never;
  }
}

function graded(proof: Reading): Outcome {
  return { grade: proof.confidence === "measured" ? "measured" : "assumed", proof };
}

async function switchOn(
  run: Run,
  options: { readonly mayCycle: boolean; readonly order: OrderRecord },
): Promise<Reading> {
  const { machine } = run;
  const { spec, supplies, stages } = machine;
  const first = await run.prover.settled("on");

  if (machine.shows(first, "on")) {
    if (options.mayCycle && spec.whenAlreadyOn === "cycle") {
      run.progress.note("it is on already, and the configuration says to cycle it then");
      return (await restart(run, options.order)).proof;
    }
    // What was only ordered once is ordered again; what is seen to be fed and has no other way is as on as it can be made.
    if (first.confidence === "measured" || (stages.on.length === 0 && machine.readsSupply)) {
      nameOpen(run, first);
      return first;
    }
  }
  if (first?.towards === "on") {
    run.progress.note("the device says it is on its way");
    return run.prover.prove("on", { since: first.startedAt, wait: spec.verify });
  }

  if (supplies.length === 0) return run.stages(stages.on, "on", { lastResort: false });
  let failure: PowerError | undefined;
  let seen = first;
  const stays = spec.afterAc === "stays_off" && stages.on.length > 0;
  if (first?.fed !== true || !machine.readsSupply) {
    try {
      return await feed(run);
    } catch (thrown) {
      run.safePoint();
      failure = PowerError.from(thrown);
      // What could not be read at first may have been fed all along, and halted.
      if (first?.fed !== undefined || stays || failure.code !== "unproven") throw failure;
      seen = await run.prover.look();
      if (seen?.fed !== true) throw failure;
    }
  }

  if (stages.on.length > 0) {
    try {
      return await run.stages(stages.on, "on", { lastResort: true });
    } catch (thrown) {
      run.safePoint();
      failure = PowerError.from(thrown);
      seen = await run.prover.look();
    }
  }
  if (machine.shows(seen, "on") && seen.confidence === "measured") return seen;
  // Current is taken away only from a machine that is measured not to run.
  if (seen?.state !== "off" || seen.confidence !== "measured") {
    throw (
      failure ??
      new PowerError(
        "unproven",
        `${machine.name} is fed, but nothing tells whether it runs, so its supply is left alone`,
      )
    );
  }
  run.progress.note("it is fed but halted: the supply is opened and closed again");
  await run.openSupply();
  return feed(run);
}

/** Closes the supply and sees the machine come up. */
async function feed(run: Run): Promise<Reading> {
  const { spec, stages } = run.machine;
  const { endedAt: since, failed } = await run.closeSupply();
  const wait = spec.verify;
  const settle = run.supplySettle;
  const stays = spec.afterAc === "stays_off" && stages.on.length > 0;
  const fed = (reading: Reading) => reading.fed !== false;
  let proof = await run.prover.prove("on", { since, wait, settle, ...(stays && { shows: fed }) });
  // It may have been fed all along, and run.
  const runs = run.machine.shows(proof, "on") && proof.confidence === "measured";
  if (stays && !runs) proof = await run.stages(stages.on, "on", { lastResort: false });
  nameOpen(run, proof, failed);
  return proof;
}

/** Which outlets the machine runs without, and why where that is known. */
function nameOpen(
  { progress }: Run,
  { outlets = [] }: Reading,
  failed: ReadonlyMap<Outlet, PowerError> = new Map(),
): void {
  const open = outlets.filter((outlet) => outlet.state !== "closed");
  progress.degraded(
    open.map(({ label, state }) => {
      const why = [...failed].find(([outlet]) => outlet.label === label)?.[1].message;
      return `${label} (${why ?? (state === "open" ? "still open" : "unreadable")})`;
    }),
  );
}

async function switchOff(run: Run, order: OrderRecord): Promise<Reading> {
  const { machine } = run;
  const { spec, supplies } = machine;
  const soft = order.how === "soft";
  const mayCut = supplies.length > 0 && spec.cut !== "never" && !soft;
  const first = await run.prover.look();
  const done = async (reading: Reading): Promise<Reading> =>
    spec.cut === "always" && mayCut && reading.fed !== false ? run.openSupply() : reading;

  if (machine.shows(first, "off") && first.confidence === "measured") return done(first);
  if (first?.towards === "off") {
    run.progress.note("the device says it is on its way");
    return done(await run.prover.prove("off", { since: first.startedAt, wait: spec.verify }));
  }

  const stages = offStages(machine, order);
  if (stages.length > 0) {
    try {
      return await done(await run.stages(stages, "off", { lastResort: mayCut }));
    } catch (thrown) {
      run.safePoint();
      if (!mayCut) throw thrown;
      run.progress.note("asking did not help: the supply is opened");
    }
  } else if (!mayCut) {
    throw new PowerError(
      "unsupported",
      `${machine.name} has no ${order.how ?? ""} way to be switched off`.replace("  ", " "),
    );
  }
  return run.openSupply();
}

/** The ways to switch off in their order: `how` chooses where one control offers both and the stage does not say. */
function offStages(machine: Machine, order: OrderRecord): Stage[] {
  const how = order.how ?? machine.spec.how ?? (isAutomation(order.actor) ? "hard" : "soft_then_hard");
  return machine.stages.off
    .flatMap((stage): Stage[] => {
      const { can } = stage.outlet;
      const offers = (["soft", "hard"] as const).filter((way) => can.has(way));
      if (stage.how !== undefined || offers.length < 2) return [{ ...stage, how: stage.how ?? offers[0] }];
      const ways: readonly How[] = how === "soft_then_hard" ? ["soft", "hard"] : [how];
      return ways.map((way) => ({
        ...stage,
        how: way,
        wait: way === "soft" ? Math.min(stage.wait, SOFT_WAIT_MS) : stage.wait,
      }));
    })
    .filter((stage) => order.how === undefined || stage.how === order.how);
}

async function restart(run: Run, order: OrderRecord): Promise<Outcome> {
  const { machine } = run;
  const first = await run.prover.look();
  if (machine.shows(first, "off") && first.confidence === "measured") {
    run.progress.turned();
    return graded(await switchOn(run, { mayCycle: false, order }));
  }

  const verb = order.verb === "reset" ? "reset" : "cycle";
  const [native] = machine.stages[verb];
  if (native && machine.shows(first, "on")) {
    const { outlet, wait } = native;
    await run.turnToStart();
    const since = await run.command(outlet, { verb, goal: "on", wait, lastWay: true });
    run.progress.turned();
    const proof = await run.prover.prove("on", { since, wait, settle: outlet.settle });
    return { grade: proof.confidence === "measured" ? "accepted" : "assumed", proof };
  }
  run.progress.turning();
  await switchOff(run, order);
  run.progress.turned();
  return graded(await switchOn(run, { mayCycle: false, order }));
}
