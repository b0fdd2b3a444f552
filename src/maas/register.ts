/**
 * Registers machines in MAAS, and takes that back. A token is kept before MAAS is given it, and the one before is taken
 * away when MAAS has taken the new one: whatever breaks in between, the token that MAAS uses counts. Where it is not known
 * whether MAAS took it, both go on to count, and the next registration finds out which one MAAS has.
 */
import type { MaasClient } from "./client.ts";
import { MaasError } from "./maas-error.ts";
import { keptToken, type PlanItem } from "./plan.ts";
import type { MaasMachine } from "./shapes.ts";
import type { MachineTokens } from "./tokens.ts";
import { isOurs, tokenHash, webhookParameters } from "./webhook-parameters.ts";

export interface RegisterOptions {
  readonly client: MaasClient;
  readonly tokens: MachineTokens;
  /** Of machines that are created. */
  readonly architecture?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Does what was planned for one machine; undefined where there is nothing to do. Throws MaasError, and what the tokens throw. */
export async function registerMachine(item: PlanItem, options: RegisterOptions): Promise<MaasMachine | undefined> {
  const { tokens } = options;
  const { own, change, reach } = item;
  const { name } = own;
  const kept = keptToken(item, tokens);
  if (change.kind === "none" || change.kind === "refused" || !reach) {
    // What an interrupted registration left.
    if (change.kind === "none" && kept !== undefined && tokens.hashes(name).length > 1)
      await tokens.keepOnly(name, tokenHash(kept));
    return undefined;
  }
  const stays = change.kind === "update" && !change.parameters.includes("power_token") ? kept : undefined;
  const token = stays ?? (await tokens.add(name));
  const parameters = webhookParameters(reach.url, name, token);
  try {
    const taken = await send(item, parameters, options);
    await tokens.keepOnly(name, tokenHash(token));
    return taken;
  } catch (error) {
    if (stays === undefined && wasRefused(error)) await tokens.drop(name, tokenHash(token));
    throw error;
  }
}

function send(
  { own, match }: PlanItem,
  parameters: ReturnType<typeof webhookParameters>,
  { client, architecture, signal }: RegisterOptions,
): Promise<MaasMachine> {
  const settings = { powerType: "webhook", parameters };
  if (match.kind === "found") return client.updatePower(match.machine.system_id, settings, signal);
  if (own.mac === undefined || architecture === undefined)
    throw new MaasError("invalid", `${own.name} cannot be added without a MAC address and an architecture`);
  const [hostname = own.name] = (own.hostname ?? own.name).split(".", 1);
  return client.createMachine({ ...settings, architecture, macs: [own.mac], hostname }, signal);
}

/** Is it certain that MAAS did not take it? */
function wasRefused(error: unknown): boolean {
  return error instanceof MaasError && error.status !== undefined && error.status >= 400 && error.status < 500;
}

/** `absent`: MAAS does not have it; `foreign`: MAAS powers it in another way. */
export type Unregistered = "unregistered" | "absent" | "foreign";

/** Lets MAAS switch the machine by hand only, where it used our webhooks; its tokens count no more. Throws MaasError. */
export async function unregisterMachine(
  { own, match, kept }: PlanItem,
  { client, tokens, signal }: Pick<RegisterOptions, "client" | "tokens" | "signal">,
): Promise<Unregistered> {
  if (match.kind === "ambiguous") throw new MaasError("invalid", `${own.name}: ${match.reason}`);
  if (match.kind === "found" && match.machine.power_type === "webhook" && isOurs(kept)) {
    if (match.machine.locked)
      throw new MaasError("forbidden", `${own.name} is locked in MAAS`, { hint: "Unlock it there first." });
    await client.updatePower(match.machine.system_id, { powerType: "manual", parameters: {} }, signal);
    await tokens.forget(own.name);
    return "unregistered";
  }
  await tokens.forget(own.name);
  return match.kind === "found" ? "foreign" : "absent";
}
