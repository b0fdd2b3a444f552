import { connect } from "./connection.ts";
import { askSession, signedIn, whenSignedInChanges } from "./session.ts";
import { forget } from "./store.ts";

/**
 * Asks who is signed in, and follows the daemon unless that is nobody: nothing of one caller is shown to the next. Most
 * who come are signed in, so it does not wait for the answer.
 */
export function followSession(): void {
  let end: (() => void) | undefined;
  const look = () => {
    const { kind } = signedIn();
    if (kind === "in" || kind === "asking") end ??= connect();
    else if (end) {
      end();
      end = undefined;
      forget();
    }
  };
  whenSignedInChanges(look);
  void askSession();
  look();
}
