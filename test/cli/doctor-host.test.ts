/** `doctor` on this host and on files. Where the system is to be another one, its own calls answer so. */
import { chmodSync, chownSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";
import { describe, expect, test } from "vitest";
import { describeWith, notRoot } from "../system/need.ts";
import { configuration, Place, TOKEN } from "./cli.ts";
import { DIAGNOSES_MS, diagnose, pretending } from "./diagnosis.ts";

const ONE = "  a: { driver: simulated }\n";
const NOBODY = 65_534;

function here(): Place {
  return Place.with({ "maasochist.yaml": configuration(ONE) });
}

/** A `timedatectl` that says this. */
function timedatectl(place: Place, says: string): Readonly<Record<string, string>> {
  place.write("bin/timedatectl", `#!/bin/sh\necho ${says}\n`);
  chmodSync(place.file("bin/timedatectl"), 0o755);
  return { PATH: `${place.file("bin")}:${process.env["PATH"]}` };
}

/** A file system with so many bytes free. */
function free(place: Place, bytes: number): Readonly<Record<string, string>> {
  return pretending(
    place,
    `require("node:fs/promises").statfs = async () => ({ bavail: ${bytes / 4_096}, bsize: 4096 });
require("node:module").syncBuiltinESMExports();`,
  );
}

describe("doctor on this host", { timeout: DIAGNOSES_MS }, () => {
  test("tells of a Node.js that is too old", async () => {
    await using place = here();
    const env = pretending(place, 'Object.defineProperty(process, "version", { value: "v20.18.3" });');
    expect((await diagnose(place, { env })).message("node-old")).toBe("Node.js v20.18.3 is older than 20.19");
  });

  test("tells of a clock that was never set", async () => {
    await using place = here();
    const env = pretending(place, "Date.now = () => 0;");
    expect((await diagnose(place, { env })).message("clock-wrong")).toBe("the clock says 1970-01-01T00:00:00.000Z");
  });

  test("tells whether a time server sets the clock, where the system knows it", async () => {
    await using place = here();
    expect((await diagnose(place, { env: timedatectl(place, "no") })).amiss).toContain("clock-unsynchronised");
    expect((await diagnose(place, { env: timedatectl(place, "yes") })).message("clock")).toBe(
      "the clock is plausible, and a time server sets it",
    );
    expect((await diagnose(place, { env: timedatectl(place, "Failed") })).message("clock")).toBe(
      "the clock is plausible",
    );
  });
});

describe("doctor on files", { timeout: DIAGNOSES_MS }, () => {
  test("tells which can be read by others, with their modes and what they hold", async () => {
    await using place = await Place.serving(ONE);
    await place.run("token", "add", "x");
    chmodSync(place.file("maasochist.credentials.json"), 0o644);
    chmodSync(place.file("maasochist.yaml"), 0o640);
    const { findings } = await diagnose(place);
    expect(findings.filter(({ code }) => code === "file-readable").map(({ message }) => message)).toEqual([
      `${place.file("maasochist.credentials.json")} can be read by other users (mode 0644), and holds hashes of tokens and passwords`,
      `${place.file("maasochist.yaml")} can be read by other users (mode 0640), and holds a token in plain text`,
    ]);
  });

  test("tells of a private key that others can read, and not of a certificate", async () => {
    await using place = Place.with({
      "maasochist.yaml": configuration(
        "  a: { driver: ssh, host: 192.0.2.9, user: maas, key: !file id, query: { driver: assumed } }\n",
        "maas: { url: http://127.0.0.1:9/MAAS, ca: !file ca.pem }",
      ),
      id: ssh2.utils.generateKeyPairSync("ed25519").private,
      "ca.pem": readFileSync(join(import.meta.dirname, "../fixtures/tls/authority.pem"), "utf8"),
    });
    chmodSync(place.file("id"), 0o644);
    chmodSync(place.file("ca.pem"), 0o644);
    const { findings } = await diagnose(place);
    expect(findings.filter(({ code }) => code === "file-readable").map(({ message }) => message)).toEqual([
      `${place.file("id")} can be read by other users (mode 0644), and holds a private key`,
    ]);
  });

  test("never quotes a token", async () => {
    await using place = await Place.serving(ONE);
    const { out } = await place.run("doctor");
    const { out: json } = await place.run("--json", "doctor");
    expect(`${out}${json}`).not.toContain(TOKEN);
  });

  test("tells of a disk that is full, and of one that soon will be", async () => {
    await using place = here();
    expect((await diagnose(place, { env: free(place, 8 * 1_024 ** 2) })).message("disk-full")).toBe(
      `8 MB are free on the disk of ${place.path}`,
    );
    expect((await diagnose(place, { env: free(place, 100 * 1_024 ** 2) })).message("disk-low")).toBe(
      `100 MB are free on the disk of ${place.path}`,
    );
  });

  test("tells of a folder that cannot be written, and of a path through a file", async () => {
    await using place = here();
    const env = pretending(
      place,
      `const fs = require("node:fs");
fs.accessSync = () => { throw Object.assign(new Error("read-only"), { code: "EROFS" }); };
require("node:module").syncBuiltinESMExports();`,
    );
    expect((await diagnose(place, { env })).amiss).toContain("store-unwritable");
    place.write("maasochist.yaml", configuration(ONE, "store: { path: maasochist.yaml/x.db }"));
    expect((await diagnose(place)).message("store-no-folder")).toMatch(/maasochist\.yaml is no folder/);
  });
});

describeWith(notRoot())("doctor on the owners of files", { timeout: DIAGNOSES_MS }, () => {
  test("tells which do not belong to the daemon's account", async () => {
    await using place = here();
    mkdirSync(place.file("state"));
    place.write("maasochist.yaml", configuration(ONE, "store: { path: state/maasochist.db }"));
    await place.run("token", "add", "x");
    chownSync(place.file("state"), NOBODY, NOBODY);
    const { facts } = (await diagnose(place)).found("file-owner");
    expect(facts).toEqual({ file: place.file("state/maasochist.credentials.json"), owner: "root", account: "nobody" });
  });
});
