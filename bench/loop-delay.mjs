/** Loaded into the daemon beside its own code: writes the p99 of its event loop's delay (ms) to a file when told to. */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on("SIGUSR2", () => {
  writeFileSync(process.env.BENCH_LOOP_DELAY, String(delay.percentile(99) / 1e6));
  delay.reset();
});
