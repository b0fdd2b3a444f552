import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { keyProblem } from "../../src/wire/ssh-login.ts";
import { ecdsaKeyPair, keyPair } from "../simulators/ssh.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const pkcs1 = rsa.export({ type: "pkcs1", format: "pem" }).toString();
const lockedPkcs1 = rsa
  .export({ type: "pkcs1", format: "pem", cipher: "aes-128-cbc", passphrase: "opensesame" })
  .toString();
const pkcs8 = rsa.export({ type: "pkcs8", format: "pem" }).toString();
const lockedPkcs8 = rsa
  .export({ type: "pkcs8", format: "pem", cipher: "aes-128-cbc", passphrase: "opensesame" })
  .toString();

describe("the text of a private key", () => {
  test.each([
    ["OpenSSH's own format", keyPair().private],
    ["the same without the last newline, as !file gives it", keyPair().private.trimEnd()],
    ["the same with the newlines of Windows", keyPair().private.replaceAll("\n", "\r\n")],
    ["ECDSA", ecdsaKeyPair().private],
    ["PKCS #1", pkcs1],
  ])("is good in %s", (_format, text) => {
    expect(keyProblem(text, false)).toBeUndefined();
  });

  test.each([
    ["OpenSSH's own format", keyPair({ passphrase: "opensesame" }).private],
    ["PKCS #1", lockedPkcs1],
  ])("needs a passphrase where it is encrypted, in %s", (_format, text) => {
    expect(keyProblem(text, false)).toBe("is encrypted: give `passphrase`");
    expect(keyProblem(text, true)).toBeUndefined();
  });

  test.each([
    ["a path", "/root/.ssh/id_ed25519", /read it from its file: key: !file/],
    ["a public key", keyPair().public, /is not the text of a private key/],
    ["PKCS #8", pkcs8, /ssh-keygen -p/],
    ["encrypted PKCS #8", lockedPkcs8, /ssh-keygen -p/],
    ["a key of PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", /puttygen/],
    ["a key whose end is missing", keyPair().private.slice(0, 200), /cut off/],
  ])("of %s: what to do is said", (_what, text, said) => {
    expect(keyProblem(text, false)).toMatch(said);
  });
});
