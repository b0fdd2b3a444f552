/** Tokens and users, for admins who see every machine: those of others could do more than they may themselves. */
import { z } from "zod";
import { type Grant, ROLES } from "../power/access.ts";
import { messageOf, PowerError } from "../power/errors.ts";
import { AccessError } from "./access-error.ts";
import { accessEvent } from "./access-services.ts";
import type { ApiServices, App } from "./api-services.ts";
import { BadRequest } from "./bad-request.ts";
import { isNetwork } from "./networks.ts";
import { hashPassword, SHORTEST_PASSWORD } from "./password.ts";
import type { Principal } from "./principal.ts";
import { addRoute } from "./route.ts";

type Kind = "tokens" | "users";

/** The token that the daemon makes by itself on its first start is called so. */
const GENERATED = "generated";
const WHAT = { tokens: "token", users: "user" } as const satisfies Record<Kind, string>;

const NAME = z
  .string()
  .regex(/^[\w.@-]{1,64}$/, "must be letters, digits, dots, dashes, @ and underscores, 64 at most")
  .describe("Shown in the journal");

const GRANT = z.strictObject({
  name: NAME,
  role: z.enum(ROLES),
  machines: z.array(z.string().min(1).max(256)).max(1_000).default(["*"]).describe("Names, or patterns with *"),
  from: z
    .array(z.string().refine(isNetwork, "must be a network such as 192.168.1.0/24, or an address"))
    .max(1_000)
    .default([])
    .describe("Where it may be used from; empty: anywhere"),
});

const LISTED = z
  .object({
    name: z.string(),
    role: z.enum(ROLES),
    machines: z.array(z.string()),
    from: z.array(z.string()),
    origin: z.enum(["configuration", "made"]).describe("Those of the configuration are changed there"),
  })
  .meta({ id: "Credential" });

const NAMED = z.object({ name: z.string().max(256) });
const TOKEN_MADE = z.object({
  name: z.string(),
  role: z.enum(ROLES),
  token: z.string().describe("Told once: only its hash is kept"),
});
const USER_MADE = z.object({ name: z.string(), role: z.enum(ROLES) });

export function credentialRoutes(app: App, services: ApiServices): void {
  const { access, clock } = services;
  const { credentials, configured, note } = access;
  const kept = (principal: Principal, what: string): void =>
    note(accessEvent("access:changed", { actor: principal.actor, at: clock.now(), what }));
  const list = (kind: Kind): z.output<typeof LISTED>[] => [
    ...shown(configured()[kind], "configuration"),
    ...shown(credentials.rules[kind], "made"),
  ];
  const refuseTaken = (kind: Kind, name: string): void => {
    if (name === GENERATED || list(kind).some((known) => known.name === name))
      throw new BadRequest(`there is a ${WHAT[kind]} "${name}" already; take another name, or revoke it first`);
  };

  for (const kind of ["tokens", "users"] as const) {
    addRoute(app, services, {
      method: "GET",
      path: `/api/v1/${kind}`,
      tag: "access",
      right: "configure",
      summary: `The ${kind} that there are`,
      answer: z.object({ [kind]: z.array(LISTED) }),
      handle: ({ principal }) => {
        refuseLimited(principal);
        return { [kind]: list(kind) };
      },
    });

    addRoute(app, services, {
      method: "DELETE",
      path: `/api/v1/${kind}/:name`,
      tag: "access",
      right: "configure",
      summary: `Revoke a ${WHAT[kind]}`,
      description: "It counts no more from the next request on; sessions that were opened with it end.",
      params: NAMED,
      answer: z.null(),
      notOk: true,
      also: { 204: "Revoked" },
      fails: ["config"],
      absent: `There is no ${WHAT[kind]} of that name, or it stands in the configuration.`,
      handle: async ({ params: { name }, principal, reply }) => {
        refuseLimited(principal);
        if (!(await stored(credentials.revoke(kind, name)))) throw notMade(WHAT[kind], name);
        kept(principal, `${WHAT[kind]} ${name} was revoked`);
        return reply.code(204).send();
      },
    });
  }

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/tokens",
    tag: "access",
    right: "configure",
    summary: "Make a token",
    body: GRANT,
    fails: ["config"],
    answer: TOKEN_MADE,
    notOk: true,
    also: { 201: "Made" },
    handle: async ({ body: grant, principal, reply }) => {
      refuseLimited(principal);
      refuseTaken("tokens", grant.name);
      const token = await stored(credentials.addToken(grant));
      const { name, role } = grant;
      kept(principal, `token ${name} was added, ${role}`);
      return reply.code(201).header("Cache-Control", "no-store").send({ name, role, token });
    },
  });

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/users",
    tag: "access",
    right: "configure",
    summary: "Make a user",
    body: GRANT.extend({
      password: z.string().min(SHORTEST_PASSWORD).max(1_024).describe("Kept only as a hash"),
    }),
    fails: ["config"],
    answer: USER_MADE,
    notOk: true,
    also: { 201: "Made" },
    handle: async ({ body: { password, ...grant }, principal, reply }) => {
      refuseLimited(principal);
      refuseTaken("users", grant.name);
      await stored(credentials.addUser({ ...grant, passwordHash: await hashPassword(password) }));
      const { name, role } = grant;
      kept(principal, `user ${name} was added, ${role}`);
      return reply.code(201).send({ name, role });
    },
  });
}

function shown(grants: readonly Grant[], origin: "configuration" | "made"): z.output<typeof LISTED>[] {
  return grants.map(({ name, role, machines, from }) => ({
    name,
    role,
    machines: [...machines],
    from: [...from],
    origin,
  }));
}

function refuseLimited(principal: Principal): void {
  if (principal.seesAll) return;
  throw new AccessError("forbidden", `${principal.actor.name} may not see every machine, and so not say who may`);
}

/** What became of a change; a file that cannot be used is no fault of the program. */
async function stored<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    throw new PowerError("config", messageOf(error), { hint: "Nothing was changed. Mend the file.", cause: error });
  }
}

function notMade(what: string, name: string): PowerError {
  return new PowerError("not_found", `no ${what} "${name.slice(0, 80)}" was made here`, {
    status: 404,
    hint: "Those of the configuration are changed there.",
  });
}
