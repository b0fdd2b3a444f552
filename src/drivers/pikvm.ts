/**
 * The power button of a machine, pressed by a PiKVM, or by a BliKVM with PiKVM's firmware; ports of PiKVM Switch, and
 * GPIO channels:
 *
 *     GET  /api/atx                                 the LEDs
 *     POST /api/atx/power?action=off_hard&wait=1    holds the button for 5.5 s, if the power LED is lit
 *     POST /api/switch/atx/power?port=2&action=on
 *     POST /api/gpio/switch?channel=relay&state=1, /api/gpio/pulse?channel=button&delay=0.2
 */
import { z } from "zod";
import { type Context, CUTS, defineDriver, type Followed, type ListedOutlet } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { choice, duration, host, port, secret, text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { httpTrustFields, trustFindings } from "../wire/http-access.ts";
import { Kvmd } from "../wire/kvmd.ts";
import {
  answerOf,
  isGpio,
  type KvmdVerb,
  listedOf,
  portOf,
  press,
  pulseChannel,
  readKvmd,
  switchChannel,
  wantedBy,
} from "../wire/kvmd-outlets.ts";
import { base32 } from "../wire/totp.ts";

const CHANNEL = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

const HUB = z.object({
  host: host({ description: "Host name or IP address of the KVM" }),
  port: port("TCP port of its pages").default(443),
  user: text("User of the KVM").default("admin"),
  password: secret("Password of the user"),
  totp: secret("Secret of the second factor in base32, where one is asked for").optional(),
  ...httpTrustFields,
});
type Hub = z.output<typeof HUB>;

const OUTLET = z.object({
  outlet: z
    .union([z.number(), z.string()])
    .transform(String)
    .refine((outlet) => portOf(outlet) !== undefined || CHANNEL.test(outlet), {
      error: "is neither atx, nor unit and port of a Switch such as 1.3, nor a GPIO channel",
    })
    .default("atx")
    .describe("atx for its own board; a port of PiKVM Switch as unit.port, such as 1.3; or the name of a GPIO output"),
  led: z
    .union([z.boolean(), z.string().regex(CHANNEL, "is no GPIO channel")])
    .default(true)
    .describe(
      "What tells the state: true for the power LED or the relay itself, a GPIO input by name, false for nothing",
    ),
  by: choice(["switch", "pulse"], "Is a GPIO output a relay that stays, or a button that is pressed?").default(
    "switch",
  ),
  press: duration("How long a GPIO output is pulsed for a short press", { least: 10, longest: 10_000 }).prefault(
    "200ms",
  ),
  long_press: duration("And for a hard off", { least: 10, longest: 10_000 }).prefault("5500ms"),
  reset_channel: z
    .string()
    .regex(CHANNEL, "is no GPIO channel")
    .optional()
    .describe("GPIO output that is pulsed for a reset"),
  cuts: choice(CUTS, "What a GPIO relay takes away; mains or port make it a supply").default("unknown"),
});
type Outlet = z.output<typeof OUTLET>;

export default defineDriver({
  name: "pikvm",
  title: "PiKVM and BliKVM",
  family: "KVM over IP",
  summary: "Presses the power button of a machine through a PiKVM, its Switch or its GPIO.",
  sources: [
    "https://docs.pikvm.org/api/",
    "https://github.com/pikvm/kvmd/blob/f14596e823fce502811bc2f7e2bdbefaf1c0430a/kvmd/plugins/atx/gpio.py",
    "https://github.com/pikvm/kvmd/blob/f14596e823fce502811bc2f7e2bdbefaf1c0430a/kvmd/apps/kvmd/auth.py",
    "https://github.com/pikvm/kvmd/blob/f14596e823fce502811bc2f7e2bdbefaf1c0430a/kvmd/apps/kvmd/api/switch.py",
    "https://github.com/pikvm/kvmd/blob/f14596e823fce502811bc2f7e2bdbefaf1c0430a/kvmd/apps/kvmd/ugpio.py",
    "https://www.rfc-editor.org/rfc/rfc6238",
  ],
  notes: [
    "Wire the ATX board between the case and the mainboard, the power LED as well: the state is that LED's. Soft off is a short press, which asks the operating system by ACPI; hard off holds the button for 5.5 s; reset presses the reset button. A button is pressed only on a measured opposite state, and kvmd itself looks at the LED once more.",
    "A power LED that is not wired reads dark for ever ([pikvm 367](https://github.com/pikvm/pikvm/issues/367)). It is noticed: a disk LED that is lit beside it makes the state unknown, an on that never shows says so, and an off is refused rather than quietly left undone. For a case without the LED set `led: false` and give the machine a `query` such as `reachable`; then the buttons are pressed by what that measures. A machine that sleeps blinks its LED, and reads on or off as it blinks.",
    "Some boards want a longer press ([pikvm 1273](https://github.com/pikvm/pikvm/issues/1273), [pikvm 796](https://github.com/pikvm/pikvm/issues/796)): set `kvmd: { atx: { click_delay: 0.5, long_click_delay: 10 } }` in /etc/kvmd/override.yaml of the KVM, and `timeout` above the long one. While a button is pressed, and a second after, kvmd answers 409: that is `busy`, and tried again.",
    "A port of PiKVM Switch is written as its page shows it with several units, unit and port counted from 1: `1.3`; its ports are read in one request. The Switch takes an order at once; it is followed until the button is released.",
    "A GPIO output is a relay (`by: switch`: say what it takes away by `cuts`) or a button (`by: pulse`). kvmd shortens a pulse that is longer than the channel's `max_delay`, 0.1 s unless it is raised: here it is refused instead. Give a button an input that tells the state as `led`, or the machine a `query`.",
    "With a second factor give its secret as `totp` (/etc/kvmd/totp.secret on the KVM); both clocks must agree to half a minute. The KVM makes its certificate itself: pin it with `pin_sha256`, which `openssl s_client -connect HOST:443 </dev/null | openssl x509 -noout -fingerprint -sha256` prints.",
    "BliKVM's older units run kvmd and are switched as a PiKVM is; the firmware of its own (Matrix) has another interface and is not supported. PiKVM speaks Redfish as well: the driver `redfish` works with it, without GPIO, and without noticing what is not wired.",
    "Run once by hand against kvmd itself (f14596e: its HTTP server, authorization, ATX and GPIO code, with GPIO lines in memory in place of a board): on, soft and hard off, reset and cycle held the pins for 0.1 s and 5.5 s and were proven by the LED; a relay was switched and read; a wrong password was told as such. PiKVM Switch is known from its source alone.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: "machines:\n  desktop:\n    driver: pikvm\n    host: 192.168.1.90\n    password: !secret pikvm\n    insecure: true\n",
    },
    {
      title: "Pinned, with a second factor; four machines on a Switch, one on GPIO, one without a power LED",
      yaml: 'hubs:\n  kvm:\n    driver: pikvm\n    host: pikvm.example.com\n    user: maas\n    password: !secret pikvm\n    totp: !secret pikvm-totp\n    pin_sha256: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"\nmachines:\n  "node[1-4]": { hub: kvm, outlet: "1.{n}" }\n  board: { hub: kvm, outlet: board_button, by: pulse, led: board_led, reset_channel: board_reset }\n  lamp: { hub: kvm, outlet: relay1, cuts: mains }\n  mini:\n    hub: kvm\n    outlet: "2.1"\n    led: false\n    query: { driver: reachable, host: 192.168.1.91, silence: off }\n',
    },
  ],
  cuts: ({ outlet, by, cuts }) => (isGpio(outlet) && by === "switch" ? cuts : "button"),
  momentary: ({ outlet, by }) => !isGpio(outlet) || by === "pulse",
  hub: HUB,
  outlet: OUTLET,
  // A hard off holds the button for 5.5 s, and rests for one. An LED shows a press after a moment.
  pace: { timeout: 15_000, settle: 2_000 },
  check,
  without: ({ outlet, led, by, reset_channel: reset }) => {
    const told = led !== false && (led !== true || !isGpio(outlet) || by === "switch");
    return [
      ...(told ? [] : (["query"] as const)),
      ...(isGpio(outlet) && by === "switch" ? (["soft"] as const) : []),
      ...(isGpio(outlet) && reset === undefined ? (["reset"] as const) : []),
    ];
  },
  connect: ({ host, port, user, password, totp, ca, pin_sha256: pin, insecure }, { clock }) => {
    const name = host.includes(":") ? `[${host}]` : host;
    return new Kvmd({ origin: `https://${name}:${port}`, user, password, totp, tls: { ca, pin, insecure }, clock });
  },
  disconnect: (kvmd) => kvmd.close(),
  identify: (kvmd, { signal }) => kvmd.identify(signal),
  on: (kvmd, outlet, ctx) => command(kvmd, { outlet, verb: "on", ctx }),
  off: {
    soft: (kvmd, outlet, ctx) => command(kvmd, { outlet, verb: "soft", ctx }),
    hard: (kvmd, outlet, ctx) => command(kvmd, { outlet, verb: "hard", ctx }),
  },
  reset: (kvmd, outlet, ctx) => command(kvmd, { outlet, verb: "reset", ctx }),
  query: async (kvmd, outlet, { signal }) => answerOf(kvmd, await readKvmd(kvmd, wantedBy([outlet]), signal), outlet),
  queryAll: async (kvmd, outlets, { signal }) => {
    const state = await readKvmd(kvmd, wantedBy(outlets), signal);
    return outlets.map((outlet) => {
      try {
        return answerOf(kvmd, state, outlet);
      } catch (error) {
        return PowerError.from(error);
      }
    });
  },
  list,
});

interface Ordered {
  readonly outlet: Outlet;
  readonly verb: KvmdVerb;
  readonly ctx: Context;
}

async function command(
  kvmd: Kvmd,
  { outlet: settings, verb, ctx: { signal } }: Ordered,
): Promise<Followed | undefined> {
  const { outlet, by, press: short, long_press: long, reset_channel: reset } = settings;
  if (!isGpio(outlet)) return press(kvmd, settings, { verb, signal });
  if (verb === "reset") await pulseChannel(kvmd, reset ?? outlet, short, signal);
  else if (by === "switch") await switchChannel(kvmd, outlet, verb === "on", signal);
  else await pulseChannel(kvmd, outlet, verb === "hard" ? long : short, signal);
  return undefined;
}

async function list(kvmd: Kvmd, { signal }: { readonly signal: AbortSignal }): Promise<ListedOutlet[]> {
  // Firmware without a Switch, and older firmware, does not know them all.
  const state = await readKvmd(kvmd, { atx: true, ports: true, gpio: true }, signal);
  return listedOf(kvmd, state);
}

function check({ outlet, reset_channel: reset }: Outlet, { user, password, totp, ...trust }: Hub): Finding[] {
  const findings = trustFindings(trust, undefined);
  if (!/^[a-z_]([a-z0-9@._-]*[a-z0-9_-])?$/.test(user)) findings.push(mistake("user", "is no name that kvmd takes"));
  if (!/^[\x20-\x7e]*$/.test(password.reveal()))
    findings.push(mistake("password", "holds a letter beyond ASCII, which kvmd does not take"));
  if (totp && !base32(totp.reveal()))
    findings.push(mistake("totp", "is no text in base32: letters and the digits 2 to 7"));
  if (reset !== undefined && !isGpio(outlet))
    findings.push(mistake("reset_channel", "is for GPIO outputs: this outlet has a reset button of its own"));
  return findings;
}
