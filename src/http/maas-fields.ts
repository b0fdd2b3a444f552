/** What to enter in MAAS so that it powers a machine through this daemon: the webhook driver's fields, in its own order. */
import type { z } from "zod";
import type { MAAS_FIELDS } from "./shapes.ts";

type Fields = z.output<typeof MAAS_FIELDS>["fields"];

/** `url`: how MAAS reaches the daemon. Labels and defaults as in MAAS's webhook driver (provisioningserver, 3.2 to 3.8). */
export function maasFields(machine: string, url: string): Fields {
  const at = (what: string) => `${url.replace(/\/+$/, "")}/maas/${machine}/${what}`;
  const secure = url.startsWith("https:");
  return [
    { label: "URI to power on the node", name: "power_on_uri", value: at("on") },
    { label: "URI to power off the node", name: "power_off_uri", value: at("off") },
    { label: "URI to query the nodes power status", name: "power_query_uri", value: at("query") },
    { label: "Regex to confirm the node is on", name: "power_on_regex", value: "status.*\\:.*running" },
    { label: "Regex to confirm the node is off", name: "power_off_regex", value: "status.*\\:.*stopped" },
    { label: "Power user", name: "power_user", value: "", hint: "Stays empty: the token says who MAAS is." },
    { label: "Power password", name: "power_pass", value: "", secret: true, hint: "Stays empty." },
    {
      label: "Power token, will be used in place of power_user and power_pass",
      name: "power_token",
      value: "",
      secret: true,
      hint: "The token that MAAS is to use, shown when it was made. Make one: maasochist token add maas --role maas",
    },
    {
      label: "Verify SSL connections with system CA certificates",
      name: "power_verify_ssl",
      value: secure ? "y" : "n",
      ...(secure && { hint: "n where the rack controllers do not know the authority of the daemon's certificate." }),
    },
  ];
}
