/** A real libvirt on this host, of an account of its own: nothing of the system's is touched. Needs root. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "../expecting.ts";
import { pathOf } from "./need.ts";
import type { Account } from "./sshd.ts";

const run = promisify(execFile);

/**
 * A guest of one sector that listens to its power button, and to nothing else. It enables the button's event in PM1_EN
 * (port 602h), sleeps until PM1_STS (600h) has it, and writes SLP_EN for S5 into PM1_CNT (604h): ACPI specification 4.8.3,
 * with the ports where QEMU's PIIX4 has them.
 *
 *     sti;  mov dx,602h;  mov ax,100h;  out dx,ax
 *     l:  hlt;  mov dx,600h;  in ax,dx;  test ah,1;  jz l
 *     mov dx,604h;  mov ax,2000h;  out dx,ax;  jmp l
 */
const GUEST = Buffer.alloc(512);
GUEST.write("fbba0206b80001eff4ba0006edf6c40174f6ba0406b80020efebed", "hex");
GUEST.write("55aa", 510, "hex");

/** A guest that listens to nothing: `l: hlt; jmp l`. */
const DEAF_GUEST = Buffer.alloc(512);
DEAF_GUEST.write("f4ebfd", "hex");
DEAF_GUEST.write("55aa", 510, "hex");

function domain(name: string, image: string): string {
  return `<domain type='qemu'>
  <name>${name}</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>${pathOf("qemu-system-x86_64")}</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='${image}'/><target dev='hda' bus='ide'/>
    </disk>
  </devices>
</domain>
`;
}

export class Libvirtd implements AsyncDisposable {
  readonly #owner: { readonly uid: number; readonly gid: number };
  readonly #home: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #keeper: ChildProcess | undefined;

  private constructor(folder: string, { home, ...owner }: { home: string; uid: number; gid: number }) {
    this.#folder = folder;
    this.#home = home;
    this.#owner = owner;
  }

  static async start(account: Account): Promise<Libvirtd> {
    const id = async (flag: string) => Number((await run("id", [flag, account.name])).stdout);
    const folder = await mkdtemp(join(tmpdir(), "mso-libvirtd-"));
    const owner = { home: `/home/${account.name}`, uid: await id("-u"), gid: await id("-g") };
    await chown(folder, owner.uid, owner.gid);
    const libvirtd = new Libvirtd(folder, owner);
    await libvirtd.revive();
    return libvirtd;
  }

  /** Where its clients find it. */
  get socket(): string {
    return join(this.#home, ".cache/libvirt/libvirt-sock");
  }

  /** Of QEMU's machines. */
  get qemu(): string {
    return `qemu+unix:///session?socket=${this.socket}`;
  }

  /** Of libvirt's own simulated hypervisor, with the domain `test`. */
  get simulated(): string {
    return `test+unix:///default?socket=${this.socket}`;
  }

  /** Defines a guest, which honours ACPI or is deaf. */
  async define(name: string, { deaf }: { readonly deaf: boolean }): Promise<void> {
    const image = join(this.#folder, `${name}.img`);
    await writeFile(image, deaf ? DEAF_GUEST : GUEST);
    await chown(image, this.#owner.uid, this.#owner.gid);
    const file = join(this.#folder, `${name}.xml`);
    await writeFile(file, domain(name, image));
    await this.virsh(this.qemu, "define", file);
  }

  /** What virsh prints. */
  async virsh(uri: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run("virsh", ["-c", uri, ...args], { env: { ...process.env, LC_ALL: "C" } });
    return stdout.trim();
  }

  domstate(uri: string, name: string): Promise<string> {
    return this.virsh(uri, "domstate", name);
  }

  async die(): Promise<void> {
    await end(this.#keeper);
    await end(this.#process);
  }

  async revive(): Promise<void> {
    const configuration = join(this.#folder, "libvirtd.conf");
    await writeFile(configuration, "");
    const env = { HOME: this.#home, PATH: process.env["PATH"] };
    const stdio = ["ignore", "ignore", "ignore"] as const;
    const child = spawn(pathOf("libvirtd") ?? "libvirtd", ["-f", configuration], {
      ...this.#owner,
      env,
      stdio: [...stdio],
      cwd: this.#folder,
    });
    this.#process = child;
    await until(async () => {
      if (child.exitCode !== null) throw new Error("libvirtd ended");
      return await this.virsh(this.qemu, "list").then(
        () => true,
        () => false,
      );
    }, 20_000);
    // The simulated hypervisor forgets everything when its last client leaves.
    this.#keeper = spawn("virsh", ["-c", this.simulated, "event", "--all", "--loop"], { stdio: [...stdio] });
    await until(async () => (await this.virsh(this.simulated, "list", "--all", "--name")) === "test");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = await this.virsh(this.qemu, "list", "--name").catch(() => "");
    for (const name of running.split("\n").filter((line) => line !== ""))
      await this.virsh(this.qemu, "destroy", name).catch(() => "");
    await this.die();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
