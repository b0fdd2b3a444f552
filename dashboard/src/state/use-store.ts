import { useSyncExternalStore } from "react";
import { current, listen, type State } from "./store.ts";

/** A part of what is known of the daemon; the component shows it anew when that part is another one. */
export function useStore<T>(part: (state: State) => T): T {
  return useSyncExternalStore(listen, () => part(current()));
}
