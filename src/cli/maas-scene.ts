/** What `maas` commands work with: the configuration's machines, MAAS behind its API, the tokens of machines. */
import type { MaasAccess } from "../app/maas-access.ts";
import { ownMachines } from "../app/own-machines.ts";
import type { MaasClient } from "../maas/client.ts";
import type { OwnMachine } from "../maas/match.ts";
import { type PlanItem, type PlanOptions, planMachines } from "../maas/plan.ts";
import { type Network, type Reach, reaches, reachFor } from "../maas/reach.ts";
import type { MaasUser } from "../maas/shapes.ts";
import type { MachineTokens } from "../maas/tokens.ts";
import { matchesPattern } from "../power/names.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { openCredentials } from "./credentials.ts";
import { EXIT } from "./exit-codes.ts";
import { loadValid } from "./load.ts";
import { locateStore } from "./locate.ts";
import { maasAccess, openMaas } from "./maas-access.ts";
import { machineTokens } from "./maas-tokens.ts";
import { daemonUrls } from "./maas-urls.ts";
import { unknownMachine } from "./select.ts";

export interface MaasScene extends AsyncDisposable {
  readonly access: MaasAccess;
  readonly client: MaasClient;
  readonly version: string;
  readonly user: MaasUser;
  readonly network: Network;
  readonly tokens: MachineTokens;
  /** Every machine of the configuration. */
  readonly own: readonly OwnMachine[];
  /** What registering these would change. */
  plan(own: readonly OwnMachine[], options?: Pick<PlanOptions, "replace" | "create" | "rotate">): Promise<PlanItem[]>;
  /** The address for machines that MAAS does not have. */
  readonly reach: Reach | undefined;
}

/** Throws CliError, and MaasError where MAAS cannot be asked. */
export async function openScene(cli: Cli, signal: AbortSignal): Promise<MaasScene> {
  const configuration = await loadValid(cli);
  const { paths } = await locateStore(cli);
  const access = maasAccess({ maas: configuration.maas, paths, env: cli.terminal.env });
  const tokens = machineTokens(await openCredentials(cli));
  const urls = await daemonUrls(cli, configuration);
  const client = await openMaas(cli, access);
  try {
    const { version } = await client.version(signal);
    const user = await client.whoAmI(signal);
    requireAdministrator(user, version);
    const network = { racks: await client.rackControllers(signal), subnets: await client.subnets(signal) };
    return {
      access,
      client,
      version,
      user,
      network,
      tokens,
      own: ownMachines(configuration),
      reach: reachFor(reaches(urls, network)),
      plan: (own, options = {}) => planMachines({ client, own, urls, network, tokens, signal, ...options }),
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}

/** From 3.8 on a right to edit machines can be given without being an administrator; MAAS itself says who has it. */
export function requireAdministrator({ username, is_superuser: isAdmin }: MaasUser, version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (isAdmin || major > 3 || minor >= 8) return;
  throw new CliError(`the API key is that of ${username}, who is no administrator of MAAS`, {
    exitCode: EXIT.denied,
    code: "maas_forbidden",
    hint: "Only an administrator may see and change power settings: use a key of one.",
  });
}

/** Those that the names and patterns mean; all of them where none is given. Throws CliError for a name that there is not. */
export function selectOwn(own: readonly OwnMachine[], names: readonly string[]): readonly OwnMachine[] {
  const known = own.map(({ name }) => name);
  for (const name of names)
    if (!known.some((machine) => matchesPattern(name, machine))) throw unknownMachine(name, known);
  return names.length === 0 ? own : own.filter(({ name }) => names.some((pattern) => matchesPattern(pattern, name)));
}
