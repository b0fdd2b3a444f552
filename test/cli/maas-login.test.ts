import { readFileSync, statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { keptPort } from "../kept-port.ts";
import { ADMIN, USER } from "../simulators/maas.ts";
import { type Failure, PREPARATION_MS } from "./cli.ts";
import { MaasPlace } from "./maas-place.ts";

const OWN = "  nuc1: { driver: simulated }\n";
const [, , SECRET = ""] = ADMIN.key.split(":");

describe("maas login", { timeout: PREPARATION_MS }, () => {
  test("tries address, key, right and clock, and keeps both for this account alone", async () => {
    await using at = await MaasPlace.open({ own: OWN });
    const { code, out, err } = await at.login();
    expect(code).toBe(0);
    expect(out).toBe(`✔ MAAS 3.6.2 at ${at.maas.url}
✔ the key is that of admin, an administrator
✔ the clocks agree
Address and key are kept in ${at.place.file("maasochist.maas.json")}, for this account alone (mode 0600).
`);
    expect(err).toBe("Next: maasochist maas plan\n");
    expect(statSync(at.place.file("maasochist.maas.json")).mode & 0o777).toBe(0o600);
    expect(await at.place.run("maas", "plan")).toMatchObject({ code: 0 });
  });

  test("takes the address as the browser shows it, and the key from a file or standard input", async () => {
    await using at = await MaasPlace.open({ own: OWN });
    const { place, maas } = at;
    place.write("key.txt", `  ${ADMIN.key}\n`);
    expect(await place.json("maas", "login", `${maas.url}/r/machines`, "--key-file", "key.txt")).toMatchObject({
      code: 0,
      url: maas.url,
      user: "admin",
      version: "3.6.2",
    });
    const piped = await place.start(["maas", "login", maas.url], { input: `${ADMIN.key}\n` }).end();
    expect(piped.code).toBe(0);
    expect((await place.run("maas", "status")).code).toBe(0);
  });

  test.each([
    ["a key that is not known", "who:is:this", 4, "maas_key"],
    ["a key of somebody who is no administrator", USER.key, 4, "maas_forbidden"],
    ["what is no key", "secret-password", 2, "usage"],
  ])("refuses %s, keeps nothing and shows it nowhere", async (_, key, code, kind) => {
    await using at = await MaasPlace.open({ own: OWN });
    const { place, maas } = at;
    const ended = await place.start(["--json", "maas", "login", maas.url], { env: { MAAS_API_KEY: key } }).end();
    expect(ended.code).toBe(code);
    const { error } = JSON.parse(ended.err) as Failure;
    expect(error.code).toBe(kind);
    expect(error.hint).toBeDefined();
    expect(ended.out + ended.err).not.toContain(key);
    expect(() => statSync(place.file("maasochist.maas.json"))).toThrow("ENOENT");
  });

  test("leaves it to MAAS 3.8 who may edit machines", async () => {
    await using at = await MaasPlace.open({ own: OWN, version: "3.8.0" });
    const { code, out } = await at.login(USER.key);
    expect(code).toBe(0);
    expect(out).toContain("✔ the key is that of guest, who is no administrator, and may still be allowed enough\n");
  });

  test("tells of clocks that are apart: as advice, or as the reason", async () => {
    await using near = await MaasPlace.open({ own: OWN, now: () => Date.now() - 60_000 });
    const { code, out } = await near.login();
    expect(code).toBe(0);
    expect(out).toMatch(/\n! its clock is (59|60) s behind ours; at 300 s it refuses the key: set the time by NTP\n/);
    await using far = await MaasPlace.open({ own: OWN, now: () => Date.now() + 3_600_000 });
    const refused = await far.login();
    expect(refused.code).toBe(4);
    expect(refused.err).toMatch(
      /^error: MAAS refuses our time: its clock is 3\d\d\d s ahead of ours\nSet the time by NTP/,
    );
  });

  test("finds out that there is no MAAS before it wants a key", async () => {
    await using at = await MaasPlace.open({ own: OWN });
    const nowhere = await at.place.run("maas", "login", `http://127.0.0.1:${await keptPort()}`);
    expect(nowhere.code).toBe(6);
    expect(nowhere.err).toMatch(/^error: MAAS at 127\.0\.0\.1:\d+ refuses the connection\n/);
    expect(await at.place.run("maas", "login", "power.lan")).toMatchObject({ code: 2 });
    const withUser = await at.place.run("maas", "login", "http://admin:hunter2@10.0.0.1/MAAS");
    expect(withUser).toMatchObject({ code: 2 });
    expect(withUser.err).not.toContain("hunter2");
  });

  test("does not compete with a key of the configuration, which goes first everywhere", async () => {
    await using at = await MaasPlace.open({ own: OWN });
    const { place, maas } = at;
    const text = readFileSync(place.file("maasochist.yaml"), "utf8");
    place.write("maasochist.yaml", `maas: { url: "${maas.url}", key: !secret maas_key }\n${text}`);
    place.write("secrets.yaml", `maas_key: ${ADMIN.key}\n`);
    expect((await place.json<Failure>("maas", "login", maas.url)).error.message).toContain("has a key of its own");
    const { code, out } = await place.run("maas", "status");
    expect(code).toBe(0);
    expect(out).toContain("The key is from the configuration.\n");
    expect((await place.run("config", "show")).out).not.toContain(SECRET);
  });

  test("keeps a key for its own MAAS: no other is shown it", async () => {
    await using at = await MaasPlace.loggedIn({ own: OWN });
    await using other = await MaasPlace.open({ own: OWN });
    const text = readFileSync(at.place.file("maasochist.yaml"), "utf8");
    at.place.write("maasochist.yaml", `maas: { url: "${other.maas.url}" }\n${text}`);
    const { code, err } = await at.place.run("maas", "plan");
    expect(code).toBe(3);
    expect(err).toContain(`error: no API key for ${other.maas.url} is known here\n`);
    expect(other.maas.requests).toEqual([]);
  });
});

test("without a MAAS that is known every command says how to log in", { timeout: PREPARATION_MS }, async () => {
  await using at = await MaasPlace.open({ own: OWN });
  for (const command of [["plan"], ["register", "--yes"], ["status"], ["unregister", "nuc1", "--yes"]]) {
    const { code, err } = await at.place.run("maas", ...command);
    expect([command, code]).toEqual([command, 3]);
    expect(err).toContain("Log in to it first: `maasochist maas login URL`.");
  }
});
