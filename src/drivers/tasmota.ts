/**
 * Plugs and relays with Tasmota, by web requests.
 *
 *     GET /cm?cmnd=Power1%201   {"POWER1":"ON"}, or {"POWER":"ON"} where there is but one relay
 *     GET /cm?cmnd=Power1       the same, and nothing is switched
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { host, index, port, secret, text } from "../wire/fields.ts";
import { mistake } from "../wire/finding.ts";
import { Tasmota } from "../wire/tasmota.ts";

export default defineDriver({
  name: "tasmota",
  title: "Plugs and relays with Tasmota",
  family: "Smart plugs and relays",
  summary: "Switches the relays of a device with Tasmota by web requests, without a broker.",
  sources: [
    "https://tasmota.github.io/docs/Commands/",
    "https://tasmota.github.io/docs/PowerOnState/",
    "https://tasmota.github.io/docs/JSON-Status-Responses/",
    "https://github.com/arendst/Tasmota/blob/development/tasmota/tasmota_xdrv_driver/xdrv_01_9_webserver.ino",
    "https://github.com/arendst/Tasmota/blob/development/tasmota/tasmota_support/support_command.ino",
  ],
  notes: [
    "`outlet` counts relays from 1, as Tasmota does. `maasochist hubs outlets HUB` lists them with their names. A device that already talks to a broker can be used by the driver `mqtt` as well, which hears changes at once.",
    "The state is the relay's own, asked for at every reading; several machines on one device are read in one exchange. A relay that is closed feeds a machine, but does not tell whether it runs. With `above` the meter tells it; a device with one meter over several relays cannot.",
    "A web password is sent in the URL, since older firmware takes it nowhere else: anybody on the same network can read it. It is kept out of every log and message here.",
    "Settings of the device that work against us are shown beside each reading, in the evidence of `maasochist status`, and by `maasochist hubs outlets HUB`. `PulseTime` opens a relay some time after each on: `PulseTime1 0` ends that. `PowerOnState 4` keeps relays closed for ever, so an off is refused; `PowerOnState 2` flips them when mains return; `PowerOnState 3` fits a machine that MAAS switches. `PowerLock` holds a relay as it is. With `Interlock` closing one relay opens another, so an on is refused while another machine is fed in that way: `Interlock 0` lets each be switched alone. They are read again every 10 minutes, and by `maasochist doctor`.",
    "A button on the plug still switches it: `SetOption73 1` takes the relay from it. Rules and timers of the device are not looked at. Where `SetOption128` is 0, address the device by its own IP address or host name, or set it to 1 ([Tasmota#12900](https://github.com/arendst/Tasmota/pull/12900)). Firmware before 8.2.0.3 answers 200 to a wrong password ([Tasmota#8170](https://github.com/arendst/Tasmota/issues/8170)); it is recognised.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: "machines:\n  nuc1: { driver: tasmota, host: 192.168.1.61, query: { driver: reachable, host: 192.168.1.71 } }\n",
    },
    {
      title: "A web password, a meter, a strip with several relays",
      yaml: 'hubs:\n  plug: { driver: tasmota, host: 192.168.1.62, password: !secret tasmota }\n  strip: { driver: tasmota, host: 192.168.1.63, password: !secret tasmota, interval: 200ms }\nmachines:\n  nuc2: { hub: plug, above: 6W, min_off: 10s }\n  "pi[1-4]": { hub: strip, outlet: "{n}", query: { driver: reachable, host: "192.168.1.8{n}" } }\n',
    },
  ],
  cuts: "mains",
  hub: z.object({
    host: host({ from: "address" }),
    port: port("Port of its web interface").default(80),
    user: text("User, where the firmware was built with another").default("admin"),
    password: secret("Web password, where one is set").optional(),
  }),
  outlet: z.object({ outlet: index("Relay, counted from 1").default(1) }),
  check: ({ outlet }) => (outlet === 0 ? [mistake("outlet", "Tasmota counts its relays from 1")] : []),
  connect: (options, { clock }) => new Tasmota({ ...options, clock }),
  disconnect: (device) => device.close(),
  identify: (device, { signal }) => device.identify(signal),
  on: (device, { outlet }, { signal }) => device.set(outlet, true, signal),
  off: (device, { outlet }, { signal }) => device.set(outlet, false, signal),
  query: (device, { outlet }, { signal }) => device.read(outlet, signal),
  queryAll: (device, outlets, { signal }) =>
    device.readAll(
      outlets.map(({ outlet }) => outlet),
      signal,
    ),
  watts: (device, { outlet }, { signal }) => device.watts(outlet, signal),
  list: (device, { signal }) => device.list(signal),
  examine: (device, outlets, { signal }) =>
    device.examine(
      outlets.map(({ outlet }) => outlet),
      signal,
    ),
});
