/** A virtual machine of one Proxmox host, and a container in a cluster whose first host is gone. */
import { keptPort } from "../../kept-port.ts";
import { type ProxmoxOptions, PVE_TOKEN, PVE_TOKEN_ID, SimulatedProxmox } from "../../simulators/proxmox.ts";
import type { Builder } from "../builds.ts";

function proxmox(name: string, type: "qemu" | "lxc", options: ProxmoxOptions = {}): Builder {
  return {
    name,
    on: "start 100",
    off: "stop 100",
    measures: true,
    start: async (clock, { initial = "off", lag = 0, stuck = false } = {}) => {
      const port = await keptPort();
      const node = options.nodes?.at(-1) ?? "pve1";
      const guests = { 100: { type, node, runs: initial === "on" } };
      const cluster = await SimulatedProxmox.start({ ...options, clock, port, lag, stuck, guests });
      const [host, ...others] = cluster.hosts;
      if (others.length > 0) await cluster.die(["pve1"]);
      return {
        hubs: `{ pve: { driver: proxmox, host: ${host}, other_hosts: [${others.join(", ")}], port: ${port}, user: "${PVE_TOKEN_ID}", token: ${PVE_TOKEN}, insecure: true } }`,
        machine: "hub: pve, outlet: 100",
        commands: cluster.commands,
        get running() {
          return cluster.guest().runs;
        },
        die: () => cluster.die(),
        revive: () => cluster.revive(),
        [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
      };
    },
  };
}

export const builders: readonly Builder[] = [
  proxmox("proxmox, a virtual machine", "qemu"),
  proxmox("proxmox, a container in a cluster", "lxc", { nodes: ["pve1", "pve2"], success: "WARNINGS: 1" }),
];
