import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isApiKey } from "../../src/maas/api-key.ts";
import { maasBase } from "../../src/maas/base-url.ts";
import { MaasClient } from "../../src/maas/client.ts";
import { macsOf } from "../../src/maas/shapes.ts";
import { Secret } from "../../src/power/secret.ts";
import { keptPort } from "../kept-port.ts";
import { badGateway, starting, USER } from "../simulators/maas.ts";
import { maasFailureOf, Region } from "./region.ts";

const WEBHOOK = {
  power_on_uri: "http://192.0.2.10:6227/maas/nuc1/on",
  power_off_uri: "http://192.0.2.10:6227/maas/nuc1/off",
  power_query_uri: "http://192.0.2.10:6227/maas/nuc1/query",
};
const NUC1 = { hostname: "nuc1", systemId: "k3hxa7", macs: ["aa:bb:cc:00:00:01", "aa:bb:cc:00:00:02"] };
const TOKEN = "mso_the_token_that_nobody_may_see";

describe("MAAS's address", () => {
  test.each([
    ["http://192.168.1.2:5240", "http://192.168.1.2:5240/MAAS"],
    [" http://192.168.1.2:5240/MAAS/ ", "http://192.168.1.2:5240/MAAS"],
    ["http://192.168.1.2:5240/MAAS/r/machines?q=x#y", "http://192.168.1.2:5240/MAAS"],
    ["http://maas.lan:5240/MAAS/api/2.0/", "http://maas.lan:5240/MAAS"],
    ["https://lab.example/proxied/MAAS/api/2.0", "https://lab.example/proxied/MAAS"],
    ["https://[fd00::2]:5443/MAAS", "https://[fd00::2]:5443/MAAS"],
  ])("is taken from %s", (written, base) => {
    expect(maasBase(written)).toBe(base);
  });

  test.each(["192.168.1.2:5240", "ftp://192.168.1.2/MAAS", "http://", "http://admin:secret@192.168.1.2/MAAS"])(
    "is not taken from %s",
    (written) => {
      expect(maasBase(written)).toBeUndefined();
    },
  );
});

test.each(["a:b", "a:b:c:d", "a:b:", "a,x:b:c", 'a":b:c', "a b:c:d", ""])("%j is no API key", (text) => {
  expect(isApiKey(text)).toBe(false);
});

describe.each(["3.4.9", "3.6.2", "3.8.0"])("with MAAS %s", (version) => {
  test("tells its version and who the key belongs to", async () => {
    await using region = await Region.open({ version });
    expect(await region.client.version()).toEqual({ version, subversion: "" });
    expect(await region.client.whoAmI()).toEqual({ username: "admin", is_superuser: true });
    expect(await region.client.powerTypes()).toContain("webhook");
    expect(await region.client.rackControllers()).toMatchObject([{ system_id: "rack01", ip_addresses: ["192.0.2.2"] }]);
    expect(await region.client.subnets()).toMatchObject([{ cidr: "192.0.2.0/24" }]);
  });

  test("finds machines by MAC address in any writing, host name and id, each once", async () => {
    await using region = await Region.open({ version, machines: [NUC1, { hostname: "nuc2" }, { hostname: "nuc3" }] });
    const { client } = region;
    const names = async (filter: Parameters<MaasClient["machines"]>[0]) =>
      (await client.machines(filter)).map(({ hostname }) => hostname);
    expect(await names({ macs: ["AA-BB-CC-00-00-02"] })).toEqual(["nuc1"]);
    expect(await names({ hostnames: ["nuc2", "nuc9"] })).toEqual(["nuc2"]);
    expect(await names({ ids: ["k3hxa7"], macs: ["aa:bb:cc:00:00:01"], hostnames: ["nuc1", "nuc3"] })).toEqual([
      "nuc1",
      "nuc3",
    ]);
    expect(await names({ macs: [] })).toEqual([]);
    expect(await names({})).toEqual(["nuc1", "nuc2", "nuc3"]);
    expect(macsOf(await client.machine("k3hxa7"))).toEqual(NUC1.macs);
  });

  test("asks for hundreds of machines in requests that are not too long", async () => {
    const machines = Array.from({ length: 120 }, (_, index) => ({ hostname: `node-${index}` }));
    await using region = await Region.open({ version, machines });
    expect(await region.client.machines({ hostnames: machines.map(({ hostname }) => hostname) })).toHaveLength(120);
    expect(region.maas.requests).toHaveLength(3);
  });

  test("changes power parameters as a form, and MAAS keeps those that are not sent", async () => {
    const parameters = { power_address: "10.0.0.1", power_user: "root", power_pass: "calvin" };
    await using region = await Region.open({ version, machines: [{ ...NUC1, powerType: "ipmi", parameters }] });
    const taken = await region.client.updatePower("k3hxa7", { powerType: "webhook", parameters: WEBHOOK });
    expect(taken).toMatchObject({ system_id: "k3hxa7", power_type: "webhook" });
    expect(await region.client.powerParameters("k3hxa7")).toMatchObject({
      ...WEBHOOK,
      power_user: "root",
      power_pass: "calvin",
      power_verify_ssl: "n",
    });
  });

  test("adds a machine without having it commissioned", async () => {
    await using region = await Region.open({ version });
    const added = await region.client.createMachine({
      hostname: "nuc9",
      macs: ["aa:bb:cc:00:00:09", "aa:bb:cc:00:00:0a"],
      architecture: "amd64/generic",
      powerType: "webhook",
      parameters: WEBHOOK,
    });
    expect(added).toMatchObject({ hostname: "nuc9", status_name: "New" });
    expect(region.maas.machine("nuc9").macs).toEqual(["aa:bb:cc:00:00:09", "aa:bb:cc:00:00:0a"]);
  });

  test("tells in MAAS's words what is wrong with a form, field by field", async () => {
    await using region = await Region.open({ version, machines: [NUC1, { hostname: "bare", systemId: "bare99" }] });
    const { client } = region;
    const update = (id: string, powerType: string, parameters: Record<string, string>) =>
      maasFailureOf(client.updatePower(id, { powerType, parameters }));
    expect(await update("k3hxa7", "webhook", { ...WEBHOOK, power_colour: "red" })).toMatchObject({
      code: "invalid",
      message: "machine k3hxa7: power_parameters: Unknown parameter(s): power_colour.",
      fields: { power_parameters: ["Unknown parameter(s): power_colour."] },
    });
    expect((await update("k3hxa7", "webhook", {})).message).toBe(
      "machine k3hxa7: power_parameters: URI to power on the node: This field is required.",
    );
    expect((await update("k3hxa7", "magic", {})).message).toContain("magic is not one of the available choices");
    expect((await update("bare99", "webhook", WEBHOOK)).message).toContain("without network interfaces");
  });

  test("tells a machine that is not there from one that may not be changed", async () => {
    await using region = await Region.open({ version, machines: [{ ...NUC1, locked: true }] });
    const gone = await maasFailureOf(region.client.machine("gone99"));
    expect(gone).toMatchObject({ code: "not_found", status: 404 });
    expect(gone.message).toBe("machine gone99: No Machine matches the given query.");
    const locked = await maasFailureOf(region.client.updatePower("k3hxa7", { powerType: "manual", parameters: {} }));
    expect(locked).toMatchObject({ code: "forbidden", status: 403 });
  });

  test("reads what MAAS noted of a machine, the newest first", async () => {
    await using region = await Region.open({ version, machines: [NUC1] });
    const record = region.maas.machine("nuc1");
    for (const text of ["first", "second"]) region.maas.note(record, "Failed to query node's BMC", text);
    const events = await region.client.events("k3hxa7");
    expect(events.map(({ description }) => description)).toEqual(["second", "first"]);
  });
});

describe("a key", () => {
  test("of somebody who is no administrator is told from one that is not known", async () => {
    await using guest = await Region.open({ key: USER.key, machines: [NUC1] });
    expect(await guest.client.whoAmI()).toEqual({ username: "guest", is_superuser: false });
    expect(await maasFailureOf(guest.client.powerParameters("k3hxa7"))).toMatchObject({ code: "forbidden" });
    await using nobody = await Region.open({ key: "who:is:this" });
    const failure = await maasFailureOf(nobody.client.whoAmI());
    expect(failure).toMatchObject({ code: "key", status: 401 });
    expect(failure.message).toBe("MAAS does not accept the API key: Authorization Error: Invalid API key.");
    expect(failure.hint).toContain("sudo maas apikey");
  });

  test("is refused when the clocks are too far apart, and that is what is told", async () => {
    await using region = await Region.open({ now: () => Date.now() + 400_000 });
    const failure = await maasFailureOf(region.client.whoAmI());
    expect(failure.code).toBe("clock");
    expect(failure.message).toMatch(/^MAAS refuses our time: its clock is (399|400|401) s ahead of ours$/);
    expect(failure.hint).toContain("NTP");
  });

  test("is good with clocks that are nearly 300 s apart, and how far is known", async () => {
    await using region = await Region.open({ now: () => Date.now() - 280_000 });
    await region.client.whoAmI();
    expect(region.client.skewMs).toBeGreaterThan(-282_000);
    expect(region.client.skewMs).toBeLessThan(-278_000);
  });
});

describe("a MAAS that is busy or restarts", () => {
  test("is waited for as long as it says, with a new nonce each time", async () => {
    await using region = await Region.open({ machines: [NUC1] });
    region.maas.trouble.push(starting("10"), starting("20"));
    const nonces: string[] = [];
    region.maas.onRequest = ({ headers }) =>
      nonces.push(/oauth_nonce="(\w+)"/.exec(headers.authorization ?? "")?.[1] ?? "");
    expect(await region.client.machine("k3hxa7")).toMatchObject({ hostname: "nuc1" });
    expect(region.waits.map((wait) => wait.split(" ")[0])).toEqual(["10000", "20000"]);
    expect(new Set(nonces).size).toBe(3);
  });

  test("is not waited for longer than there is patience", async () => {
    await using region = await Region.open({ client: { patienceMs: 25_000 } });
    region.maas.trouble.push(...Array.from({ length: 9 }, () => starting("10")));
    expect(await maasFailureOf(region.client.whoAmI())).toMatchObject({ code: "busy", status: 503 });
    expect(region.waits).toHaveLength(2);
  });

  test("is not asked for ever though it says: at once", async () => {
    await using region = await Region.open({ client: { patienceMs: 5_000 } });
    region.maas.trouble.push(...Array.from({ length: 50 }, () => starting("0")));
    expect((await maasFailureOf(region.client.whoAmI())).code).toBe("busy");
    expect(region.waits).toHaveLength(5);
  });

  test("is waited for while it refuses connections, answers 502, and then starts", async () => {
    await using region = await Region.open({ port: await keptPort(), machines: [NUC1] });
    await region.client.version();
    await region.maas.die();
    const changed = region.client.updatePower("k3hxa7", { powerType: "webhook", parameters: WEBHOOK });
    while (region.waits.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    region.maas.trouble.push(badGateway, starting("1"));
    await region.maas.revive();
    expect(await changed).toMatchObject({ power_type: "webhook" });
    expect(region.maas.requests.map((line) => line.split(" ").at(-1))).toEqual(["200", "502", "503", "200"]);
    expect(region.waits[0]).toMatch(/refuses the connection|closed the connection/);
  });

  test("is no longer waited for when the caller gives up", async () => {
    const over = new AbortController();
    await using region = await Region.open({
      client: { sleep: (_ms, signal) => waitFor(signal), onWait: () => over.abort(new Error("enough")) },
    });
    region.maas.trouble.push(starting("10"));
    await expect(region.client.whoAmI(over.signal)).rejects.toThrow("enough");
  });

  test("gets no second machine when the answer to a new one is lost", async () => {
    await using region = await Region.open();
    await region.client.version();
    region.maas.trouble.push((response) => response.socket?.destroy());
    const added = region.client.createMachine({
      hostname: "nuc9",
      macs: ["aa:bb:cc:00:00:09"],
      architecture: "amd64/generic",
      powerType: "webhook",
      parameters: WEBHOOK,
    });
    expect((await maasFailureOf(added)).code).toBe("unreachable");
    expect(region.maas.requests.filter((line) => line.startsWith("POST"))).toHaveLength(1);
  });
});

async function waitFor(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

describe("what is no MAAS", () => {
  test("and refuses connections is not waited for", async () => {
    await using client = new MaasClient({ url: `http://127.0.0.1:${await keptPort()}/MAAS` });
    const failure = await maasFailureOf(client.version());
    expect(failure.code).toBe("unreachable");
    expect(failure.message).toMatch(/^MAAS at 127\.0\.0\.1:\d+ refuses the connection$/);
    expect(failure.hint).toContain("http://ADDRESS:5240/MAAS");
  });

  test("but a web server is told as such", async () => {
    await using region = await Region.open({});
    await using elsewhere = new MaasClient({ url: region.maas.url.replace("/MAAS", "/other") });
    expect(await maasFailureOf(elsewhere.version())).toMatchObject({
      code: "not_maas",
      message: "the version: there is no MAAS API at this address (404)",
    });
    region.maas.trouble.push(badGateway);
    expect((await maasFailureOf(region.client.version())).code).toBe("busy");
    region.maas.trouble.push((response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<html>"));
    expect((await maasFailureOf(region.client.version())).code).toBe("not_maas");
    region.maas.trouble.push((response) => response.writeHead(302, { Location: "https://maas.lan:5443/" }).end());
    expect((await maasFailureOf(region.client.version())).message).toContain("redirects to https://maas.lan:5443/");
    region.maas.trouble.push((response) => response.end('{"version": 3}'));
    expect((await maasFailureOf(region.client.version())).code).toBe("protocol");
    region.maas.trouble.push((response) => response.socket?.end("220 mail ESMTP\r\n"));
    expect((await maasFailureOf(region.client.version())).code).toBe("not_maas");
  });

  test("or has a certificate that nobody vouches for is told as such, unless it is accepted or its authority is given", async () => {
    const tls = (name: string) => readFileSync(join(import.meta.dirname, "../fixtures/tls", name), "utf8");
    const server = createServer({ cert: tls("device.pem"), key: tls("device.key") }, (_request, response) => {
      response.end('{"version":"3.6.2"}');
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/MAAS`;
    try {
      await using strict = new MaasClient({ url });
      const failure = await maasFailureOf(strict.version());
      expect(failure.code).toBe("tls");
      expect(failure.hint).toContain("ca: !file");
      await using lax = new MaasClient({ url, insecure: true });
      expect((await lax.version()).version).toBe("3.6.2");
      await using plain = new MaasClient({ url: url.replace("https", "http") });
      expect((await maasFailureOf(plain.version())).code).toMatch(/unreachable|not_maas/);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

test("no message of a failure holds the token or the key", async () => {
  await using region = await Region.open({ machines: [NUC1] });
  region.maas.trouble.push((response) =>
    response.writeHead(400, { "Content-Type": "text/plain" }).end(`cannot use power_token=${TOKEN}`),
  );
  const failure = await maasFailureOf(
    region.client.updatePower("k3hxa7", { powerType: "webhook", parameters: { ...WEBHOOK, power_token: TOKEN } }),
  );
  expect(failure.message).toBe("machine k3hxa7: cannot use power_token=•••");
  const client = new MaasClient({ url: region.maas.url, key: new Secret("bad") });
  await expect(client.whoAmI()).rejects.toThrow("an API key has three parts");
});
