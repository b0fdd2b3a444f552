/** Calls one function of a driver, in a process of its own: `driver-call.ts NAME on|query OUTLET`. Prints what it gave. */
import { drivers } from "../../src/drivers/index.ts";
import { PowerError } from "../../src/power/errors.ts";
import { command, query } from "../drivers/run.ts";

const [name, verb, outlet = ""] = process.argv.slice(2);
const driver = drivers.find((known) => known.name === name);
if (!driver) throw new Error(`there is no driver ${name}`);
const run = { driver, outlet: JSON.parse(outlet) };

try {
  const answer = await (verb === "query" ? query(run) : command("on", run));
  process.stdout.write(JSON.stringify({ answer }));
} catch (error) {
  const { code, message, hint, mayHaveActed } = PowerError.from(error);
  process.stdout.write(JSON.stringify({ failure: { code, message, hint, mayHaveActed } }));
}
