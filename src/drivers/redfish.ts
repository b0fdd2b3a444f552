/**
 * Management controllers and whatever else speaks Redfish (DSP0266):
 *
 *     GET  /redfish/v1/Systems/1                                 {"PowerState":"Off","Actions":{"#ComputerSystem.Reset":{"target":…}}}
 *     POST the action's target  {"ResetType":"On"}               200 or 204: taken; 202: a task; 400, 409: perhaps it is so already
 *     PATCH /redfish/v1/Systems/1  {"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Pxe"}}
 *
 * What it offers is read from the system before each command: links, targets and values differ from firmware to firmware.
 */
import { z } from "zod";
import { type Context, defineDriver, type Followed, type ListedOutlet } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { choice, flag, host, port, secret, text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { httpTrustFields, trustFindings } from "../wire/http-access.ts";
import { RedfishService, systemId } from "../wire/redfish.ts";
import { bootFromNetworkOnce, powerOf, type RESET_TYPES, readSystem, resetSystem } from "../wire/redfish-system.ts";

const HUB = z.object({
  host: host({ from: "address", description: "Host name or IP address of the controller" }),
  port: port("TCP port").default(443),
  https: flag("Does it speak https there?").default(true),
  user: text("User of the controller").optional(),
  password: secret("Password of the user").optional(),
  auth: choice(
    ["auto", "session", "basic"],
    "How it is told who asks: by a session, with every request, or by a session where one is to be had",
  ).default("auto"),
  ...httpTrustFields,
});
type Hub = z.output<typeof HUB>;

const OUTLET = z.object({
  outlet: text("Id of the system, such as System.Embedded.1; only needed where there are several").optional(),
  boot: choice(["pxe"], "Has each start that is ordered here go over the network").optional(),
});
type Outlet = z.output<typeof OUTLET>;

export default defineDriver({
  name: "redfish",
  title: "Redfish controllers",
  family: "Management controllers",
  summary: "Switches a server through the Redfish interface of its management controller.",
  sources: [
    "https://www.dmtf.org/dsp/DSP0266",
    "https://redfish.dmtf.org/schemas/v1/ComputerSystem.json",
    "https://redfish.dmtf.org/schemas/v1/Resource.json",
    "https://pubs.lenovo.com/xcc3-restapi/create_a_session_post",
    "https://github.com/DMTF/Redfishtool/pull/106",
    "https://github.com/ansible-collections/community.general/issues/3509",
    "https://github.com/stmcginnis/gofish/pull/511",
    "https://github.com/bmc-toolbox/bmclib/pull/459",
    "https://github.com/tinkerbell/pbnj/issues/75",
  ],
  notes: [
    "For iDRAC, iLO, XCC, Supermicro, OpenBMC, AMI MegaRAC and others, and for software that speaks Redfish. MAAS has a Redfish driver of its own: choose it where MAAS alone shall switch the server, for it sets the boot order itself before each deployment. Choose this one for a controller that MAAS's driver does not get on with, for several systems behind one controller (MAAS takes the first), for a proof of each order, or where people and other machines' orders go through here as well.",
    "With MAAS's webhook nobody sets the boot order: set the server to start from the network first, or write `boot: pxe`. Then the controller is told before each on that the next start, and that one only, goes over the network; if it does not take that, or does not keep it, the server stays off and the order fails. Some controllers report success and keep something else ([bmclib 459](https://github.com/bmc-toolbox/bmclib/pull/459)), so it is read back.",
    "The state is `PowerState`. `PoweringOn` and `PoweringOff` are waited for; a paused virtual machine is on; `null`, `Unknown` and `Reset`, which firmware tells for a while after its own start, are unknown, never off. OpenBMC shows a new state only after 20 to 25 s.",
    "On is `On`, else `ForceOn`; soft off is `GracefulShutdown`, hard off `ForceOff`, reset `ForceRestart`, else `PowerCycle`: the first that the controller offers. A controller that offers a button press and no graceful shutdown can only be switched off hard: a press that is repeated might do the opposite. A reset of a server that is off is refused here, since controllers report success and do nothing ([pbnj 75](https://github.com/tinkerbell/pbnj/issues/75)). A cycle is off, proven, then on. What a controller refuses since it is so already counts as done; a task is followed to its end.",
    "A session is opened and closed again, for controllers have few of them; where none is to be had user and password go with each request. `auth: basic` does so always. A user with the right to switch (Operator, Virtual Power and Reset) is enough; for `boot` it must be allowed to configure as well. New controllers refuse everything until their first password is changed.",
    "A controller shows a certificate of its own making: pin it with `pin_sha256`, which `openssl s_client -connect HOST:443 </dev/null | openssl x509 -noout -fingerprint -sha256` prints.",
    "Only the configured host is ever asked, whatever host a link of the controller names.",
    "Run once by hand against OpenStack's sushy-tools (2b51921, its fake driver, Basic, two systems of one service), which obeys after up to 11 s: on, soft and hard off, reset and cycle were each ordered once per command and proven by `PowerState`; a start over the network was kept, as `Continuous` though `Once` was ordered; `hubs outlets` named both systems.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: "machines:\n  server1:\n    driver: redfish\n    host: 192.168.1.80\n    user: maas\n    password: !secret bmc\n    insecure: true\n",
    },
    {
      title: "Pinned, starting over the network; and two systems behind one controller",
      yaml: 'hubs:\n  chassis:\n    driver: redfish\n    host: chassis.example.com\n    user: maas\n    password: !secret chassis\n    ca: !file authority.pem\nmachines:\n  server1:\n    address: 192.168.1.80\n    driver: redfish\n    user: maas\n    password: !secret bmc\n    pin_sha256: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"\n    boot: pxe\n  "blade[1-2]": { hub: chassis, outlet: "Blade{n}" }\n',
    },
  ],
  cuts: "bmc",
  hub: HUB,
  outlet: OUTLET,
  // A controller is slow, and opening takes four requests over TLS.
  pace: { timeout: 20_000 },
  check,
  connect: ({ host, port, https, user, password, auth, ca, pin_sha256: pin, insecure }, { signal }) => {
    const name = host.includes(":") ? `[${host}]` : host;
    const origin = `${https ? "https" : "http"}://${name}:${port}`;
    return RedfishService.open({ origin, user, password, auth, tls: { ca, pin, insecure } }, signal);
  },
  disconnect: (service) => service.close(),
  identify: async (service) => service.identity,
  on: (service, outlet, ctx) => command(service, { outlet, verb: "on", ctx }),
  off: {
    soft: (service, outlet, ctx) => command(service, { outlet, verb: "soft", ctx }),
    hard: (service, outlet, ctx) => command(service, { outlet, verb: "hard", ctx }),
  },
  reset: (service, outlet, ctx) => command(service, { outlet, verb: "reset", ctx }),
  query: async (service, { outlet }, { signal }) =>
    powerOf(await readSystem(service, await service.system(outlet, signal), signal)),
  list,
});

interface Ordered {
  readonly outlet: Outlet;
  readonly verb: keyof typeof RESET_TYPES;
  readonly ctx: Context;
}

async function command(
  service: RedfishService,
  { outlet: { outlet, boot }, verb, ctx: { signal } }: Ordered,
): Promise<Followed | undefined> {
  const link = await service.system(outlet, signal);
  const system = await readSystem(service, link, signal);
  if (verb === "reset" && powerOf(system).state === "off")
    throw new PowerError("refused", `${systemId(link)} is off, and a reset does nothing then`);
  if (verb === "on" && boot === "pxe") await bootFromNetworkOnce(service, link, { system, signal });
  return resetSystem(service, link, { verb, system, signal });
}

async function list(service: RedfishService, { signal }: { readonly signal: AbortSignal }): Promise<ListedOutlet[]> {
  const links = await service.systems(signal);
  const listed: ListedOutlet[] = [];
  // One after the other: a controller is easily overwhelmed.
  for (const link of links) {
    const system = await readSystem(service, link, signal);
    const label = system.HostName || system.Name;
    listed.push({ outlet: systemId(link), state: powerOf(system).state, ...(label && { label }) });
  }
  return listed;
}

function check(_outlet: Outlet, { user, password, auth, https, ...trust }: Hub): Finding[] {
  const findings = trustFindings(trust, https ? undefined : "`https` is false");
  if ((user === undefined) !== (password === undefined))
    findings.push(mistake(user === undefined ? "password" : "user", "`user` and `password` go together"));
  if (auth !== "auto" && user === undefined) findings.push(mistake("auth", `${auth} needs \`user\` and \`password\``));
  if (auth !== "session" && user?.includes(":"))
    findings.push(mistake("user", "Basic cannot send a user with a colon"));
  return findings;
}
