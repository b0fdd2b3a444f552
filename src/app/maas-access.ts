/** Which MAAS is spoken to, with whose key: by the daemon as by the commands. */
import type { Configuration } from "../config/index.ts";
import { isApiKey } from "../maas/api-key.ts";
import { maasBase } from "../maas/base-url.ts";
import { MAAS_ERRORS } from "../maas/maas-error.ts";
import { messageOf } from "../power/errors.ts";
import { Secret } from "../power/secret.ts";
import { type MaasLogin, readMaasLogin } from "../store/maas-login.ts";
import type { StorePaths } from "../store/paths.ts";

const KEY_VARIABLE = "MAAS_API_KEY";

export interface MaasAccess {
  /** As the API's paths begin. */
  readonly url: string;
  readonly key: Secret;
  /** Where the key comes from, for people. */
  readonly from: string;
  readonly ca?: string;
  readonly insecure: boolean;
}

/** Why no MAAS can be spoken to. */
export interface NoMaas {
  /** `unknown`: nobody speaks of one. `key`: what is given as a key is none. `login`: what is kept cannot be used. */
  readonly kind: "unknown" | "unusable" | "key" | "login";
  readonly problem: string;
  readonly hint: string;
}

export interface MaasSources {
  readonly maas: Configuration["maas"];
  readonly paths: StorePaths;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The address of the configuration, else the one that was logged in to; the key of the environment, else of the
 * configuration, else the kept one, which goes to no other address than its own.
 */
export function findMaas({ maas, paths, env }: MaasSources): MaasAccess | NoMaas {
  let kept: MaasLogin | undefined;
  try {
    kept = readMaasLogin(paths.maas);
  } catch (error) {
    const hint =
      "Log in again: `maasochist maas login URL`. Where the daemon runs as another account: run it as that one, or with sudo.";
    return { kind: "login", problem: messageOf(error), hint };
  }
  const written = maas?.url ?? kept?.url;
  if (written === undefined) {
    const hint = "Log in to it first: `maasochist maas login URL`. Its address is mostly http://ADDRESS:5240/MAAS.";
    return { kind: "unknown", problem: "no MAAS is known here", hint };
  }
  const url = maasBase(written);
  if (url === undefined)
    return { kind: "unusable", problem: `"${written}" is no address of a MAAS`, hint: MAAS_ERRORS.unreachable };
  const { ca } = maas ?? {};
  const common = { url, ...(ca !== undefined && { ca }), insecure: maas?.insecure ?? false };
  const given = keyIn(env);
  if (given && "problem" in given) return given;
  if (given) return { ...common, key: given, from: `the environment (${KEY_VARIABLE})` };
  if (maas?.key) {
    const key = keyOf(maas.key, "`maas.key` of the configuration");
    return "problem" in key ? key : { ...common, key, from: "the configuration" };
  }
  if (kept?.url === url) return { ...common, key: kept.key, from: paths.maas };
  return { kind: "unusable", problem: `no API key for ${url} is known here`, hint: MAAS_ERRORS.key };
}

/** The key of the environment, where there is one. */
export function keyIn(env: NodeJS.ProcessEnv): Secret | NoMaas | undefined {
  const given = env[KEY_VARIABLE]?.trim() ?? "";
  return given === "" ? undefined : keyOf(new Secret(given), KEY_VARIABLE);
}

/** The key without blanks around it; what is none is not quoted. */
export function keyOf(key: Secret, what: string): Secret | NoMaas {
  const text = key.reveal().trim();
  if (isApiKey(text)) return new Secret(text);
  const problem = `${what} is no API key of MAAS: it has three parts with colons between them`;
  return { kind: "key", problem, hint: MAAS_ERRORS.key };
}
