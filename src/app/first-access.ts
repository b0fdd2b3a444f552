/** Who is let in at first, and what commands change of it later. */
import type { Configuration } from "../config/index.ts";
import { messageOf } from "../power/errors.ts";
import { type Credentials, generatedToken } from "../store/credentials.ts";
import type { StorePaths } from "../store/paths.ts";
import type { Disposers } from "./disposers.ts";
import { isLocalAddress } from "./listen.ts";
import type { Log } from "./log.ts";
import { StartError } from "./start-error.ts";

const LOOK_MS = 1_000;

/** What commands change counts within a second. A file that cannot be used is said once, and what was known goes on to count. */
export function watchCredentials(credentials: Credentials, log: Log, disposers: Disposers): void {
  let said: string | undefined;
  const look = () => {
    credentials.refresh();
    const { problem } = credentials;
    if (problem === said) return;
    said = problem;
    if (problem === undefined) log.info("the credentials file can be used again");
    else log.error({ problem }, "the credentials file cannot be used");
  };
  look();
  disposers.every(LOOK_MS, look);
}

/** With no credential configured one token is made and kept, and only this host may reach the daemon. */
export async function tokenIfNeeded(
  configuration: Configuration,
  credentials: Credentials,
  paths: StorePaths,
): Promise<string | undefined> {
  // Who stands in a damaged file nobody knows: that is no reason to let in somebody new.
  if (credentials.problem !== undefined) return undefined;
  const { access, server } = configuration;
  const made = credentials.rules.tokens.filter((known) => known.name !== "generated");
  if (access.tokens.length + access.users.length + made.length + credentials.rules.users.length > 0) return undefined;
  if (!server.listen.every(({ address }) => isLocalAddress(address))) {
    throw new StartError("no token and no user is configured, and the daemon is to listen beyond this host", {
      hint: "Make a token: maasochist token add maas --role maas. Or listen on 127.0.0.1 alone.",
      exitCode: 3,
    });
  }
  try {
    return await generatedToken(paths, credentials);
  } catch (error) {
    throw new StartError(`the first token cannot be kept beside ${paths.database}: ${messageOf(error)}`, {
      hint: "Make the folder writable for this account.",
      cause: error,
    });
  }
}
