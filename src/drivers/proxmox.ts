/**
 * Virtual machines and containers of Proxmox VE, by an API token (the wire stands in wire/proxmox-cluster.ts):
 *
 *     GET  /api2/json/cluster/resources                        where each guest is
 *     GET  /api2/json/nodes/pve1/qemu/100/status/current       {"data":{"status":"running","qmpstatus":"running"}}
 *     POST /api2/json/nodes/pve1/qemu/100/status/start         {"data":"UPID:pve1:…:qmstart:100:maas@pve!power:"}
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { duration, host, port, secret } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { httpTrustFields, tokenFindings, trustFindings } from "../wire/http-access.ts";
import { ProxmoxApi } from "../wire/proxmox.ts";
import { ProxmoxCluster } from "../wire/proxmox-cluster.ts";

const HUB = z.object({
  host: host({ description: "Host name or IP address of a node" }),
  other_hosts: z
    .array(host({ description: "Host name or IP address of a node" }))
    .default([])
    .describe("More nodes of the same cluster, asked in turn where one does not answer"),
  port: port("TCP port").default(8006),
  user: z
    .string()
    .regex(/^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+$/, "must be user@realm!name")
    .describe("User and name of the API token: user@realm!name"),
  token: secret("Secret of the API token"),
  ...httpTrustFields,
});
type Hub = z.output<typeof HUB>;

const OUTLET = z.object({
  outlet: z
    .union([z.int().min(100), z.string().min(1, "must not be empty")])
    .transform(String)
    .describe(
      "Id of the virtual machine or container, such as 100; or its name, where it is the only one of that name",
    ),
  shutdown_timeout: duration("How long Proxmox waits for the soft off; absent: as long as it does by itself, 60 s", {
    least: 1_000,
  }).optional(),
});
type Outlet = z.output<typeof OUTLET>;

export default defineDriver({
  name: "proxmox",
  title: "Proxmox VE",
  family: "Hypervisors",
  summary: "Switches the virtual machines and containers of a Proxmox VE host or cluster by an API token.",
  sources: [
    "https://pve.proxmox.com/pve-docs/api-viewer/",
    "https://pve.proxmox.com/wiki/Proxmox_VE_API",
    "https://github.com/proxmox/qemu-server/blob/master/src/PVE/API2/Qemu.pm",
    "https://github.com/proxmox/pve-container/blob/master/src/PVE/API2/LXC/Status.pm",
    "https://github.com/proxmox/pve-manager/blob/master/PVE/API2/Cluster.pm",
    "https://github.com/proxmox/pve-manager/blob/master/PVE/API2/Tasks.pm",
    "https://github.com/proxmox/pve-common/blob/master/src/PVE/UPID.pm",
    "https://github.com/proxmox/pve-cluster/blob/master/src/pmxcfs/status.c",
    "https://github.com/proxmox/pve-ha-manager/blob/master/src/PVE/HA/Config.pm",
    "https://github.com/ansible-collections/community.general/issues/7817",
    "https://github.com/Telmate/proxmox-api-go/pull/247",
  ],
  notes: [
    'A token that may see and switch, and nothing else, is made on a node: `pveum role add Power --privs "VM.Audit VM.PowerMgmt"`, `pveum user add maas@pve`, `pveum acl modify /vms --users maas@pve --roles Power`, `pveum user token add maas@pve power --privsep 0`. The last one prints the secret, once. Without `--privsep 0` the token has no rights until they are given to it as well, and then a guest is "not there".',
    "A node has a certificate of the cluster's own authority: copy `/etc/pve/pve-root-ca.pem` and name it as `ca: !file pve-root-ca.pem`, which holds for every node. `host` is then a name or address that stands in the certificate. `pin_sha256` is of one node only.",
    "`outlet` is the id; `maasochist hubs outlets HUB` lists them with names and nodes. Each order and each reading finds the node anew, so a guest may migrate. On a node that the cluster does not see, a guest is a failure, never off.",
    "A single guest's state, and every state that an order decides by, is asked at its node. Where many are asked at once by queries and polls alone, one request tells all of them from the cluster's table, which is up to 15 s old ([community.general 7817](https://github.com/ansible-collections/community.general/issues/7817)); the reading says so by its time, and a guest that was told something since is asked at its node. A guest that is paused or whose disk fails is on; one that a backup holds unstarted in QEMU is off.",
    "Soft off is `shutdown`: ACPI, or the guest agent; Proxmox gives up after 60 s, or after the `down` of the guest's start order, or `shutdown_timeout`, which wants a `wait` as long beside it. A paused machine refuses it. Hard off is `stop`; a shutdown that was ordered from here is ended for it, one that somebody else ordered holds the guest until it is over. Reset is `reset`; of a container, a restart that kills it after 5 s. A cycle is off, proven, then on.",
    "Orders are tasks. They are followed to their end, `WARNINGS` counts as done ([proxmox-api-go 247](https://github.com/Telmate/proxmox-api-go/pull/247)), and the end of the log is told where one fails. A guest locked by a backup, a migration or a snapshot is busy.",
    "For a guest under HA an order is a request to the HA manager, which acts within about 10 s or, on a failed node, minutes: raise `verify`. A guest that halts by itself while HA wants it started is started again by HA.",
    "MAAS has a Proxmox driver of its own: choose it where MAAS alone shall switch the guests of one host and their Proxmox may be asked by every rack controller. Neither sets the boot order: put the network first in the guest's options. MAAS's takes its state from the table, so it may find a guest on that has just gone off; it follows no task, knows one host, and needs a token or password in each machine. Choose this one for proof, for several hosts, and where people's orders go through here as well.",
    "No real Proxmox was at hand. The simulator that this is tested against was written from Proxmox's own source (qemu-server 9.2.6 and its neighbours of August 2026).",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: "machines:\n  vm1:\n    driver: proxmox\n    host: 192.168.1.70\n    user: maas@pve!power\n    token: !secret pve\n    insecure: true\n    outlet: 100\n",
    },
    {
      title: "A cluster with three hosts, its authority, machines by range, and one by name with time to go down",
      yaml: 'hubs:\n  pve:\n    driver: proxmox\n    host: pve1.example.com\n    other_hosts: [pve2.example.com, pve3.example.com]\n    user: maas@pve!power\n    token: !secret pve\n    ca: !file pve-root-ca.pem\nmachines:\n  "vm[100-120]": { hub: pve, outlet: "{n}" }\n  build:\n    on: { hub: pve, outlet: build-runner }\n    off:\n      - { hub: pve, outlet: build-runner, shutdown_timeout: 3m, how: soft, wait: 3m }\n      - { hub: pve, outlet: build-runner, how: hard }\n    query: { hub: pve, outlet: build-runner }\n',
    },
  ],
  cuts: "vm",
  hub: HUB,
  outlet: OUTLET,
  // A refused token is answered after 3 s, and a host that is gone takes as long to be found out.
  pace: { concurrency: 4, timeout: 15_000 },
  check,
  connect: ({ host, other_hosts, port, user: tokenId, token, ca, pin_sha256: pin, insecure }, { clock }) =>
    new ProxmoxCluster(
      new ProxmoxApi({ hosts: [host, ...other_hosts], port, tokenId, token, tls: { ca, pin, insecure } }),
      clock,
    ),
  disconnect: (cluster) => cluster.close(),
  on: (cluster, { outlet }, { signal }) => cluster.order({ outlet, verb: "start", signal }),
  off: {
    soft: (cluster, { outlet, shutdown_timeout: ms }, { signal }) => {
      const form = ms === undefined ? {} : { timeout: String(Math.ceil(ms / 1_000)) };
      return cluster.order({ outlet, verb: "shutdown", form, signal });
    },
    hard: (cluster, { outlet }, { signal }) => cluster.order({ outlet, verb: "stop", signal }),
  },
  reset: (cluster, { outlet }, { signal }) => cluster.order({ outlet, verb: "reset", signal }),
  query: (cluster, { outlet }, { signal }) => cluster.state(outlet, signal),
  queryAll: (cluster, outlets, ctx) =>
    cluster.states(
      outlets.map(({ outlet }) => outlet),
      ctx,
    ),
  list: (cluster, { signal }) => cluster.list(signal),
});

function check(_outlet: Outlet, { other_hosts, token, ...trust }: Hub): Finding[] {
  const findings = [...trustFindings(trust, undefined), ...tokenFindings(token)];
  if (trust.pin_sha256 !== undefined && other_hosts.length > 0)
    findings.push(mistake("pin_sha256", "each node has a certificate of its own: trust their authority with `ca`"));
  return findings;
}
