/** Tokens of machines, among the credentials that commands made: one for each machine that MAAS switches. */
import type { MachineTokens } from "../maas/tokens.ts";
import type { Credentials } from "../store/credentials.ts";

/** With a colon: `token add` makes none of this name. */
function tokenName(machine: string): string {
  return `maas:${machine}`;
}

export function machineTokens(credentials: Credentials): MachineTokens {
  const ofMachine = (machine: string) =>
    credentials.rules.tokens.filter(({ name }) => name === tokenName(machine)).map(({ sha256 }) => sha256);
  return {
    hashes: ofMachine,
    add: (machine) =>
      credentials.addAnotherToken({ name: tokenName(machine), role: "maas", machines: [machine], from: [] }),
    keepOnly: (machine, sha256) => credentials.keepTokens(tokenName(machine), (token) => token.sha256 === sha256),
    drop: (machine, sha256) => credentials.keepTokens(tokenName(machine), (token) => token.sha256 !== sha256),
    forget: (machine) => credentials.revoke("tokens", tokenName(machine)),
  };
}
