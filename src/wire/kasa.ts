/**
 * Finds out how a TP-Link plug wants to be spoken to. Both protocols are asked at once where it is not said which: neither
 * port proves anything by being open, for old plugs have something on 80 and new ones on 9999. Firmware changes a plug's
 * protocol, and so does a switch in the app; so it is asked anew for each connection.
 */
import { PowerError } from "../power/errors.ts";
import { type KasaSelf, kasaSelf } from "./kasa-discovery.ts";
import { iotPlug } from "./kasa-iot.ts";
import { legacyLine } from "./kasa-legacy.ts";
import type { KasaPlug } from "./kasa-plug.ts";
import { smartPlug } from "./kasa-smart.ts";
import { type KlapAccount, type KlapLine, openKlap } from "./klap.ts";

export const KASA_PROTOCOLS = ["auto", "legacy", "klap"] as const;

export interface KasaSettings {
  readonly host: string;
  readonly protocol: (typeof KASA_PROTOCOLS)[number];
  readonly legacyPort: number;
  readonly klapPort: number;
  readonly discoveryPort: number;
  readonly account: KlapAccount | undefined;
}

/** How long one of several ways may be silent before it is taken for none (ms). */
const PATIENCE_MS = 2_000;

const COMPATIBILITY =
  "In the Tapo or Kasa app: Me > Third-Party Services > Third-Party Compatibility (in older ones Me > Tapo Lab). Switch it on; if it is on, switch it off and on again, which each new plug and each new firmware needs.";
const NEWER_FIRMWARE = "Update its firmware in the Tapo or Kasa app: newer ones speak KLAP.";

/** Throws PowerError. */
export async function openKasa(settings: KasaSettings, signal: AbortSignal): Promise<KasaPlug> {
  switch (settings.protocol) {
    case "legacy":
      return openLegacy(settings, signal);
    case "klap":
      return openNew(settings, signal);
    case "auto":
      return openEither(settings, signal);
    default:
      return settings.protocol satisfies never;
  }
}

async function openEither(settings: KasaSettings, signal: AbortSignal): Promise<KasaPlug> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const legacy = forAWhile(until, (brief) => openLegacy(settings, brief));
  try {
    return await Promise.any([openNew(settings, until), legacy]);
  } catch (error) {
    throw error instanceof AggregateError ? mostTelling(error.errors.map((each) => PowerError.from(each))) : error;
  } finally {
    over.abort();
  }
}

/** A plug that says no tells more than one that says nothing. */
function mostTelling(failures: readonly PowerError[]): PowerError {
  const spoken = failures.find(({ code }) => code !== "unreachable" && code !== "timeout");
  const [first, second] = failures;
  if (spoken || !first || !second) return spoken ?? PowerError.from(first);
  const { code } = failures.find((failure) => failure.code === "timeout") ?? first;
  return new PowerError(code, `${first.message}; ${second.message}`, { cause: first });
}

function openLegacy({ host, legacyPort: port }: KasaSettings, signal: AbortSignal): Promise<KasaPlug> {
  return iotPlug(legacyLine({ host, port }), signal);
}

async function openNew(settings: KasaSettings, signal: AbortSignal): Promise<KasaPlug> {
  const { host, klapPort: port, discoveryPort, account } = settings;
  const asked = kasaSelf({ host, port: discoveryPort }, signal).catch(() => undefined);
  const line = await openKlap({ host, port, account, signal }).catch(async (error: unknown) => {
    throw explained(PowerError.from(error), await asked);
  });
  return inItsDialect(line, await asked, signal);
}

/** The first version's plugs speak Kasa's dialect, most of the second's Tapo's; where it says what it is, that counts. */
async function inItsDialect(line: KlapLine, self: KasaSelf | undefined, signal: AbortSignal): Promise<KasaPlug> {
  const iot = self?.type === undefined ? line.version === 1 : self.type.startsWith("IOT.");
  const [open, other] = iot ? [iotPlug, smartPlug] : [smartPlug, iotPlug];
  if (self?.type !== undefined) return open(line, signal);
  try {
    return await forAWhile(signal, (brief) => open(line, brief));
  } catch (error) {
    if (signal.aborted) throw error;
    return other(line, signal);
  }
}

/** Work whose signal also aborts when the patience is over. */
async function forAWhile<T>(signal: AbortSignal, work: (brief: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), PATIENCE_MS);
  try {
    return await work(AbortSignal.any([signal, over.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** What it tells of itself, added to how it failed. */
function explained(failure: PowerError, self: KasaSelf | undefined): PowerError {
  const { code, message } = failure;
  if (code === "auth" || code === "timeout") return failure;
  const because = (why: string, hint: string) => new PowerError(code, `${message}: ${why}`, { cause: failure, hint });
  if (self?.encryption === "TPAP") return because("its firmware speaks TPAP, as TP-Link's own apps do", COMPATIBILITY);
  if (self?.encryption === "AES") return because("its firmware speaks AES, which is not supported", NEWER_FIRMWARE);
  return code === "refused" ? because("Third-Party Compatibility is off", COMPATIBILITY) : failure;
}
