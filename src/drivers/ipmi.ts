/**
 * Management controllers by IPMI 2.0 over LAN, through the program ipmitool:
 *
 *     ipmitool -I lanplus … chassis power status     Chassis Power is on
 *     ipmitool -I lanplus … chassis power on         Chassis Power Control: Up/On
 *     ipmitool -I lanplus … chassis bootdev pxe      Set Boot Device to pxe
 *
 * Exit status 0, and the words are compared: https://github.com/ipmitool/ipmitool/blob/master/lib/ipmi_chassis.c
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { choice, host, port, secret, text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { Ipmitool, OEM_TYPES, PRIVILEGES } from "../wire/ipmitool.ts";

const HUB = z.object({
  host: host({ from: "address", description: "Host name or IP address of the controller" }),
  port: port("UDP port").default(623),
  user: text("User of the controller, who may use IPMI over LAN"),
  password: secret("Password of the user"),
  kg: secret("Key of the controller itself (K_g), where it has one").optional(),
  cipher: z
    .int()
    .min(0)
    .max(19)
    .optional()
    .describe("Cipher suite; default 17, and 3 where the controller does not have that"),
  privilege: choice(PRIVILEGES, "Privilege to ask for; switching needs operator").default("operator"),
  oem: choice(OEM_TYPES, "Peculiarities of a maker, as `ipmitool -o list` tells them").optional(),
});
type Hub = z.output<typeof HUB>;

const OUTLET = z.object({
  boot: choice(["pxe", "pxe-efi"], "Before each on: start from the network this once, by BIOS or by EFI").optional(),
});
type Outlet = z.output<typeof OUTLET>;

/** Names of ipmi_strings.c, by what ipmitool calls the command. */
const CONFIRMED = {
  on: /^Chassis Power Control: Up\/On$/m,
  off: /^Chassis Power Control: Down\/Off$/m,
  soft: /^Chassis Power Control: Soft$/m,
  reset: /^Chassis Power Control: Reset$/m,
} as const;
type Order = keyof typeof CONFIRMED;

export default defineDriver({
  name: "ipmi",
  title: "IPMI controllers",
  family: "Management controllers",
  summary: "Switches a server through its management controller by IPMI 2.0 over LAN, with ipmitool.",
  sources: [
    "https://www.intel.com/content/dam/www/public/us/en/documents/product-briefs/ipmi-second-gen-interface-spec-v2-rev1-1.pdf",
    "https://github.com/ipmitool/ipmitool/blob/master/doc/ipmitool.1.in",
    "https://github.com/ipmitool/ipmitool/blob/master/lib/ipmi_chassis.c",
    "https://github.com/ipmitool/ipmitool/blob/master/src/plugins/lanplus/lanplus.c",
    "https://github.com/ipmitool/ipmitool/issues/199",
    "https://github.com/ipmitool/ipmitool/issues/363",
    "https://github.com/openbmc/openbmc/issues/1810",
    "https://docs.openstack.org/ironic/latest/admin/drivers/ipmitool.html",
  ],
  notes: [
    "For iDRAC, iLO, XCC, Supermicro, ASRock Rack, OpenBMC and any other with IPMI 2.0 over LAN (UDP port 623). It needs the program ipmitool where the daemon runs: `apt-get install ipmitool`. Where the controller speaks Redfish too, `redfish` is the better choice: it is encrypted by TLS, and tells more.",
    "MAAS has an IPMI driver of its own: choose it where MAAS alone shall switch the server, for it tells the controller before each on to start from the network. Choose this one for a proof of each order, where people and other machines' orders go through here as well, or where a supply shall be cut when the controller hangs. Then set the server to start from the network first, or write `boot: pxe` (`pxe-efi` where it starts by EFI).",
    "The state is bit 0 of Get Chassis Status: the controller's view of the current, not of the operating system. Soft off asks the operating system by ACPI, and does nothing where none listens; give it time with `wait`. A cycle is off, proven, then on: the controller's own is not used, for it may report success before anything happened. A reset of a server that is off does nothing on most controllers.",
    "Controllers fall over when they are asked too fast: between the starts of two exchanges there are at least 5 s (`interval`), so an order takes some 10 s. Controllers that take it may get less.",
    "Without `cipher` suite 17 is tried, then 3, and what the controller takes is remembered for an hour without use. ipmitool is never left to find it out itself: controllers that ignore the question cost 10 s with each call ([ipmitool 199](https://github.com/ipmitool/ipmitool/issues/199)), and it may choose one that the controller then refuses ([ipmitool 363](https://github.com/ipmitool/ipmitool/issues/363)). Suite 0 takes any password: switch it off there.",
    "The password goes to ipmitool in its environment, never on a command line. IPMI itself is weak: whoever can reach the port gets a hash of the password from it. Keep controllers in a network of their own, and give them passwords that are used nowhere else.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: "machines:\n  server1:\n    driver: ipmi\n    address: 192.168.1.70\n    user: maas\n    password: !secret bmc\n",
    },
    {
      title: "Asked first, then switched off, then cut; over the network once at each on",
      yaml: 'hubs:\n  bmc2:\n    driver: ipmi\n    host: 192.168.1.71\n    user: maas\n    password: !secret bmc\n    kg: !secret kg\n    cipher: 17\n    interval: 3s\n    timeout: 30s\nmachines:\n  server2:\n    supply: { driver: simulated, outlet: "5", kind: plug }\n    on: { hub: bmc2, boot: pxe }\n    off: [{ hub: bmc2, how: soft, wait: 90s }, { hub: bmc2, how: hard, wait: 60s }]\n    query: { hub: bmc2 }\n',
    },
  ],
  cuts: "bmc",
  hub: HUB,
  outlet: OUTLET,
  check,
  // The connection holds nothing open, only which cipher suite the controller takes.
  pace: { interval: 5_000, timeout: 20_000, idle: 3_600_000 },
  connect: (hub) => new Ipmitool(hub),
  on: async (controller, outlet, { signal }) => {
    await setBoot(controller, outlet, signal);
    await order(controller, "on", signal);
  },
  off: {
    soft: (controller, _outlet, { signal }) => order(controller, "soft", signal),
    hard: (controller, _outlet, { signal }) => order(controller, "off", signal),
  },
  reset: (controller, _outlet, { signal }) => order(controller, "reset", signal),
  query: (controller, _outlet, { signal }) => stateOf(controller, signal),
});

async function stateOf(controller: Ipmitool, signal: AbortSignal): Promise<"on" | "off"> {
  const [, state] = await controller.run(["chassis", "power", "status"], /^Chassis Power is (on|off)$/m, signal);
  return state === "on" ? "on" : "off";
}

async function order(controller: Ipmitool, order: Order, signal: AbortSignal): Promise<void> {
  try {
    await controller.run(["chassis", "power", order], CONFIRMED[order], signal);
  } catch (thrown) {
    // Some controllers refuse what is so already.
    const refused = thrown instanceof PowerError && thrown.code === "refused";
    const goal = { on: "on", off: "off", soft: "off", reset: undefined }[order];
    if (!refused || goal === undefined || (await stateOf(controller, signal).catch(() => undefined)) !== goal)
      throw thrown;
  }
}

/** The boot flags hold for one start, and for 60 s: the order follows at once. */
async function setBoot(controller: Ipmitool, { boot }: Outlet, signal: AbortSignal): Promise<void> {
  if (boot === undefined) return;
  const options = boot === "pxe-efi" ? ["options=efiboot"] : [];
  const command = ["chassis", "bootdev", "pxe", ...options];
  await controller.run(command, /^Set Boot Device to pxe$/m, signal).catch((thrown: unknown) => {
    const { code, message, hint, cause } = PowerError.from(thrown);
    // Nothing was switched.
    throw new PowerError(code, `start from the network: ${message}`, { hint, cause });
  });
}

/** Longest that fit into the messages of IPMI 2.0, in bytes. */
const LONGEST = { user: 16, password: 20, kg: 20 };

function check(_outlet: Outlet, { user, password, kg, privilege }: Hub): Finding[] {
  const findings: Finding[] = [];
  const given = { user, password: password.reveal(), kg: kg?.reveal() ?? "" };
  for (const key of ["user", "password", "kg"] as const)
    if (Buffer.byteLength(given[key]) > LONGEST[key])
      findings.push(mistake(key, `is longer than the ${LONGEST[key]} bytes that IPMI 2.0 has for it`));
  if (privilege === "user")
    findings.push({
      key: "privilege",
      problem: "with `user` a controller tells the state, and refuses to switch",
      severity: "warning",
      code: "cannot-switch",
    });
  return findings;
}
