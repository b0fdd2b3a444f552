// Relay boards of the imaginary Lamp company: GET /relays/3 answers {"closed":true}, PUT /relays/3 takes the same.
async function ask({ kit, client, base }, relay, { signal, closed }) {
  const command = closed === undefined ? {} : { method: "PUT", body: JSON.stringify({ closed }) };
  const url = `${base}/relays/${relay}`;
  const response = await client.request({ method: "GET", url, signal, ...command });
  kit.refuseStatus(response, { url, acted: closed !== undefined });
  return response.text;
}

export default (kit) =>
  kit.defineDriver({
    name: "lamp",
    title: "Lamp relay boards",
    family: "Smart plugs and relays",
    summary: "Opens and closes one relay of a Lamp board over HTTP.",
    sources: ["https://lamp.example/api"],
    examples: [{ title: "Minimal", yaml: "machines:\n  nuc1: { driver: lamp, host: lamp1, token: !secret lamp }\n" }],
    cuts: "mains",
    hub: kit.z.object({ host: kit.host(), port: kit.port().default(80), token: kit.secret("The board's token") }),
    outlet: kit.z.object({ outlet: kit.index("Relay, counted from 0").default(0) }),
    connect: ({ host, port, token }) => {
      const client = new kit.HttpClient({ auth: { kind: "bearer", token } });
      return { kit, client, base: `http://${host}:${port}` };
    },
    disconnect: ({ client }) => client.close(),
    on: (board, { outlet }, { signal }) => ask(board, outlet, { signal, closed: true }),
    off: (board, { outlet }, { signal }) => ask(board, outlet, { signal, closed: false }),
    query: async (board, { outlet }, { signal }) => kit.evaluateState(await ask(board, outlet, { signal }), "closed"),
  });
