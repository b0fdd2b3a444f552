/** Signing in to a page, and out of it. */
import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { ROLES } from "../power/access.ts";
import { AccessError } from "./access-error.ts";
import { accessEvent } from "./access-services.ts";
import type { ApiServices, App } from "./api-services.ts";
import { refuseForeignPage } from "./foreign-page.ts";
import type { Principal } from "./principal.ts";
import { addOpenRoute, addRoute } from "./route.ts";
import type { Sessions } from "./sessions.ts";

const LONGEST = 1_024;

const SESSION = z
  .object({
    actor: z.object({
      id: z.string().describe("As in orders and events: user:anna"),
      name: z.string(),
      role: z.enum(ROLES),
      kind: z.enum(["user", "token", "local"]).describe("What it was known by"),
    }),
    can: z.object({
      order: z.boolean().describe("Switch machines"),
      configure: z.boolean().describe("Reload, and change who may do what"),
      force: z.boolean().describe("Pass protection"),
    }),
    version: z.string().describe("Of the daemon"),
  })
  .meta({ id: "Session", description: "Who asks, and what it may do" });

/** A user and password, or a token; an object of its own, so that a body with both is refused. */
const SIGN_IN = z
  .strictObject({
    name: z.string().min(1).max(LONGEST).optional(),
    password: z.string().min(1).max(LONGEST).optional(),
    token: z.string().min(1).max(LONGEST).optional(),
  })
  .refine(({ name, password, token }) => (token === undefined) === (name !== undefined && password !== undefined), {
    message: "give name and password, or token",
  });

export function sessionRoutes(app: App, services: ApiServices): void {
  const { access, clock } = services;
  const { sessions, note, version } = access;
  const shape = (principal: Principal): z.output<typeof SESSION> => {
    const { id, name, role } = principal.actor;
    const configure = principal.may("configure");
    return {
      actor: { id, name, role, kind: principal.kind },
      can: { order: principal.may("order"), configure, force: configure },
      version,
    };
  };

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/session",
    tag: "access",
    right: "read",
    summary: "Who asks, and what it may do",
    answer: SESSION,
    handle: ({ principal }) => shape(principal),
  });

  addOpenRoute(app, {
    method: "POST",
    path: "/api/v1/session",
    tag: "access",
    summary: "Sign in to a page",
    description:
      "Answers with a cookie. Whatever else than GET is asked with it must carry the header `X-MSO-Request: 1`. Scripts need no session: they send their token.",
    body: SIGN_IN,
    answer: SESSION,
    refuses: ["unauthenticated", "forbidden_network", "forbidden", "throttled"],
    handle: async ({ body: { name, password, token }, request, reply }) => {
      refuseForeignPage(request.raw);
      const typed = token === undefined ? { name: name ?? "", password: password ?? "" } : { token };
      const { principal, cookie } = await sessions.open(request.raw, typed);
      const from = principal.address();
      const what = `signed in${from === "" ? "" : ` from ${from}`}`;
      note(accessEvent("session:opened", { actor: principal.actor, at: clock.now(), what }));
      void reply.header("Set-Cookie", cookie).header("Cache-Control", "no-store");
      return shape(principal);
    },
  });

  addOpenRoute(app, {
    method: "DELETE",
    path: "/api/v1/session",
    tag: "access",
    summary: "Sign out",
    description: "Ends the session whose cookie is sent. There need not be any.",
    answer: z.null(),
    notOk: true,
    also: { 204: "Signed out" },
    refuses: ["forbidden"],
    handle: ({ request, reply }) => {
      const principal = leaving(sessions, request.raw);
      const cookie = sessions.end(request.raw);
      if (principal)
        note(accessEvent("session:ended", { actor: principal.actor, at: clock.now(), what: "signed out" }));
      return reply.code(204).header("Set-Cookie", cookie).send();
    },
  });
}

/** Who signs out; undefined where the session is over already. Throws AccessError where no page of ours asks. */
function leaving(sessions: Sessions, request: IncomingMessage): Principal | undefined {
  try {
    return sessions.principal(request);
  } catch (error) {
    if (error instanceof AccessError && error.kind === "unauthenticated") return undefined;
    throw error;
  }
}
