/** `doctor` on the certificates of listeners, as their files are; no daemon runs. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Place } from "./cli.ts";
import { DIAGNOSES_MS, diagnose, later } from "./diagnosis.ts";

const DAY = 86_400_000;
const BEGIN = Date.parse("2020-01-01T00:00:00Z");
const END = Date.parse("2120-01-01T00:00:00Z");

/** A configuration with the certificate of one device of the fixtures, and a key. */
function withCertificate(key = "device.key"): Place {
  const place = Place.with({
    "maasochist.yaml": `server: { listen: 127.0.0.1:0, tls: { cert: cert.pem, key: key.pem } }\nmachines:\n  nuc1: { driver: simulated }\n`,
  });
  for (const [from, to] of [
    ["device.pem", "cert.pem"],
    [key, "key.pem"],
  ] as const)
    copyFileSync(join(import.meta.dirname, "../fixtures/tls", from), place.file(to));
  return place;
}

describe("doctor on the certificate of a listener", { timeout: DIAGNOSES_MS }, () => {
  test("tells until when it is good", async () => {
    await using place = withCertificate();
    expect((await diagnose(place)).message("certificate")).toMatch(/cert\.pem is good until 2120-01-01$/);
  });

  test.each([
    ["certificate-expires", END - 5 * DAY, /expires on 2120-01-01$/],
    ["certificate-expired", END + DAY, /expired on 2120-01-01$/],
    ["certificate-early", BEGIN - DAY, /counts only from 2020-01-01 on$/],
  ] as const)("tells by %s where the time is not right for it", async (code, time, words) => {
    await using place = withCertificate();
    expect((await diagnose(place, { env: later(place, time - Date.now()) })).message(code)).toMatch(words);
  });

  test("tells that a key belongs to another one", async () => {
    await using place = withCertificate("other.key");
    const found = (await diagnose(place)).found("certificate-unusable");
    expect([found.level, found.message]).toEqual(["error", expect.stringMatching(/does not belong to .*cert\.pem$/)]);
  });
});
