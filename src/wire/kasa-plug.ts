/** A TP-Link plug or strip, whatever it is asked over and in whichever of the two dialects. */
import type { Identity, Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";

export interface KasaSocket {
  /** Undefined for a plug's only one. */
  readonly id: string | undefined;
  /** As printed on a strip: counted from 1. */
  readonly number: number;
  /** As given in the app. */
  readonly name: string;
  /** Closed: current flows. */
  readonly closed: boolean;
}

/** Every function throws PowerError; `turn` with `mayHaveActed` where the command may have arrived. */
export interface KasaPlug {
  identify(signal: AbortSignal): Promise<Identity>;
  /** All of them, in the order of their numbers. */
  sockets(signal: AbortSignal): Promise<readonly KasaSocket[]>;
  turn(socket: KasaSocket, closed: boolean, signal: AbortSignal): Promise<void>;
  /** Throws `unsupported` where there is no meter. */
  watts(socket: KasaSocket, signal: AbortSignal): Promise<number>;
  /** What its own settings do to the socket against us. */
  examine(socket: KasaSocket, signal: AbortSignal): Promise<readonly Trap[]>;
}

/** A timer or schedule of the app that acts behind our back. */
export function kasaTimer(problem: string, what: string): Trap {
  return { kind: "timer", problem, mend: `In the Kasa or Tapo app: switch ${what} off for it.` };
}

/** The socket of that number, name or id. Throws PowerError `not_found`, also where a strip's socket is not named. */
export function socketOf(sockets: readonly KasaSocket[], outlet: string | number | undefined): KasaSocket {
  const found = sockets.filter(
    ({ number, name, id }) =>
      (outlet === undefined && id === undefined) ||
      String(outlet) === String(number) ||
      outlet === name ||
      outlet === id,
  );
  const [socket, ...others] = found;
  if (socket && others.length === 0) return socket;
  const known = clip(sockets.map(({ number, name }) => `${number} (${name})`).join(", "));
  const problem =
    outlet === undefined
      ? "it is a strip of several sockets"
      : socket
        ? `several of its sockets are called ${outlet}`
        : `it has no socket ${outlet}`;
  throw new PowerError("not_found", problem, { hint: `Name one by \`outlet\`: ${known}.` });
}

export function noMeter(host: string): PowerError {
  return new PowerError("unsupported", `${host} has no meter`, {
    hint: "Leave out `above`, and give the machine a `query` that tells whether it runs.",
  });
}
