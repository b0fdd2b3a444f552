/** The commissioning script that arms Wake-on-LAN, run against interfaces and an ethtool that are files in a folder. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const SCRIPT = join(import.meta.dirname, "../docs/examples/90-arm-wake-on-lan.sh");

/** Prints what ethtool(8) prints of an interface, and sets what it is told; each call is kept. */
const ETHTOOL = `#!/bin/sh
cards=$(dirname "$0")/cards
echo "$*" >> "$cards/calls"
if [ "$1" = -s ]; then
  if [ -e "$cards/$2.stubborn" ]; then echo "netlink error: Operation not supported" >&2; exit 1; fi
  [ "$3" = wol ] && echo "$4" > "$cards/$2.wol"
  exit 0
fi
echo "Settings for $1:"
echo "	Speed: 1000Mb/s"
[ -e "$cards/$1.supports" ] && echo "	Supports Wake-on: $(cat "$cards/$1.supports")"
[ -e "$cards/$1.wol" ] && echo "	Wake-on: $(cat "$cards/$1.wol")"
echo "	Link detected: yes"
`;

interface Card {
  /** ARPHRD_ETHER is 1. */
  readonly type?: number;
  readonly supports?: string;
  readonly wol?: string;
  readonly wireless?: boolean;
  /** A bridge and its like have no device. */
  readonly virtual?: boolean;
  readonly stubborn?: boolean;
}

class Bench implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "maasochist-wake-"));

  constructor(cards: Readonly<Record<string, Card>>) {
    mkdirSync(this.#path("cards"));
    mkdirSync(this.#path("net"));
    writeFileSync(this.#path("cards/calls"), "");
    writeFileSync(this.#path("ethtool"), ETHTOOL);
    chmodSync(this.#path("ethtool"), 0o755);
    for (const [index, [name, card]] of Object.entries(cards).entries()) {
      const { type = 1, supports, wol = "d", wireless = false, virtual = false, stubborn = false } = card;
      mkdirSync(this.#path(`net/${name}`));
      writeFileSync(this.#path(`net/${name}/type`), `${type}\n`);
      writeFileSync(this.#path(`net/${name}/address`), `00:00:5e:00:53:0${index}\n`);
      if (!virtual) mkdirSync(this.#path(`net/${name}/device`));
      if (wireless) mkdirSync(this.#path(`net/${name}/phy80211`));
      if (stubborn) writeFileSync(this.#path(`cards/${name}.stubborn`), "");
      if (supports === undefined) continue;
      writeFileSync(this.#path(`cards/${name}.supports`), `${supports}\n`);
      writeFileSync(this.#path(`cards/${name}.wol`), `${wol}\n`);
    }
  }

  run(path = `${this.#folder}:${process.env["PATH"]}`): { readonly status: number | null; readonly out: string } {
    const env = { PATH: path, SYS_CLASS_NET: this.#path("net") };
    // As root the script calls ethtool itself; else by sudo, which is not asked here.
    writeFileSync(this.#path("sudo"), '#!/bin/sh\nshift\nexec "$@"\n');
    chmodSync(this.#path("sudo"), 0o755);
    const { status, stdout, stderr } = spawnSync("/bin/sh", [SCRIPT], { env, encoding: "utf8" });
    return { status, out: stdout + stderr };
  }

  /** Its letters now. */
  wol(name: string): string {
    return readFileSync(this.#path(`cards/${name}.wol`), "utf8").trim();
  }

  /** What ethtool was told to set. */
  get set(): string[] {
    const calls = readFileSync(this.#path("cards/calls"), "utf8").split("\n");
    return calls.filter((call) => call.startsWith("-s "));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

describe.skipIf(process.platform === "win32")("the commissioning script", () => {
  test("arms every wired interface that supports it, and tells which", () => {
    using at = new Bench({ eno1: { supports: "pumbg" }, enp3s0: { supports: "g", wol: "d" } });
    const { status, out } = at.run();
    expect(status).toBe(0);
    expect([at.wol("eno1"), at.wol("enp3s0")]).toEqual(["g", "g"]);
    expect(out).toContain("eno1 (00:00:5e:00:53:00): is armed now");
    expect(out).toContain("Armed: 2 of 2 wired interfaces.");
  });

  test("sets nothing that is set already, however often it runs", () => {
    using at = new Bench({ eno1: { supports: "pumbg" }, eno2: { supports: "pg", wol: "pg" } });
    at.run();
    const { status, out } = at.run();
    expect(status).toBe(0);
    expect(out).toContain("eno1 (00:00:5e:00:53:00): was armed already");
    expect(at.set).toEqual(["-s eno1 wol g"]);
    expect(at.wol("eno2")).toBe("pg");
  });

  test("leaves alone what is not wired Ethernet of its own", () => {
    using at = new Bench({
      lo: { type: 772, virtual: true },
      br0: { virtual: true, supports: "g" },
      wlan0: { wireless: true, supports: "g" },
      ib0: { type: 32, supports: "g" },
      eno1: { supports: "g" },
    });
    const { out } = at.run();
    expect(at.set).toEqual(["-s eno1 wol g"]);
    expect(out).toContain("Armed: 1 of 1 wired interfaces.");
  });

  test.each([
    ["that supports no magic packet", { eno1: { supports: "d" } }, "No wired interface supports Wake-on-LAN"],
    ["that says nothing of it", { eno1: {} }, "No wired interface supports Wake-on-LAN"],
    ["that is not there", {}, "There is no wired interface here"],
  ])("is content with a card %s, and says so", (_what, cards, says) => {
    using at = new Bench(cards);
    const { status, out } = at.run();
    expect(status).toBe(0);
    expect(out).toContain(says);
    expect(at.set).toEqual([]);
  });

  test("fails where a card that supports it cannot be armed, after it armed the others", () => {
    using at = new Bench({ eno1: { supports: "g", stubborn: true }, eno2: { supports: "g" } });
    const { status, out } = at.run();
    expect(status).toBe(1);
    expect(out).toContain("eno1 (00:00:5e:00:53:00): says that it supports it, and could not be armed: netlink error");
    expect(at.wol("eno2")).toBe("g");
  });

  test("has the metadata that MAAS reads", () => {
    const [, metadata = ""] =
      /# --- Start MAAS 1\.0 script metadata ---\n([\s\S]*?)# --- End MAAS 1\.0 script metadata ---/.exec(
        readFileSync(SCRIPT, "utf8"),
      ) ?? [];
    expect(parse(metadata.replaceAll(/^# ?/gm, ""))).toEqual({
      name: "90-arm-wake-on-lan",
      title: "Arm Wake-on-LAN",
      description: expect.any(String) as string,
      script_type: "commissioning",
      tags: "wake-on-lan",
      parallel: "disabled",
      timeout: "00:05:00",
      packages: { apt: "ethtool" },
    });
  });
});
