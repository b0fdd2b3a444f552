/** A user's own program: `power-program.mjs URL on|off|state`, where URL is the simulated host's. */
import { get, request } from "node:http";

const [url, verb] = process.argv.slice(2);
const asked = verb === "state" ? get(`${url}/program`) : request(`${url}/program/${verb}`, { method: "POST" }).end();
asked.on("error", (error) => {
  console.error(`no answer: ${error.message}`);
  process.exitCode = 1;
});
asked.on("response", async (response) => {
  const chunks = await response.toArray();
  if (verb === "state") console.log(JSON.parse(Buffer.concat(chunks).toString()).on ? "on" : "off");
});
