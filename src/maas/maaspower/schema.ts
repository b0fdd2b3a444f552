/**
 * maaspower's configuration, as its own JSON Schema has it (github.com/gilesknap/maaspower, tests/samples/maaspower.schema.json),
 * and the device types that its forks add.
 */
import { z } from "zod";

/** The file; its devices are checked one by one. */
export const FILE = z.strictObject({
  name: z.string(),
  ip_address: z.string().min(1, "must not be empty"),
  port: z.int().min(1).max(65_535),
  username: z.string(),
  password: z.string(),
  devices: z.array(z.unknown()),
});
export type OldFile = z.output<typeof FILE>;

const name = z.string().min(1, "must not be empty");
const regexes = { query_on_regex: z.string().default("on"), query_off_regex: z.string().default("off") };
const verbs = { on: z.string(), off: z.string(), query: z.string() };

/** By their `type`. Where that is left out, maaspower takes the first that fits. */
export const DEVICES = {
  CommandLine: z.strictObject({ type: z.literal("CommandLine").default("CommandLine"), name, ...verbs, ...regexes }),
  SmartThingDevice: z.strictObject({
    type: z.literal("SmartThingDevice").default("SmartThingDevice"),
    name,
    ...verbs,
    ...regexes,
    api_token: z.string().default("none"),
    device_id: z.string().default("none"),
  }),
  WebDevice: z.strictObject({ type: z.literal("WebDevice").default("WebDevice"), name, ...verbs, ...regexes }),
  WebGui: z.strictObject({
    type: z.literal("WebGui").default("WebGui"),
    name,
    connect_url: z.string().default("none"),
    login: z.string().default("none"),
    logout: z.string().default("none"),
    timeout: z.int().default(10),
    driver: z.string().default("./chromedriver"),
    ...regexes,
  }),
  CiscoIOSPOESwitch: z.strictObject({
    type: z.literal("CiscoIOSPOESwitch").default("CiscoIOSPOESwitch"),
    name,
    ip_address: z.string(),
    username: z.string(),
    password: z.string(),
    enable_password: z.string().default(""),
    port_selection_string: z.string(),
    port_poe_watts: z.int().default(-1),
  }),
  KasaDevice: z.strictObject({ type: z.literal("KasaDevice").default("KasaDevice"), name, ip_address: z.string() }),
  UnifiController: z.strictObject({
    type: z.literal("UnifiController").default("UnifiController"),
    name,
    on: z.string().default("none"),
    off: z.string().default("none"),
    query: z.string().default("none"),
    port_idx: z.int().default(1),
    api_username: z.string().default("none"),
    api_password: z.string().default("none"),
    api_host: z.string().default("none"),
    network_id: z.string().default("none"),
    device_mac: z.string().default("none"),
    site: z.string().default("default"),
    verify_ssl: z.boolean().default(false),
    ...regexes,
  }),
  PiRelay6: z.strictObject({
    type: z.literal("PiRelay6").default("PiRelay6"),
    name,
    relay_index: z.int().default(0),
    default_state: z.boolean().default(false),
  }),
  XenServer: z.strictObject({
    type: z.literal("XenServer").default("XenServer"),
    name,
    xen_hostname: z.string(),
    xen_username: z.string(),
    xen_password: z.string(),
    ...verbs,
    query_on_regex: z.string(),
    query_off_regex: z.string(),
  }),
};

export type DeviceType = keyof typeof DEVICES;
export type Device = { [Type in DeviceType]: z.output<(typeof DEVICES)[Type]> }[DeviceType];

/** With these maaspower itself can be tried where `type` is left out. */
const WITHOUT_TYPE = ["CommandLine", "SmartThingDevice", "WebGui", "CiscoIOSPOESwitch", "KasaDevice"] as const;

/** The type that maaspower makes of an entry without one; undefined where none fits. */
export function typeWithout(entry: unknown): DeviceType | undefined {
  return WITHOUT_TYPE.find((type) => DEVICES[type].safeParse(entry).success);
}
