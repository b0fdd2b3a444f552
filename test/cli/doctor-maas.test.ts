/** `doctor` on a MAAS, which is simulated, with machines whose power parameters are wrong in one way each. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { until } from "../expecting.ts";
import { ADMIN, SimulatedMaas, type SimulatedMaasOptions, starting, USER } from "../simulators/maas.ts";
import type { MachineSeed } from "../simulators/maas-machine.ts";
import { page, WebFront } from "../simulators/web-front.ts";
import { Place, TOKEN } from "./cli.ts";
import { DIAGNOSES_MS, type Diagnosis, diagnose } from "./diagnosis.ts";

const URL_HERE = "http://192.0.2.10:6227";
const VIEWER = "a_token_of_somebody_who_only_looks";
const OTHERS = "a_token_of_another_machine_alone";
const ELSEWHERE = "a_token_for_another_network_alone";
const DASHED = "-a_token_that_begins_with_a_dash_";

/** What registering gives MAAS. */
function parameters(machine: string, other: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const uri = `${URL_HERE}/maas/${machine}`;
  return {
    power_on_uri: `${uri}/on`,
    power_off_uri: `${uri}/off`,
    power_query_uri: `${uri}/query`,
    power_on_regex: String.raw`status.*\:.*running`,
    power_off_regex: String.raw`status.*\:.*stopped`,
    power_user: "",
    power_pass: "",
    power_token: TOKEN,
    power_verify_ssl: "n",
    ...other,
  };
}

/** One that is registered. */
function registered(hostname: string, other: Readonly<Record<string, string>> = {}): MachineSeed {
  return { hostname, powerType: "webhook", status: "Ready", parameters: parameters(hostname, other) };
}

/** All three addresses with something replaced. */
function readdressed(hostname: string, from: string, to: string): MachineSeed {
  const uris = Object.entries(parameters(hostname)).filter(([name]) => name.endsWith("_uri"));
  return registered(hostname, Object.fromEntries(uris.map(([name, uri]) => [name, uri.replace(from, to)])));
}

interface Here {
  readonly machines: readonly string[];
  readonly maas: string;
  readonly key?: string | undefined;
}

/** A configuration of such machines; no daemon runs. */
function here({ machines, maas, key = ADMIN.key }: Here): Place {
  return Place.with({
    "maasochist.yaml": `machines:
${machines.map((machine) => `  ${machine}: { driver: simulated }\n`).join("")}server: { listen: 192.0.2.10:6227, url: "${URL_HERE}" }
access:
  tokens:
    - { name: maas, token: ${TOKEN}, role: maas }
    - { name: looks, token: ${VIEWER}, role: viewer }
    - { name: others, token: ${OTHERS}, role: maas, machines: [other] }
    - { name: far, token: ${ELSEWHERE}, role: maas, from: [203.0.113.0/24] }
    - { name: dashed, token: "${DASHED}", role: maas }
maas: { url: "${maas}"${key === "" ? "" : `, key: "${key}"`} }
`,
  });
}

async function diagnosed(options: SimulatedMaasOptions, more: Partial<Here> = {}): Promise<Diagnosis> {
  await using maas = await SimulatedMaas.start(options);
  await using place = here({ machines: ["nuc1"], maas: maas.url, ...more });
  const diagnosis = await diagnose(place);
  expect(maas.requests.filter((request) => !request.startsWith("GET "))).toEqual([]);
  return diagnosis;
}

/** What is said of MAAS. */
function ofMaas({ amiss }: Diagnosis): string[] {
  return amiss.filter((code) => /^(?:maas|url-outside|tls)/.test(code));
}

describe("doctor on MAAS", { timeout: DIAGNOSES_MS }, () => {
  test("finds nothing wrong where the machines are as registering leaves them", async () => {
    const diagnosis = await diagnosed({ version: "3.7.3", machines: [registered("nuc1")] });
    expect(ofMaas(diagnosis)).toEqual([]);
    expect(diagnosis.message("maas")).toMatch(/^MAAS 3\.7\.3 at http:\S+ takes the key of admin$/);
    expect(diagnosis.message("maas-machines")).toBe("in MAAS as they should be: 1 of 1 machine");
  });

  test("tells why it cannot be asked", async () => {
    await using dead = here({ machines: ["nuc1"], maas: "http://127.0.0.1:9/MAAS" });
    expect(ofMaas(await diagnose(dead))).toEqual(["maas-unreachable"]);
    await using keyless = here({ machines: ["nuc1"], maas: "http://127.0.0.1:9/MAAS", key: "" });
    expect(ofMaas(await diagnose(keyless))).toEqual(["maas-no-key"]);
    await using front = await WebFront.start();
    front.instead = page;
    await using other = here({ machines: ["nuc1"], maas: front.url });
    expect(ofMaas(await diagnose(other))).toEqual(["maas-not-maas"]);
    const pem = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/tls", name), "utf8");
    await using secure = await WebFront.start({ tls: { cert: pem("alone.pem"), key: pem("alone.key") } });
    await using untrusted = here({ machines: ["nuc1"], maas: secure.url });
    expect(ofMaas(await diagnose(untrusted))).toEqual(["maas-tls"]);
  });

  test("tells that a daemon which runs cannot ask it either", async () => {
    await using place = await Place.serving(
      "  nuc1: { driver: simulated }\n",
      `maas: { url: "http://127.0.0.1:9/MAAS", key: "${ADMIN.key}" }`,
    );
    await until(async () => (await diagnose(place)).amiss.includes("daemon-maas"), 60_000);
    const diagnosis = await diagnose(place);
    expect(diagnosis.message("daemon-maas")).toMatch(/^the daemon cannot ask MAAS, since /);
    expect(diagnosis.amiss).toContain("maas-unreachable");
  });

  test("tells of a key that it does not take, or that is no administrator's", async () => {
    const wrong = await diagnosed({}, { key: "Never:Heard:Of" });
    expect(ofMaas(wrong)).toEqual(["maas-key"]);
    expect(JSON.stringify(wrong.findings)).not.toContain("Never:Heard");
    const guest = await diagnosed({}, { key: USER.key });
    expect(guest.message("maas-not-admin")).toMatch(/^the key of guest is not an administrator's/);
  });

  test("tells of one that is starting, and does not wait for it long", async () => {
    await using maas = await SimulatedMaas.start();
    maas.trouble.push(...Array.from({ length: 20 }, () => starting("1")));
    await using place = here({ machines: ["nuc1"], maas: maas.url });
    expect(ofMaas(await diagnose(place))).toEqual(["maas-failed"]);
  });

  test("tells how far the clocks are apart, and when that is too far", async () => {
    const drifted = await diagnosed({ now: () => Date.now() + 60_000 });
    expect(drifted.message("maas-clock-drift")).toMatch(/^the clocks are (?:59|60|61) s apart: its clock is /);
    const refused = await diagnosed({ now: () => Date.now() - 600_000 });
    expect(ofMaas(refused)).toEqual(["maas-clock"]);
  });

  test("tells of one that is old, without rack controllers, or out of reach", async () => {
    expect(ofMaas(await diagnosed({ version: "3.2.9", machines: [registered("nuc1")] }))).toEqual(["maas-version"]);
    expect(ofMaas(await diagnosed({ racks: [], machines: [registered("nuc1")] }))).toEqual(["maas-no-rack"]);
    const far = await diagnosed({ subnets: ["198.51.100.0/24"], machines: [registered("nuc1")] });
    expect(far.message("url-outside-subnets")).toMatch(/^http:\/\/192\.0\.2\.10:6227 is in no subnet that MAAS knows/);
  });

  test("tells of one that knows no webhooks", async () => {
    await using maas = await SimulatedMaas.start();
    maas.onRequest = ({ url }) => {
      if (url.searchParams.get("op") === "describe_power_types")
        maas.trouble.push((response) => response.writeHead(200, { "content-type": "application/json" }).end("[]"));
    };
    await using place = here({ machines: [], maas: maas.url });
    expect(ofMaas(await diagnose(place))).toEqual(["maas-no-webhook"]);
  });
});

describe("doctor on machines in MAAS", { timeout: DIAGNOSES_MS }, () => {
  test("tells which are not there, not controlled, controlled otherwise, or not polled", async () => {
    const diagnosis = await diagnosed(
      {
        machines: [
          { hostname: "bare" },
          { hostname: "bmc", powerType: "ipmi", parameters: { power_address: "192.0.2.99" } },
          { hostname: "twin", domain: "one" },
          { hostname: "twin", domain: "two" },
          { ...registered("broken"), status: "Broken" },
          { ...readdressed("renamed", "/renamed/", "/old-name/") },
        ],
      },
      { machines: ["bare", "bmc", "twin", "broken", "absent"] },
    );
    expect(ofMaas(diagnosis).toSorted()).toEqual(
      [
        "maas-ambiguous",
        "maas-broken",
        "maas-missing",
        "maas-orphan",
        "maas-other-type",
        "maas-uncontrolled",
      ].toSorted(),
    );
    expect(diagnosis.message("maas-uncontrolled")).toMatch(
      /^bare \(\w+\) has no power control in MAAS, and bare is here/,
    );
    expect(diagnosis.message("maas-other-type")).toMatch(/^bmc \(\w+\) is powered by ipmi in MAAS/);
    expect(diagnosis.message("maas-orphan")).toContain("/maas/old-name/on in MAAS, and there is no such machine here");
  });

  test("tells which lead elsewhere, and each once", async () => {
    const diagnosis = await diagnosed(
      {
        machines: [
          readdressed("spaced", "/maas/", "/ma as/"),
          readdressed("user", "http://", "http://maas:secret-of-maas@"),
          readdressed("named", "192.0.2.10", "power.lan"),
          readdressed("looped", "192.0.2.10", "127.0.0.1"),
          readdressed("moved", "192.0.2.10", "192.0.2.77"),
          readdressed("crossed", "/crossed/", "/moved/"),
          readdressed("before", "/maas/", "/maaspower/"),
        ],
      },
      { machines: ["spaced", "user", "named", "looped", "moved", "crossed", "before"] },
    );
    expect(ofMaas(diagnosis)).toEqual([
      "maas-uri-unusable",
      "maas-uri-unusable",
      "maas-uri-host-name",
      "maas-uri-loopback",
      "maas-uri-elsewhere",
      "maas-uri-path",
      "maas-uri-old-route",
    ]);
    expect(diagnosis.message("maas-uri-host-name")).toBe(
      '"URI to power on the node" of named in MAAS has the host name power.lan: MAAS never polls it in the background',
    );
    expect(diagnosis.message("maas-uri-elsewhere")).toContain("leads to http://192.0.2.77:6227, and the daemon is at");
    expect(diagnosis.message("maas-uri-path")).toContain("leads to /maas/moved/on, and should to /maas/crossed/on");
    expect(JSON.stringify(diagnosis.findings)).not.toContain("secret-of-maas");
  });

  test("tells that on and off were exchanged", async () => {
    const [on = "", off = ""] = [parameters("nuc1")["power_on_uri"], parameters("nuc1")["power_off_uri"]];
    const diagnosis = await diagnosed({ machines: [registered("nuc1", { power_on_uri: off, power_off_uri: on })] });
    expect(diagnosis.message("maas-uri-path")).toBe(
      '"URI to power on the node" of nuc1 in MAAS leads to /maas/nuc1/off, and should to /maas/nuc1/on',
    );
  });

  test("tells whose credential does not let MAAS in", async () => {
    const diagnosis = await diagnosed(
      {
        machines: [
          registered("none", { power_token: "" }),
          registered("lost", { power_token: "a_token_that_was_revoked_long_ago" }),
          registered("looks", { power_token: VIEWER }),
          registered("another", { power_token: OTHERS }),
          registered("far", { power_token: ELSEWHERE }),
          registered("dashed", { power_token: DASHED }),
          registered("basic", { power_token: "", power_user: "maas", power_pass: TOKEN }),
        ],
      },
      { machines: ["none", "lost", "looks", "another", "far", "dashed", "basic"] },
    );
    expect(ofMaas(diagnosis)).toEqual([
      "maas-token-missing",
      "maas-token-unknown",
      "maas-token-forbidden",
      "maas-token-forbidden",
      "maas-token-network",
      "maas-token-charset",
    ]);
    expect(diagnosis.message("maas-token-forbidden")).toMatch(/ for looks is looks, which is a viewer's$/);
    expect(diagnosis.message("maas-token-network")).toMatch(/ for far is far, .*: 192\.0\.2\.2$/);
    expect(diagnosis.message("maas-token-charset")).toContain("begins with -, which a command takes for an option");
    for (const token of [VIEWER, OTHERS, ELSEWHERE, DASHED, TOKEN, "revoked_long_ago"])
      expect(JSON.stringify(diagnosis.findings)).not.toContain(token);
  });

  test("tells what MAAS would read by regexes that were changed", async () => {
    const regexes = {
      both: ["running|stopped", "stopped", '{"status":"stopped"} for on'],
      exact: ["^on$", "^off$", '{"status":"running"} for unknown'],
      none: ["[", "stopped", '{"status":"running"} for unknown'],
      any: ["running", ".", '{"status":"unknown"} for off'],
      // RE2 has no such thing, and Python does.
      behind: ["(?<!not )running", "stopped", undefined],
    } as const;
    const diagnosis = await diagnosed(
      {
        machines: Object.entries(regexes).map(([name, [on, off]]) =>
          registered(name, { power_on_regex: on, power_off_regex: off }),
        ),
      },
      { machines: Object.keys(regexes) },
    );
    const told = diagnosis.findings.filter(({ code }) => code === "maas-regex").map(({ message }) => message);
    expect(told).toEqual(
      Object.entries(regexes).flatMap(([name, [, , taken]]) =>
        taken === undefined ? [] : `by its regexes for ${name} MAAS takes ${taken}`,
      ),
    );
  });

  test("tells of a certificate that MAAS is to verify and would refuse", async () => {
    const pem = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/tls", name), "utf8");
    await using front = await WebFront.start({ tls: { cert: pem("alone.pem"), key: pem("alone.key") } });
    front.instead = page;
    const verified = readdressed("nuc1", URL_HERE, front.url);
    const diagnosis = await diagnosed({
      machines: [{ ...verified, parameters: { ...verified.parameters, power_verify_ssl: "y" } }],
    });
    expect(diagnosis.message("tls-refused")).toBe(
      `MAAS refuses the certificate of ${front.url}, which it is to verify for nuc1: DEPTH_ZERO_SELF_SIGNED_CERT`,
    );
  });
});
