/** A domain of libvirt: by virsh here, and by virsh on the hypervisor over SSH. */
import { Hypervisor } from "../../simulators/libvirt.ts";
import { SshMachine } from "../../simulators/ssh.ts";
import type { VirtualClock } from "../../virtual-clock.ts";
import type { Behaviour, Build, Builder } from "../builds.ts";

const LOGIN = { user: "maas", password: "correct horse" };

function start(clock: VirtualClock, { initial = "off", lag = 0, stuck = false }: Behaviour): Hypervisor {
  return Hypervisor.start({ clock, lag, stuck, domains: { nuc1: initial === "on" ? "running" : "shut off" } });
}

function build(
  hypervisor: Hypervisor,
  { settings, die, revive, close }: { settings: string } & Record<"die" | "revive" | "close", () => Promise<void>>,
): Build {
  return {
    machine: `driver: libvirt, uri: "${hypervisor.uri}", outlet: nuc1${settings}`,
    commands: hypervisor.commands,
    get running() {
      return hypervisor.state("nuc1") === "running";
    },
    die,
    revive,
    [Symbol.asyncDispose]: async () => {
      await close();
      hypervisor[Symbol.dispose]();
    },
  };
}

const HERE: Builder = {
  name: "libvirt",
  on: "start nuc1",
  off: "destroy nuc1",
  measures: true,
  start: async (clock, behaviour = {}) => {
    const hypervisor = start(clock, behaviour);
    const become = (fault: "gone" | undefined) => () => {
      hypervisor.fault = fault;
      return Promise.resolve();
    };
    return build(hypervisor, {
      settings: "",
      die: become("gone"),
      revive: become(undefined),
      close: () => Promise.resolve(),
    });
  },
};

const OVER_SSH: Builder = {
  ...HERE,
  name: "libvirt over SSH",
  start: async (clock, behaviour = {}) => {
    const hypervisor = start(clock, behaviour);
    const users = { [LOGIN.user]: { password: LOGIN.password } };
    const host = await SshMachine.start({ users, programs: (line) => hypervisor.shell(line) });
    return build(hypervisor, {
      settings: `, host: 127.0.0.1, port: ${host.port}, user: ${LOGIN.user}, password: ${LOGIN.password}, host_key: any`,
      die: () => host.cut(),
      revive: () => host.boot(),
      close: () => host[Symbol.asyncDispose](),
    });
  },
};

export const builders: readonly Builder[] = [HERE, OVER_SSH];
