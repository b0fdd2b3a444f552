import { useSyncExternalStore } from "react";
import type { Session } from "../api/types.ts";
import { type SignedIn, signedIn, whenSignedInChanges } from "./session.ts";

export function useSignedIn(): SignedIn {
  return useSyncExternalStore(whenSignedInChanges, signedIn);
}

/** Where somebody is signed in. */
export function useSession(): Session {
  const now = useSignedIn();
  if (now.kind !== "in") throw new Error("nobody is signed in");
  return now.session;
}
