/** Every driver, one line each: the one file to touch when adding one. */
import type { Driver } from "../power/driver.ts";
import assumed from "./assumed.ts";
import simulated from "./simulated.ts";

export const drivers: readonly Driver[] = [simulated, assumed];
