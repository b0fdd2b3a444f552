/** What an SNMP agent's errors, and its silence, mean for whoever wants power switched. */
import { type ErrorCode, messageOf, PowerError } from "../power/errors.ts";

type Library = typeof import("net-snmp");
type Version = "1" | "2c" | "3";

const COMMUNITIES =
  "An agent does not answer a wrong community: check `community` and `write_community`, whether SNMP is switched on there and lets this host in, and the address.";

export const SILENCE_HINT: Readonly<Record<Version, string>> = {
  "1": COMMUNITIES,
  "2c": COMMUNITIES,
  "3": "Check the address, whether SNMP version 3 is switched on there and lets this host in, and the user's passwords and protocols: not every agent says that they are wrong.",
};

const REFUSED_HINT = "Check `write_community`, or what this user may write there; and that the outlet is not locked.";
export const NOWHERE_HINT = "Check `outlet`, and whether the device is what it is configured to be.";
const AUTH_HINT =
  "Check `user`, `auth`, `priv` and their protocols; both passwords have to be set for that user there.";

/** Where it knows more than that it is one. */
export interface Circumstances {
  readonly library: Library;
  readonly agent: string;
  readonly acts: boolean;
  /** Had the first datagram left before this failure? */
  readonly sent: boolean;
  /** Came in place of an answer. */
  readonly rubbish: Error | undefined;
  readonly tries: number;
  readonly version: Version;
}

/** What failed; `none` where nothing did: there is no such thing to read. */
export function answerFailure(thrown: unknown, about: Circumstances): PowerError | "none" {
  if (thrown instanceof PowerError) return thrown;
  const { library, agent, acts, sent, rubbish, tries, version } = about;
  const failure = (
    code: ErrorCode,
    message: string,
    { acted = false, hint }: { acted?: boolean; hint?: string } = {},
  ) =>
    new PowerError(code, message, { cause: thrown, mayHaveActed: acts && acted, ...(hint !== undefined && { hint }) });
  if (thrown instanceof library.RequestFailedError) return said(thrown.status, about, failure);
  if (thrown instanceof library.ResponseInvalidError) {
    // The agent threw the message away, and said why (RFC 3414, 3.2).
    return thrown.code === library.ResponseInvalidCode.EAuthFailure
      ? failure("auth", `${agent} refuses the user: ${messageOf(thrown)}`, { hint: AUTH_HINT })
      : failure("protocol", `${agent} is not understood: ${messageOf(thrown)}`, { acted: true });
  }
  if (thrown instanceof Error && thrown.name === "RequestTimedOutError") {
    return rubbish
      ? failure("protocol", `what answers in place of ${agent} speaks no SNMP`, { acted: true })
      : failure("unreachable", `${agent} does not answer${tries > 1 ? `, asked ${tries} times` : ""}`, {
          acted: true,
          hint: SILENCE_HINT[version],
        });
  }
  return failure("unreachable", `${agent} cannot be asked: ${messageOf(thrown)}`, { acted: sent });
}

function said(
  status: number,
  { library: { ErrorStatus }, agent, acts }: Circumstances,
  failure: (code: ErrorCode, message: string, more?: { acted?: boolean; hint?: string }) => PowerError,
): PowerError | "none" {
  const words = `${agent} says ${ErrorStatus[status] ?? `error ${status}`}`;
  switch (status) {
    case ErrorStatus.NoSuchName:
      return acts ? failure("refused", words, { hint: REFUSED_HINT }) : "none";
    case ErrorStatus.ReadOnly:
    case ErrorStatus.NoAccess:
    case ErrorStatus.NotWritable:
    case ErrorStatus.AuthorizationError:
    case ErrorStatus.InconsistentValue:
      return failure("refused", words, { hint: REFUSED_HINT });
    case ErrorStatus.NoCreation:
    case ErrorStatus.InconsistentName:
      return failure("not_found", words, { hint: NOWHERE_HINT });
    case ErrorStatus.ResourceUnavailable:
      return failure("busy", words);
    // It got as far as trying.
    case ErrorStatus.GeneralError:
    case ErrorStatus.CommitFailed:
    case ErrorStatus.UndoFailed:
      return failure("refused", words, { acted: true });
    default:
      return failure("refused", words);
  }
}
