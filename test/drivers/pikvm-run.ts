/** A simulated KVM, and the driver `pikvm` on it by a hub as the controller has one. */
import pikvm from "../../src/drivers/pikvm.ts";
import { AtxMachine, type AtxOptions, Pikvm, type PikvmOptions } from "../simulators/pikvm.ts";
import { HubRun } from "./hub-run.ts";

export class Bench implements AsyncDisposable {
  readonly kvm: Pikvm;
  readonly run: HubRun;

  private constructor(kvm: Pikvm, hub: object) {
    this.kvm = kvm;
    this.run = new HubRun(pikvm, { ...kvm.hub, ...hub }, { timeout: 2_000 });
  }

  static async open(options: PikvmOptions, hub: object = {}): Promise<Bench> {
    return new Bench(await Pikvm.start(options), hub);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run[Symbol.asyncDispose]();
    await this.kvm[Symbol.asyncDispose]();
  }
}

/** A KVM with one machine at its own board. */
export async function board(options: AtxOptions = {}) {
  const machine = new AtxMachine(options);
  const at = await Bench.open({ atx: machine });
  return { machine, kvm: at.kvm, run: at.run, [Symbol.asyncDispose]: () => at[Symbol.asyncDispose]() };
}
