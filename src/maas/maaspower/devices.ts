/** What each of maaspower's devices is here. */
import { commandLine } from "./command-device.ts";
import type { ConversionServices, Converted, Left, Of } from "./conversion.ts";
import type { Device } from "./schema.ts";
import { SecretName } from "./tree.ts";

export function convert(device: Device, services: ConversionServices): Converted | Left {
  switch (device.type) {
    case "CommandLine":
      return commandLine(device, services);
    case "KasaDevice":
      return kasa(device, services);
    case "CiscoIOSPOESwitch":
      return cisco(device, services);
    case "SmartThingDevice":
      return {
        why: "SmartThings is a service on the internet, which no driver speaks yet",
        next: "Where Home Assistant has the plug, use its entity. Better still: a plug that is switched locally (`maasochist drivers`).",
        sketch: {
          driver: "home-assistant",
          host: "homeassistant.local",
          token: new SecretName("home_assistant"),
          outlet: "switch.ENTITY",
          cuts: "mains",
        },
      };
    case "WebGui":
      return {
        why: "it is the login of a browser, and no machine",
        next: "Nothing: what is said of its WebDevices holds.",
      };
    case "WebDevice":
      return {
        why: "it is a script for a browser, and no driver clicks through pages",
        next: "A managed switch is switched by `snmp-poe`. Where the page only sends requests, write them down (the browser's developer tools show them).",
        sketch: {
          driver: "http",
          cuts: "port",
          request: {
            on: { url: "http://ADDRESS/…", body: "…" },
            off: { url: "http://ADDRESS/…", body: "…" },
            query: { url: "http://ADDRESS/…" },
          },
          on_regex: device.query_on_regex,
          off_regex: device.query_off_regex,
        },
      };
    case "UnifiController":
      return {
        why: "no driver speaks to a UniFi controller yet",
        next: `Home Assistant's UniFi integration has a switch for each PoE port; this one is port ${device.port_idx}.`,
        sketch: {
          driver: "home-assistant",
          host: "homeassistant.local",
          token: new SecretName("home_assistant"),
          outlet: "switch.PORT",
          cuts: "port",
        },
      };
    case "PiRelay6":
      return {
        why: "no driver sets pins of this host by itself",
        next: `A script of yours can; this one is relay ${device.relay_index}, counted from 0.`,
        sketch: {
          driver: "command",
          cuts: "mains",
          run: Object.fromEntries(
            ["on", "off", "query"].map((verb) => [verb, ["/opt/relay", verb, String(device.relay_index)]]),
          ),
        },
      };
    case "XenServer":
      return {
        why: "no driver speaks to a XenServer yet",
        next: `A script of yours can, with \`xe\` over SSH on ${device.xen_hostname}.`,
        sketch: {
          driver: "command",
          cuts: "vm",
          run: Object.fromEntries(["on", "off", "query"].map((verb) => [verb, ["/opt/xen", verb, "{name}"]])),
        },
      };
    default:
      return device satisfies never;
  }
}

function kasa({ ip_address: host }: Of<"KasaDevice">, { isHost }: ConversionServices): Converted | Left {
  if (!isHost(host)) return noHost(host);
  return {
    entry: { driver: "kasa", host },
    outlet: `plug ${host}`,
    plain: true,
    notes: [
      "a closed relay does not say that the machine runs: add `above:` where the plug has a meter, else a `query:`; newer plugs need `user` and `password` of their TP-Link account",
    ],
  };
}

function noHost(text: string): Left {
  return { why: `"${text}" is no address`, next: "Write the machine by hand, with the address alone." };
}

/** IOS names a port by member, module and port; the PoE MIB by group, which is the member, and port. */
const CISCO_PORT = /(\d+)(?:\/(\d+))?(?:\/(\d+))?\s*$/;

function cisco(device: Of<"CiscoIOSPOESwitch">, { isHost, secrets }: ConversionServices): Converted | Left {
  const { ip_address: host, port_selection_string: written, port_poe_watts: watts } = device;
  if (!isHost(host)) return noHost(host);
  const [, first, second, third] = CISCO_PORT.exec(written) ?? [];
  const port = third ?? second ?? first;
  if (port === undefined)
    return { why: `"${written}" names no port`, next: "Write the machine by hand, with `driver: snmp-poe`." };
  const group = second === undefined ? 1 : Number(first) || 1;
  const place = `${group}.${Number(port)}`;
  const name = `cisco-${host.replaceAll(":", "-").replace(/^-+/, "")}`;
  return {
    entry: { hub: name, outlet: group === 1 ? Number(port) : place },
    hub: {
      name,
      entry: {
        driver: "snmp-poe",
        host,
        write_community: secrets.keep(`${name}_write_community`, "change-me"),
        extension: "cisco",
        ...(watts > 0 && { mode: "static" }),
      },
    },
    outlet: `switch ${host} port ${place}`,
    plain: true,
    notes: [
      `the switch is spoken to by SNMP, and no more by SSH: allow it there, and put its write community in place of "change-me" in secrets.yaml`,
      `"${written}" is taken for port ${place}: compare it with what \`maasochist hubs outlets NAME\` lists`,
      ...(watts > 0
        ? [`the ${watts} W of the port are set in the switch once: \`power inline static max ${watts * 1_000}\``]
        : []),
    ],
  };
}
