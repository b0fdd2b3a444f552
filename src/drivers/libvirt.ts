/**
 * Virtual machines of libvirt, through the program virsh, here or on the hypervisor:
 *
 *     LC_ALL=C virsh -c qemu:///system list --all                 the states of all domains
 *     LC_ALL=C virsh -c qemu:///system start --domain node1       exit status 0
 *
 * and `shutdown`, `destroy`, `reset`, `resume`: https://libvirt.org/manpages/virsh.html
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { Domains } from "../wire/domains.ts";
import { choice, host, text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { sshFields, sshFindings } from "../wire/ssh-fields.ts";
import { ownUri, VIRSH_WAYS, type Virsh, virshHere, virshOverSsh, virshThere } from "../wire/virsh.ts";

const HUB = z.object({
  host: host({ description: "Host name or IP address of the hypervisor; absent: `uri` says all" }).optional(),
  via: choice(
    VIRSH_WAYS,
    "How to reach `host`: run virsh there over ssh, or here with a URI of qemu+ssh, which needs virsh and ssh here",
  ).default("ssh"),
  uri: text("URI of libvirt; with `host` as the hypervisor itself knows it").default("qemu:///system"),
  ...sshFields,
  user: sshFields.user.optional(),
});
type Hub = z.output<typeof HUB>;

const OUTLET = z.object({
  outlet: text("Name of the domain"),
  soft: choice(
    ["any", "acpi", "agent"],
    "How a soft off asks: the way libvirt prefers, the ACPI power button, or QEMU's guest agent",
  ).default("any"),
});

interface Hypervisor {
  readonly virsh: Virsh;
  readonly domains: Domains;
}

export default defineDriver({
  name: "libvirt",
  title: "libvirt: KVM, QEMU, Xen and others",
  family: "Hypervisors",
  summary: "Switches virtual machines of libvirt with virsh: here, over qemu+ssh, or over SSH on the hypervisor.",
  sources: [
    "https://libvirt.org/manpages/virsh.html",
    "https://libvirt.org/uri.html",
    "https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState",
    "https://gitlab.com/libvirt/libvirt/-/blob/master/tools/virsh-util.c",
  ],
  notes: [
    "Three ways. Without `host` virsh runs here, for any URI of libvirt. With `host` and `via: ssh` it runs on the hypervisor: nothing is needed here, and passwords work too. With `via: qemu+ssh` it runs here and OpenSSH makes the tunnel, which needs virsh and ssh here, and netcat or virt-ssh-helper there: for hypervisors whose login runs no virsh. The account must be allowed to use libvirt: put it into the group `libvirt`.",
    "MAAS has a driver of its own for virsh: choose it where MAAS alone shall switch the domain, and where it composes domains itself. Choose this one for a proof of each order, for a soft off before the hard one, for a password or a pinned host key, or where people and other machines' orders go through here as well. Neither changes the boot order: let the domain start from the network first (`<boot dev='network'/>`).",
    "`running` and `idle` are on, `shut off` is off, `in shutdown` is waited for. `paused`, `pmsuspended` and `crashed` are unknown, with the reason: such a domain does not run, and is not off either. An on resumes what is paused, wakes what sleeps, and starts anew what crashed; a hard off ends them all. All domains of a hypervisor are read in one call.",
    "A soft off (`virsh shutdown`) is lost without a word on a guest that has just started, or that has no ACPI: give it a `wait`, and a hard off (`virsh destroy`, which pulls the plug and deletes nothing) behind it. `soft: acpi` leaves out QEMU's guest agent, which may hang; containers and Xen take `any` alone.",
    "Starting a domain with much memory may take longer than the 30 s of `timeout`: raise it. Give domains their own names, not UUIDs or numbers, as `outlet`; `virsh list --all` shows them.",
    "`host_key: known` takes only keys in known_hosts; `first` takes that of the first login, and only `via: ssh`.",
  ],
  examples: [
    {
      title: "Minimal: on this host",
      yaml: "machines:\n  node1: { driver: libvirt, outlet: node1 }\n",
    },
    {
      title: "A hypervisor over SSH, each machine's domain by its name; asked first, then cut",
      yaml: 'hubs:\n  hypervisor:\n    driver: libvirt\n    host: 192.168.1.30\n    user: maas\n    key: !file id_ed25519\n    known_hosts: /etc/maasochist/known_hosts\n    timeout: 60s\nmachines:\n  "node[1-20]":\n    hub: hypervisor\n    outlet: "{name}"\n    how: soft\n',
    },
    {
      title: "Over qemu+ssh, and another libvirt by its URI",
      yaml: 'hubs:\n  kvm2:\n    driver: libvirt\n    host: 192.168.1.31\n    via: qemu+ssh\n    user: maas\n    agent: /run/maasochist/agent.sock\n  containers: { driver: libvirt, uri: "lxc:///system" }\nmachines:\n  build1: { hub: kvm2, outlet: build1, soft: acpi }\n  web1: { hub: containers, outlet: web1 }\n',
    },
  ],
  cuts: "vm",
  hub: HUB,
  outlet: OUTLET,
  pace: { timeout: 30_000 },
  check,
  connect: async (hub, { signal }): Promise<Hypervisor> => {
    const virsh = await open(hub, signal);
    return { virsh, domains: new Domains(virsh) };
  },
  disconnect: ({ virsh }) => virsh.close(),
  on: ({ domains }, { outlet }, { signal }) => domains.start(outlet, signal),
  off: {
    soft: ({ domains }, { outlet, soft }, { signal }) =>
      domains.stop(["shutdown", ...(soft === "any" ? [] : ["--mode", soft])], outlet, signal),
    hard: ({ domains }, { outlet }, { signal }) => domains.stop(["destroy"], outlet, signal),
  },
  reset: ({ domains }, { outlet }, { signal }) => domains.reset(outlet, signal),
  query: ({ domains }, { outlet }, { signal }) => domains.read(outlet, signal),
  queryAll: ({ domains }, outlets, { signal }) =>
    domains.readAll(
      outlets.map(({ outlet }) => outlet),
      signal,
    ),
  list: ({ domains }, { signal }) => domains.list(signal),
});

function open({ host, via, uri, user, ...login }: Hub, signal: AbortSignal): Promise<Virsh> | Virsh {
  if (host === undefined || user === undefined) return virshHere(uri);
  const there = { ...login, host, user };
  return via === "ssh" ? virshThere(uri, there, signal) : virshOverSsh(uri, there);
}

function check(_outlet: unknown, hub: Hub): Finding[] {
  if (hub.host === undefined)
    return (["user", "password", "key", "agent", "known_hosts"] as const)
      .filter((key) => hub[key] !== undefined)
      .map((key) => mistake(key, "is for the login at `host`, which is not given"));
  const findings = sshFindings(hub);
  if (hub.user === undefined) findings.push(mistake("user", "is needed to log in at `host`"));
  if (!ownUri(hub.uri))
    findings.push(mistake("uri", "is, with `host`, the hypervisor's own, such as qemu:///system; or leave out `host`"));
  if (hub.via === "ssh") return findings;
  if (hub.password && !hub.key && hub.agent === undefined)
    findings.push(mistake("password", "OpenSSH takes none from here: give `key` or `agent`, or use `via: ssh`"));
  if (hub.passphrase) findings.push(mistake("passphrase", "OpenSSH takes none from here: use `agent`, or `via: ssh`"));
  if (hub.host_key === "first")
    findings.push(mistake("host_key", "`first` is only for `via: ssh`: use `known`, or `any`"));
  return findings;
}
