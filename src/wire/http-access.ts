/** Settings of drivers that speak HTTP: who asks, and whom to trust. */
import { X509Certificate } from "node:crypto";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { z } from "zod";
import { messageOf } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { choice, flag, secret, text } from "./fields.ts";
import { type Finding, mistake } from "./finding.ts";
import { basic, HttpClient, type HttpRequest } from "./http.ts";

export const httpTrustFields = {
  ca: text("Authorities to trust instead of the system's: PEM text, so `!file ca.pem`").optional(),
  pin_sha256: z
    .string()
    .regex(/^(?:[0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}$/, "must be 32 bytes in hex")
    .optional()
    .describe("SHA-256 fingerprint of the one certificate to accept"),
  insecure: flag("Accept any certificate").default(false),
};
const TRUST = z.object(httpTrustFields);
export type HttpTrust = z.output<typeof TRUST>;

export const httpAccessFields = {
  user: text("User for Basic or digest").optional(),
  password: secret("Password for Basic or digest").optional(),
  auth: choice(["basic", "digest"], "How user and password are sent").default("basic"),
  token: secret("Sent as Authorization: Bearer").optional(),
  ...httpTrustFields,
};
const ACCESS = z.object(httpAccessFields);
export type HttpAccess = z.output<typeof ACCESS>;

/** A client that asks as these settings say. */
export function httpClient({ user, password, auth, token, ca, pin_sha256: pin, insecure }: HttpAccess): HttpClient {
  return new HttpClient({
    auth: token
      ? { kind: "bearer", token }
      : user !== undefined && password
        ? { kind: auth, user, password }
        : undefined,
    tls: { ca, pin, insecure },
  });
}

/** The secrets of these settings, in every form in which an answer may repeat them. */
export function accessSecrets({ user, password, token }: HttpAccess): string[] {
  const plain = [password, token].flatMap((hidden) => hidden?.reveal() ?? []);
  const sent = user !== undefined && password ? [basic(user, password).slice("Basic ".length)] : [];
  return [...plain, ...plain.map(encodeURIComponent), ...sent];
}

/** Shorter values are `on` and `1` rather than secrets, and without them no answer would tell anything. */
const SHORTEST_SECRET = 4;

/** What an answer might repeat of a request and must not be shown: only the user knows what of it is secret. */
export function requestSecrets({ url, headers, body }: Pick<HttpRequest, "url" | "headers" | "body">): string[] {
  const { search, searchParams } = new URL(url);
  const inBody = body?.match(/(?<=[:=]\s*"?)[^\s"&,}]+/g) ?? [];
  return [search.slice(1), ...searchParams.values(), ...Object.values(headers ?? {}), ...inBody].filter(
    (value) => value.length >= SHORTEST_SECRET,
  );
}

/** What is wrong with these settings for requests to `urls`. */
export function accessFindings(access: HttpAccess, urls: readonly string[]): Finding[] {
  const { user, password, auth, token } = access;
  const findings: Finding[] = [];
  if ((user === undefined) !== (password === undefined))
    findings.push(mistake(user === undefined ? "password" : "user", "`user` and `password` go together"));
  if (token && user !== undefined) findings.push(mistake("token", "either `token`, or `user` and `password`"));
  if (auth === "digest" && user === undefined) findings.push(mistake("auth", "digest needs `user` and `password`"));
  if (auth === "basic" && user?.includes(":")) findings.push(mistake("user", "Basic cannot send a user with a colon"));
  if (token) findings.push(...tokenFindings(token));
  const plain = urls.some((url) => !/^https:/i.test(url)) ? "a URL here is http" : undefined;
  return [...findings, ...trustFindings(access, plain)];
}

/** What is wrong with a token that is to go as Bearer. */
export function tokenFindings(token: Secret): Finding[] {
  return /^[\x20-\x7e]+$/.test(token.reveal())
    ? []
    : [mistake("token", "holds a line break or a letter beyond ASCII, which no header can carry")];
}

/** What is wrong with these settings; `plain` tells where TLS is not spoken, so that nobody shows a certificate. */
export function trustFindings({ ca, pin_sha256: pin, insecure }: HttpTrust, plain: string | undefined): Finding[] {
  const findings: Finding[] = [];
  const trust = { ca, pin_sha256: pin, insecure: insecure || undefined };
  const given = Object.entries(trust).flatMap(([key, value]) => (value === undefined ? [] : [key]));
  const [first, second] = given;
  if (first !== undefined && second !== undefined)
    findings.push(mistake(second, `\`${first}\` and \`${second}\` exclude each other: choose whom to trust`));
  if (first !== undefined && plain !== undefined)
    findings.push(mistake(first, `needs https: ${plain}, where nobody shows a certificate`));
  const problem = certificateProblem(ca);
  if (problem !== undefined) findings.push(mistake("ca", problem));
  return findings;
}

export function certificateProblem(ca: string | undefined): string | undefined {
  if (ca === undefined) return undefined;
  try {
    new X509Certificate(ca);
    return undefined;
  } catch (error) {
    return `is no certificate in PEM form: ${messageOf(error)}`;
  }
}

/** The client sends these itself, as the request is. */
const NOT_FOR_SETTINGS = /^(?:connection|content-length|expect|keep-alive|transfer-encoding|upgrade)$/i;

/** What is wrong with headers. Values are not quoted: they may be secret. */
export function headerFindings(key: string, headers: Readonly<Record<string, string>> = {}): Finding[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (NOT_FOR_SETTINGS.test(name)) return [mistake(key, `the header ${name} follows from the request`)];
    if (!passes(() => validateHeaderName(name))) return [mistake(key, `"${name}" is no name for a header`)];
    return passes(() => validateHeaderValue(name, value))
      ? []
      : [mistake(key, `the header ${name} holds a line break or a letter that no header can carry`)];
  });
}

function passes(validate: () => void): boolean {
  try {
    validate();
    return true;
  } catch {
    return false;
  }
}
