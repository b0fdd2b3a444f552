/** Settings of drivers that log in by SSH, and what can be wrong with them. */
import { z } from "zod";
import { choice, port, secret, text } from "./fields.ts";
import { type Finding, mistake } from "./finding.ts";
import { HOST_KEY_RULES } from "./ssh-host-key.ts";
import { keyProblem } from "./ssh-login.ts";

export const sshFields = {
  port: port("SSH port").default(22),
  user: text("User to log in as"),
  password: secret("Password of the user; also typed where the machine asks for it").optional(),
  key: secret("Private key as text, so `!file id_ed25519`").optional(),
  passphrase: secret("Opens the key, where it is encrypted").optional(),
  agent: z
    .union([z.literal(true), z.string().min(1, "must not be empty")])
    .optional()
    .describe("Use an agent's keys: its socket, or true for that in SSH_AUTH_SOCK"),
  host_key: choice(
    HOST_KEY_RULES,
    "Which host key is the machine's: one in known_hosts, that of the first login, or any",
  ).default("known"),
  known_hosts: text("File of known host keys, in place of ~/.ssh/known_hosts and the system's").optional(),
};

export function sshFindings(login: Omit<z.output<z.ZodObject<typeof sshFields>>, "user">): Finding[] {
  const findings: Finding[] = [];
  if (!login.password && !login.key && login.agent === undefined)
    findings.push(mistake("user", "nothing proves who it is: give `key`, `password` or `agent`"));
  const problem = login.key && keyProblem(login.key.reveal(), login.passphrase !== undefined);
  if (problem !== undefined) findings.push(mistake("key", problem));
  if (login.passphrase && !login.key) findings.push(mistake("passphrase", "there is no `key` that it would open"));
  if (login.known_hosts !== undefined && login.host_key !== "known")
    findings.push(mistake("known_hosts", "is read only with `host_key: known`"));
  if (login.known_hosts !== undefined && !/^(?:~?\/|[A-Za-z]:[\\/])/.test(login.known_hosts))
    findings.push(mistake("known_hosts", "must be a full path, or begin with ~/"));
  if (login.host_key === "any" && login.password)
    findings.push({
      key: "host_key",
      problem: "with `any` the password goes to whoever has the address; use `key` or `agent`, or `known` or `first`",
      severity: "warning",
      code: "password-to-any",
    });
  return findings;
}
