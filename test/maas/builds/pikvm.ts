/** Machines at the buttons of a PiKVM, of a port of its Switch, and at a relay of its GPIO. */
import { keptPort } from "../../kept-port.ts";
import { FedMachine } from "../../simulators/fed-machine.ts";
import { AtxMachine, type AtxOptions, KVM_PASSWORD, Pikvm, type PikvmOptions } from "../../simulators/pikvm.ts";
import type { Behaviour, Build, Builder } from "../builds.ts";

async function build(
  options: PikvmOptions,
  at: { readonly settings: string; readonly running: () => boolean },
): Promise<Build> {
  const port = await keptPort();
  const kvm = await Pikvm.start({ ...options, port });
  return {
    machine: `driver: pikvm, host: 127.0.0.1, port: ${port}, password: ${KVM_PASSWORD}, insecure: true, ${at.settings}`,
    commands: kvm.commands,
    get running() {
      return at.running();
    },
    die: () => kvm.die(),
    revive: () => kvm.revive(),
    [Symbol.asyncDispose]: () => kvm[Symbol.asyncDispose](),
  };
}

function pressed({ initial, lag = 0, stuck = false }: Behaviour): AtxOptions {
  return { initial: initial === "on" ? "on" : "off", lag, stuck };
}

export const builders: readonly Builder[] = [
  {
    name: "pikvm",
    on: "atx power",
    off: "atx power_long",
    measures: true,
    start: (clock, behaviour = {}) => {
      const atx = new AtxMachine({ clock, ...pressed(behaviour) });
      return build({ atx }, { settings: "outlet: atx", running: () => atx.running });
    },
  },
  {
    name: "pikvm, a port of its Switch",
    on: "1.2 power",
    off: "1.2 power_long",
    measures: true,
    start: (clock, behaviour = {}) => {
      const machine = new AtxMachine({ clock, ...pressed(behaviour) });
      const ports = [new AtxMachine(), machine, new AtxMachine(), new AtxMachine()];
      return build({ ports }, { settings: "outlet: 1.2", running: () => machine.running });
    },
  },
  {
    name: "pikvm, a relay with an input behind it",
    on: "relay 1",
    off: "relay 0",
    measures: true,
    start: (clock, { initial = "off", ...behaviour } = {}) => {
      const machine = new FedMachine({ clock, initial, ...behaviour });
      const does = (state: boolean) => machine.command(state ? "on" : "off");
      const options = {
        outputs: { relay: { switch: true, max_delay: 0, does } },
        inputs: { led: () => machine.running },
      };
      return build(options, {
        settings: "outlet: relay, led: led, cuts: bmc",
        running: () => machine.running,
      });
    },
  },
];
