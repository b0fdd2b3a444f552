import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { PAGE_ROUTES } from "../../src/http/page.ts";
import type { Front } from "../../src/http/server.ts";
import { House } from "./house.ts";

const INDEX = '<!doctype html><link href="./icon.svg"><script src="./assets/main-a1b2.js"></script>';
const SCRIPT = "console.log('the dashboard')".repeat(20);
const FILES = {
  "index.html": INDEX,
  "icon.svg": "<svg/>",
  "assets/main-a1b2.js": SCRIPT,
  "assets/main-a1b2.js.br": brotliCompressSync(SCRIPT),
  "assets/main-a1b2.js.gz": gzipSync(SCRIPT),
  "assets/sans.woff2": "a font",
  ".vite/manifest.json": "{}",
};

function build(house: House, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(house.pages, name)), { recursive: true });
    writeFileSync(join(house.pages, name), content);
  }
}

async function built(front: Front = {}): Promise<House> {
  const house = await House.open({ machines: (lab) => lab.addMachine("nuc1"), front });
  build(house, FILES);
  return house;
}

describe("the dashboard", () => {
  test("is one page at each of its addresses, with nothing asked of who opens it", async () => {
    await using house = await built();
    for (const path of ["/", "/?q=1", "/index.html", ...PAGE_ROUTES.map((route) => `/${route}`), "/machines/nuc.1/x"]) {
      const { status, text, headers } = await house.ask(path);
      expect([path, status, text]).toEqual([path, 200, INDEX.replaceAll("./", "/")]);
      expect(headers["content-type"]).toBe("text/html; charset=utf-8");
      expect(headers["cache-control"]).toBe("no-cache");
    }
  });

  test("is kept for ever where names change with their content, and else asked about", async () => {
    await using house = await built();
    const script = await house.ask("/assets/main-a1b2.js");
    expect(script.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    const icon = await house.ask("/icon.svg");
    expect([icon.headers["content-type"], icon.headers["cache-control"]]).toEqual(["image/svg+xml", "no-cache"]);
    for (const tag of [String(icon.headers.etag), `W/${icon.headers.etag}`, `"x", ${icon.headers.etag}`, "*"]) {
      const again = await house.ask("/icon.svg", { headers: { "if-none-match": tag } });
      expect([tag, again.status, again.text]).toEqual([tag, 304, ""]);
    }
    expect((await house.ask("/icon.svg", { headers: { "if-none-match": '"x"' } })).status).toBe(200);
  });

  test("comes compressed as the build made it, to who takes that", async () => {
    await using house = await built();
    const asked = async (accept?: string) => {
      const headers = accept === undefined ? {} : { "accept-encoding": accept };
      const response = await house.send("/assets/main-a1b2.js", { headers });
      const body = Buffer.concat((await response.toArray()) as Buffer[]);
      const { vary, etag, "content-encoding": encoding, "content-length": length } = response.headers;
      expect([vary, Number(length)]).toEqual(["Accept-Encoding", body.length]);
      return { encoding, etag, body };
    };
    const [br, gzip, plain] = [await asked("gzip, br"), await asked("gzip, br;q=0"), await asked()];
    expect([br.encoding, gzip.encoding, plain.encoding]).toEqual(["br", "gzip", undefined]);
    expect(brotliDecompressSync(br.body).toString()).toBe(SCRIPT);
    expect(gunzipSync(gzip.body).toString()).toBe(SCRIPT);
    expect(plain.body.toString()).toBe(SCRIPT);
    expect(new Set([br.etag, gzip.etag, plain.etag]).size).toBe(3);
    expect((await asked("*")).encoding).toBeUndefined();
  });

  test("answers HEAD as GET without a body, and nothing else", async () => {
    await using house = await built();
    for (const path of ["/", "/icon.svg", "/nothing.js"]) {
      const [head, get] = [await house.ask(path, { method: "HEAD" }), await house.ask(path)];
      expect([head.status, head.text]).toEqual([get.status, ""]);
      expect(head.headers.etag).toBe(get.headers.etag);
    }
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
      const { status, headers } = await house.ask("/", { method });
      expect([method, status, headers.allow]).toEqual([method, 405, "GET, HEAD"]);
    }
  });

  test("stands under the path that a proxy gives it, whether the proxy takes it away or not", async () => {
    await using house = await built({ base: "/power" });
    const page = INDEX.replaceAll("./", "/power/");
    for (const path of ["/power", "/power/", "/power?q=1", "/power/machines/nuc1", "/machines/nuc1", "//power/", "/"]) {
      const { status, text } = await house.ask(path);
      expect([path, status, text]).toEqual([path, 200, page]);
    }
    expect((await house.ask("/power/assets/main-a1b2.js")).text).toBe(SCRIPT);
    expect((await house.ask("/power/healthz")).text).toBe('{"ok":true}');
    expect((await house.ask("/power/maas/nuc1/query")).status).toBe(401);
    expect((await house.ask("/powerful")).status).toBe(404);
  });

  test("is taken up when it is built anew, and stays while that goes on", async () => {
    await using house = await built();
    expect((await house.ask("/")).text).toContain("main-a1b2");
    rmSync(house.pages, { recursive: true });
    expect((await house.ask("/")).text).toContain("main-a1b2");
    expect((await house.ask("/assets/main-a1b2.js")).text).toBe(SCRIPT);
    build(house, { "index.html": INDEX.replace("a1b2", "c3d4"), "assets/main-c3d4.js": "new" });
    utimesSync(join(house.pages, "index.html"), 1, 1);
    expect((await house.ask("/")).text).toContain("main-c3d4");
    expect((await house.ask("/assets/main-c3d4.js")).text).toBe("new");
    expect((await house.ask("/assets/main-a1b2.js")).status).toBe(404);
  });

  test("says what to do where it was not built, and hinders nothing else", async () => {
    await using house = await House.open({ machines: (lab) => lab.addMachine("nuc1") });
    const { status, text, headers } = await house.ask("/");
    expect([status, headers["content-type"]]).toEqual([503, "text/html; charset=utf-8"]);
    expect(text).toMatch(/was not built.*npm run build/);
    expect(headers["cache-control"]).toBe("no-store");
    expect((await house.ask("/healthz")).status).toBe(200);
    build(house, FILES);
    expect((await house.ask("/")).status).toBe(200);
  });

  test("never stands in for what is missing under /api and /maas, nor for any other address", async () => {
    await using house = await built();
    for (const path of ["/api", "/api/", "/api/v1/nothing", "/api/v2", "/metrics/x"])
      expect([path, (await house.ask(path)).status]).toEqual([path, 404]);
    for (const path of ["/maas", "/maas/", "/MAAS/nuc1/on", "/maas%2Fnuc1"])
      expect((await house.ask(path)).status).toBeGreaterThanOrEqual(401);
    const browser = await house.ask("/nothing", { headers: { accept: "text/html,*/*" } });
    expect([browser.status, browser.headers["content-type"]]).toEqual([404, "text/html; charset=utf-8"]);
    expect((await house.ask("/nothing")).json()).toMatchObject({ error: { code: "not_found" } });
  });
});

/** Paths that lead out of a folder where they are taken for names of files. */
const OUT = [
  "/../secret.txt",
  "/assets/../../secret.txt",
  "/%2e%2e/secret.txt",
  "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
  "/%252e%252e/secret.txt",
  "/assets/%252e%252e%252f%252e%252e%252fsecret.txt",
  "/..%5csecret.txt",
  "/..\\secret.txt",
  "/assets\\..\\..\\secret.txt",
  "/....//secret.txt",
  "/..;/secret.txt",
  "/..%00/secret.txt",
  "/secret.txt%00.svg",
  "/icon.svg%00",
  "/..%c0%af..%c0%afsecret.txt",
  "/%uff0e%uff0e/secret.txt",
  "//etc/passwd",
  "///etc/passwd",
  "/C:/Windows/win.ini",
  "file:///etc/passwd",
  "/link.txt",
  "/linked/passwd",
  "/.vite/manifest.json",
  "/%2evite/manifest.json",
  "/assets/main-a1b2.js.br",
  "/assets",
  "/assets/",
  "/constructor",
  "/__proto__",
];

test("a path that leads out of the dashboard's folder finds nothing, however it is written", async () => {
  await using house = await built();
  writeFileSync(join(house.pages, "../secret.txt"), "TOP SECRET");
  symlinkSync("../secret.txt", join(house.pages, "link.txt"));
  symlinkSync("/etc", join(house.pages, "linked"));
  for (const path of OUT) {
    for (const method of ["GET", "HEAD"]) {
      const { status, text } = await house.ask(path, { method });
      expect([path, method, status]).toEqual([path, method, 404]);
      expect(text).not.toMatch(/TOP SECRET|root:/);
    }
  }
  expect(house.faults).toEqual([]);
});
