/** `access:`, who may do what. */
import { createHash } from "node:crypto";
import { BlockList, isIP } from "node:net";
import type { z } from "zod";
import type { AccessRules, Grant } from "../power/access.ts";
import { checked } from "./check-value.ts";
import type { Problems } from "./problem.ts";
import { ACCESS, ACCESS_SECRETS, MAAS_SECRETS, TOKEN, USER } from "./schema.ts";
import type { Span } from "./source.ts";
import { hidden, plain, quoted, scalarText, spanAt, type Value } from "./value.ts";

const SHORTEST_TOKEN = 16;

export function buildAccess(given: Value | undefined, problems: Problems): AccessRules {
  const value = given && withHidden(given);
  if (!value) return { tokens: [], users: [] };
  checked(ACCESS, value, problems, { name: "access" });
  const tokens = each(TOKEN, value, { key: "tokens", problems }).flatMap(({ rule, at }) => {
    const { token, token_sha256: hash } = rule;
    if ((token === undefined) === (hash === undefined)) {
      problems.error(at, {
        code: "bad-value",
        message: `token "${rule.name}" needs \`token\` or \`token_sha256\`, and not both`,
        hint: "`maasochist token add NAME` makes one.",
      });
      return [];
    }
    return [{ ...grantOf(rule), sha256: hash ?? sha256(token ?? "") }];
  });
  const users = each(USER, value, { key: "users", problems }).map(({ rule }) => ({
    ...grantOf(rule),
    passwordHash: rule.password_hash,
  }));
  return { tokens, users };
}

export interface PlainToken extends Grant {
  readonly token: string;
}

/** The tokens that a valid `access:` holds as such, and not only as hashes: to try what MAAS will send. */
export function plainTokens(access: Value | undefined): PlainToken[] {
  const list = access?.kind === "map" ? access.entries.get("tokens")?.value : undefined;
  return (list?.kind === "list" ? list.items : []).flatMap((item) => {
    const { data } = TOKEN.safeParse(plain(item));
    return data?.token === undefined ? [] : [{ ...grantOf(data), token: data.token }];
  });
}

interface EachOptions {
  readonly key: "tokens" | "users";
  readonly problems: Problems;
}

/** The rules of a list, each checked by itself so that one mistake hides no other. */
function each<Rule extends Grant>(
  schema: z.ZodType<Rule>,
  access: Value,
  { key, problems }: EachOptions,
): { readonly rule: Rule; readonly at: Span }[] {
  const list = access.kind === "map" ? access.entries.get(key)?.value : undefined;
  const names = new Set<string>();
  return (list?.kind === "list" ? list.items : []).flatMap((item) => {
    const rule = checked(schema, item, problems, { name: key });
    checkGrant(item, names, problems);
    return rule ? [{ rule, at: item.at }] : [];
  });
}

function grantOf({ name, role, machines, from }: Grant): Grant {
  return { name, role, machines, from };
}

/** What a schema cannot tell, of a rule that may have other mistakes as well. */
function checkGrant(rule: Value, names: Set<string>, problems: Problems): void {
  if (rule.kind !== "map") return;
  const value = (key: string) => rule.entries.get(key)?.value;
  const name = scalarText(value("name"));
  if (name !== undefined && names.has(name)) {
    problems.error(spanAt(rule, ["name"]), {
      code: "twice",
      message: `${quoted(value("name") ?? rule)} is given twice`,
    });
  }
  if (name !== undefined) names.add(name);
  const token = value("token");
  const text = scalarText(token);
  if (token && text !== undefined) checkToken(text, token.at, problems);
  checkNetworks(value("from"), problems);
}

/** A list of networks and addresses, and of one word where it may stand there: complains of what is none of them. */
export function checkNetworks(list: Value | undefined, problems: Problems, word?: string): void {
  for (const network of list?.kind === "list" ? list.items : []) {
    const written = scalarText(network);
    if (written === undefined || written === word || isNetwork(written)) continue;
    problems.error(network.at, {
      code: "bad-network",
      message: `${quoted(network)} is no network`,
      hint: `Write 192.168.1.0/24, fd00::/8, ${word === undefined ? "" : `${word}, `}or one address.`,
    });
  }
}

const SECRET_KEYS: ReadonlySet<string> = new Set([...ACCESS_SECRETS, ...MAAS_SECRETS]);

/** `access:` or `maas:` with its credentials marked as secrets, however they are written. */
export function withHidden(value: Value): Value {
  if (value.kind === "list") return { ...value, items: value.items.map(withHidden) };
  if (value.kind === "scalar") return value;
  const entries = [...value.entries].map(
    ([key, entry]) =>
      [key, { ...entry, value: SECRET_KEYS.has(key) ? hidden(entry.value) : withHidden(entry.value) }] as const,
  );
  return { ...value, entries: new Map(entries) };
}

function checkToken(token: string, at: Span, problems: Problems): void {
  if (token.length < SHORTEST_TOKEN) {
    problems.error(at, {
      code: "token-short",
      message: `the token has fewer than ${SHORTEST_TOKEN} characters`,
      hint: "`maasochist token add NAME` makes a good one.",
    });
  } else if (!/^[A-Za-z0-9_]+$/.test(token)) {
    problems.warning(at, {
      code: "token-charset",
      message: "MAAS passes the token on a command line, where some of its characters are trouble",
      hint: "Use letters, digits and _ alone.",
    });
  }
}

function isNetwork(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  if (!/^\d+$/.test(prefix)) return false;
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 4 ? "ipv4" : "ipv6");
    return true;
  } catch {
    return false;
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
