/** Who looks at the pages, and what they may do. */
import { ApiError, ask, failureFrom, whenSignedOut } from "../api/client.ts";
import type { Failure, Session } from "../api/types.ts";

export type SignedIn =
  | { readonly kind: "asking" }
  | { readonly kind: "out" }
  /** Nobody could be asked. */
  | { readonly kind: "unknown"; readonly failure: Failure }
  | { readonly kind: "in"; readonly session: Session };

export type Credential = { readonly name: string; readonly password: string } | { readonly token: string };

const AGAIN_MS = 3_000;

let state: SignedIn = { kind: "asking" };
const listeners = new Set<() => void>();

function set(next: SignedIn): void {
  state = next;
  for (const listener of listeners) listener();
}

whenSignedOut(() => set({ kind: "out" }));

/** Asks who is signed in, and again until there is an answer. */
export async function askSession(): Promise<void> {
  try {
    set({ kind: "in", session: await ask<Session>("session") });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      set({ kind: "out" });
      return;
    }
    set({ kind: "unknown", failure: failureFrom(error) });
    setTimeout(() => void askSession(), AGAIN_MS);
  }
}

/** Throws ApiError when it is refused. */
export async function signIn(credential: Credential): Promise<void> {
  const session = await ask<Session>("session", { method: "POST", body: credential });
  set({ kind: "in", session });
}

/** Throws ApiError. */
export async function signOut(): Promise<void> {
  await ask<void>("session", { method: "DELETE" });
  set({ kind: "out" });
}

export function signedIn(): SignedIn {
  return state;
}

export function whenSignedInChanges(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
