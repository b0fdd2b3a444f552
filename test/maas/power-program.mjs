/** A user's own program: `power-program.mjs URL on|off|state`, where URL is the simulated host's. */
import { get, request } from "node:http";

const [url, verb] = process.argv.slice(2);
const asked = verb === "state" ? get(`${url}/program`) : request(`${url}/program/${verb}`, { method: "POST" }).end();
asked.on("error", (error) => {
  process.stderr.write(`no answer: ${error.message}\n`);
  process.exitCode = 1;
});
asked.on("response", (response) => {
  void told(response);
});

async function told(response) {
  const chunks = await response.toArray();
  if (verb === "state") process.stdout.write(JSON.parse(Buffer.concat(chunks).toString()).on ? "on\n" : "off\n");
}
