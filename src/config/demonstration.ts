/** What runs without a configuration: simulated machines to try everything on. */
export const DEMONSTRATION = `# Four simulated machines. Write your own configuration with: npm start -- init
server:
  listen: 127.0.0.1:6227
hubs:
  plugs: { driver: simulated }
profiles:
  plug: { hub: plugs, kind: plug, above: 6W, min_off: 2s, tags: [plug] }
machines:
  nuc1: { driver: simulated, boot: 4s, shutdown: 2s, description: A machine with a management controller, tags: [nuc] }
  nuc2: { driver: simulated, boot: 8s, shutdown: 4s, initial: on, description: The same but slower and already on, tags: [nuc] }
  pi1: { use: plug, outlet: 1, boot: 3s, description: A machine on a metered plug }
  pi2: { use: plug, outlet: 2, boot: 3s, initial: halted, description: Fed but halted; an on bounces its plug }
`;
