import { describe, expect, test } from "vitest";
import { answerChallenge, strongestChallenge } from "../../src/wire/digest.ts";

/** The parameters of an answer. */
function answered(challenge: string, request: Partial<Parameters<typeof answerChallenge>[1]> = {}) {
  const parsed = strongestChallenge([challenge]);
  if (!parsed) throw new Error("no challenge that can be answered");
  const mufasa = { user: "Mufasa", password: "Circle of Life", method: "GET", uri: "/dir/index.html", count: 1 };
  const header = answerChallenge(parsed, { ...mufasa, ...request });
  const found = header.matchAll(/([\w*]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))/g);
  return Object.fromEntries([...found].map(([, name = "", text, bare]) => [name, text ?? bare]));
}

describe("the answer to the example of", () => {
  const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
  const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
  const opaque = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS";
  const challenge = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="${nonce}", opaque="${opaque}"`;

  test("RFC 7616, 3.9.1, by MD5", () => {
    const answer = answered(challenge("MD5"), { cnonce });
    expect(answer).toEqual({
      username: "Mufasa",
      realm: "http-auth@example.org",
      uri: "/dir/index.html",
      algorithm: "MD5",
      nonce,
      nc: "00000001",
      cnonce,
      qop: "auth",
      response: "8ca523f5e9506fed4657c9700eebdbec",
      opaque,
    });
  });

  test("RFC 7616, 3.9.1, by SHA-256", () => {
    expect(answered(challenge("SHA-256"), { cnonce })).toMatchObject({
      algorithm: "SHA-256",
      response: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    });
  });

  test("RFC 2617, 3.5", () => {
    const challenge =
      'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
    const answer = answered(challenge, { password: "Circle Of Life", cnonce: "0a4f113b" });
    expect(answer["response"]).toBe("6629fae49393a05397450978507c4ef1");
    // What the server did not name is not named to it.
    expect(answer).not.toHaveProperty("algorithm");
  });

  test("RFC 2069, 2.4, as its erratum 749 corrects it", () => {
    const challenge =
      'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
    const answer = answered(challenge, { password: "CircleOfLife" });
    expect(answer["response"]).toBe("1949323746fe6a43ef61f9606e7febea");
    for (const parameter of ["qop", "nc", "cnonce"]) expect(answer).not.toHaveProperty(parameter);
  });
});

test("a user beyond ASCII goes as RFC 7616 encodes it", () => {
  const answer = answered('Digest realm="api", nonce="1", qop="auth", charset=UTF-8', { user: "Jäsøn Doe" });
  expect(answer["username*"]).toBe("UTF-8''J%C3%A4s%C3%B8n%20Doe");
  expect(answer).not.toHaveProperty("username");
});

test("an answer has a client nonce of its own each time", () => {
  const challenge = 'Digest realm="r", nonce="1", qop="auth"';
  expect(answered(challenge)["cnonce"]).not.toBe(answered(challenge)["cnonce"]);
});

describe("a challenge is read", () => {
  test.each([
    ['Digest realm="a, b=\\"c\\", Digest x", nonce="n"', { realm: 'a, b="c", Digest x', nonce: "n", qop: false }],
    ['Basic realm="x, Digest y=1", Digest realm="r", nonce="n", qop=auth', { realm: "r", qop: true }],
    ['Negotiate YII/Pz+a==, Digest realm="r",nonce=n', { realm: "r", nonce: "n" }],
    ['digest REALM = "r" , Nonce="n" , STALE=TRUE', { realm: "r", stale: true }],
    ['Digest realm="r", nonce="n", qop=""', { qop: false }],
    ['Digest realm="", nonce=""', { realm: "", nonce: "" }],
  ])("from %s", (header, expected) => {
    expect(strongestChallenge([header])).toMatchObject(expected);
  });

  test("the strongest, wherever it stands", () => {
    const md5 = 'Digest realm="r", nonce="1", algorithm=MD5';
    const sha = 'Digest realm="r", nonce="2", algorithm=sha-256';
    const unknown = 'Digest realm="r", nonce="3", algorithm=SHA-512-256';
    expect(strongestChallenge([unknown, md5, sha])?.nonce).toBe("2");
    expect(strongestChallenge([`${md5}, ${unknown}, ${sha}`])?.nonce).toBe("2");
  });

  test.each([
    ["nothing", ""],
    ["another scheme", 'Basic realm="r", nonce="n"'],
    ["an algorithm that is not known", 'Digest realm="r", nonce="n", algorithm=SHA-512-256'],
    ["integrity of bodies alone", 'Digest realm="r", nonce="n", qop="auth-int"'],
    ["no nonce", 'Digest realm="r"'],
    ["a quote that never ends", 'Digest realm="r, nonce=n'],
  ])("nowhere where there is %s", (_what, header) => {
    expect(strongestChallenge([header])).toBeUndefined();
  });

  test.each([
    ["letters", "a".repeat(16_000)],
    ["words", "a ".repeat(8_000)],
    ["quotes", 'a="'.repeat(5_000)],
    ["blanks", `Digest a${" ".repeat(16_000)}`],
    ["backslashes", `Digest realm="${"\\".repeat(16_000)}`],
  ])("in no time from a hostile header of %s", (_what, header) => {
    const before = performance.now();
    expect(strongestChallenge([header])).toBeUndefined();
    expect(performance.now() - before).toBeLessThan(200);
  });
});
