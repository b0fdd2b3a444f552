/**
 * From nothing to a connection that an MQTT broker accepted, with every way to fail told apart.
 *
 * MQTT 5 is spoken where the broker speaks it: it tells when nobody listens on a topic, and lets a command that waits for
 * a device that is gone expire. Else it is 3.1.1. https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html
 */
import { randomBytes } from "node:crypto";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { MqttClient } from "mqtt";
import { messageOf, PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { abortCode } from "./abort.ts";
import { pinMismatch } from "./http.ts";
import { CONNECT_TIMEOUT_MS, codeOf, notConnected } from "./http-failure.ts";

/** A broker that says nothing for one and a half times as long is gone (s). */
const KEEPALIVE_S = 15;

export const MQTT_VERSIONS = ["auto", "5", "3.1.1"] as const;

export interface BrokerTls {
  /** PEM texts: authorities to trust instead of the system's, and the certificate with its key that we show. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: Secret | undefined;
  /** SHA-256 of the one certificate to accept, hex. */
  readonly pin?: string | undefined;
  /** Accept any certificate. */
  readonly insecure?: boolean | undefined;
}

export interface BrokerSettings {
  readonly host: string;
  readonly port: number;
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly tls?: BrokerTls | undefined;
  /** Absent: a new one for each connection. */
  readonly clientId?: string | undefined;
  readonly version: (typeof MQTT_VERSIONS)[number];
}

type Level = 4 | 5;
const LEVELS: Readonly<Record<BrokerSettings["version"], readonly Level[]>> = { auto: [5, 4], "5": [5], "3.1.1": [4] };
const VERSION_OF: Readonly<Record<Level, string>> = { 4: "3.1.1", 5: "5" };

/** Codes of CONNACK, of MQTT 3.1.1 (3.2.2.3) and 5 (3.2.2.2). */
const CONNACK = {
  version: [1, 132],
  clientId: [2, 133],
  credentials: [4, 5, 134, 135, 138, 140],
  unavailable: [3, 136, 137, 151, 159],
} as const;

/** As it is called in messages. */
export function brokerName({ host, port }: Pick<BrokerSettings, "host" | "port">): string {
  return `broker ${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** A client that never connects again by itself. Throws PowerError: unreachable, timeout, busy, auth, wrong_device, protocol, config. */
export async function connectBroker(settings: BrokerSettings, signal: AbortSignal): Promise<MqttClient> {
  const levels = LEVELS[settings.version];
  for (const level of levels) {
    const client = await attempt(settings, level, signal);
    if (client) return client;
  }
  throw new PowerError(
    "protocol",
    `${brokerName(settings)} does not speak MQTT ${levels.map((level) => VERSION_OF[level]).join(" or ")}`,
    { hint: "Set `version: auto`, or the version that it speaks." },
  );
}

/** Undefined where the broker does not speak this version. */
async function attempt(settings: BrokerSettings, level: Level, signal: AbortSignal): Promise<MqttClient | undefined> {
  // Loaded here, so that only those who use it pay for it.
  const { MqttClient } = await import("mqtt");
  const socket = await openSocket(settings, signal);
  const client = new MqttClient(() => socket, {
    protocolId: "MQTT",
    protocolVersion: level,
    clientId: settings.clientId ?? `maasochist-${randomBytes(6).toString("hex")}`,
    clean: true,
    keepalive: KEEPALIVE_S,
    reconnectPeriod: 0,
    timerVariant: "native",
    ...(settings.user !== undefined && { username: settings.user }),
    ...(settings.password && { password: settings.password.reveal() }),
  });
  // Its `close` follows.
  client.on("error", () => undefined);
  try {
    await accepted(client, settings, signal);
    return client;
  } catch (thrown) {
    client.end(true);
    socket.destroy();
    if (isCode(thrown, CONNACK.version)) return undefined;
    throw refusal(thrown, settings);
  }
}

/** Rejects with what the library or the socket says, or with a PowerError. */
async function accepted(client: MqttClient, settings: BrokerSettings, signal: AbortSignal): Promise<void> {
  let stop = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      stop = () =>
        reject(new PowerError(abortCode(signal), `${brokerName(settings)} did not let us in within its time`));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
      client.once("connect", () => resolve());
      client.on("error", reject);
      client.on("close", () =>
        reject(
          new PowerError("unreachable", `${brokerName(settings)} closed the connection instead of letting us in`, {
            hint: settings.tls
              ? "Is this the port for TLS, and does the broker want a client certificate? Its log tells."
              : "Does this port want TLS? Then set `tls: true`. An old broker may need `version: 3.1.1`. Its log tells.",
          }),
        ),
      );
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Is it a refusal by CONNACK with one of these codes? */
function isCode(thrown: unknown, codes: readonly number[]): boolean {
  return (
    typeof thrown === "object" && thrown !== null && "code" in thrown && codes.some((code) => code === thrown.code)
  );
}

function refusal(thrown: unknown, settings: BrokerSettings): PowerError {
  if (thrown instanceof PowerError) return thrown;
  const name = brokerName(settings);
  if (isCode(thrown, CONNACK.credentials)) {
    return new PowerError(
      "auth",
      `${name} refuses ${settings.user === undefined ? "us" : `the user ${settings.user}`}`,
      {
        cause: thrown,
        hint: "Check `user`, `password` and the client certificate, and whom the broker lets in.",
      },
    );
  }
  if (isCode(thrown, CONNACK.clientId)) {
    return new PowerError("config", `${name} refuses our client id`, {
      cause: thrown,
      hint: "Set `client_id` to one that it takes.",
    });
  }
  if (isCode(thrown, CONNACK.unavailable))
    return new PowerError("busy", `${name} has no room for us now: ${messageOf(thrown)}`, { cause: thrown });
  return socketFailure(thrown, settings);
}

function openSocket(settings: BrokerSettings, signal: AbortSignal): Promise<Socket> {
  const { host, port, tls } = settings;
  return new Promise((resolve, reject) => {
    const late = () =>
      fail(
        new PowerError(
          "unreachable",
          `${brokerName(settings)} cannot be connected to within ${CONNECT_TIMEOUT_MS / 1_000} s`,
        ),
      );
    const stop = () =>
      fail(new PowerError(abortCode(signal), `${brokerName(settings)} could not be connected to in time`));
    const timer = setTimeout(late, CONNECT_TIMEOUT_MS);
    const socket = tls
      ? connectTls({
          host,
          port,
          // An address has no name to send.
          ...(/[a-z]/i.test(host) && !host.includes(":") && { servername: host }),
          rejectUnauthorized: !(tls.insecure === true || tls.pin !== undefined),
          ...(tls.ca !== undefined && { ca: tls.ca }),
          ...(tls.cert !== undefined && { cert: tls.cert }),
          ...(tls.key && { key: tls.key.reveal() }),
        })
      : connectTcp({ host, port });
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      socket.off("error", onError);
    };
    const fail = (error: PowerError) => {
      over();
      // It may fail once more while it is taken down.
      socket.on("error", () => undefined);
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error) => fail(socketFailure(error, settings));
    socket.on("error", onError);
    socket.once(tls ? "secureConnect" : "connect", () => {
      const mismatch = tls?.pin === undefined ? undefined : pinMismatch(socket, tls.pin);
      if (mismatch) {
        const { code, message, hint } = mismatch;
        fail(new PowerError(code, `${brokerName(settings)}: ${message}`, { hint }));
        return;
      }
      over();
      resolve(socket.setNoDelay());
    });
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
}

/** What a socket's error means before the broker let us in. */
function socketFailure(error: unknown, settings: BrokerSettings): PowerError {
  const name = brokerName(settings);
  const code = codeOf(error);
  // Over TLS 1.3 the broker looks at our certificate when the handshake is over for us.
  if (/ALERT_(?:CERTIFICATE_\w+|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)$/.test(code)) {
    return new PowerError("auth", `${name} wants another client certificate than ours (${code})`, {
      cause: error,
      hint: "Give `cert` and `key` that the broker's authority signed.",
    });
  }
  return notConnected(error, { host: name, code });
}
