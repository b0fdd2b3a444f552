/** Every driver, one line each: the one file to touch when adding one. */
import type { Driver } from "../power/driver.ts";
import assumed from "./assumed.ts";
import command from "./command.ts";
import http from "./http.ts";
import reachable from "./reachable.ts";
import simulated from "./simulated.ts";
import ssh from "./ssh.ts";
import wakeOnLan from "./wake-on-lan.ts";

export const drivers: readonly Driver[] = [command, http, wakeOnLan, ssh, reachable, assumed, simulated];
