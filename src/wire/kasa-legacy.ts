/**
 * The first local protocol of TP-Link's plugs, without any account:
 *
 *     TCP 9999  length (4 bytes, big endian), then JSON; each byte is XORed with the scrambled byte before it, the first with 171
 *
 * Each exchange opens a connection of its own: some plugs end it after their answer.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { PowerError } from "../power/errors.ts";
import { unlessAborted } from "./abort.ts";
import { CONNECT_TIMEOUT_MS, classify } from "./http-failure.ts";
import type { KasaLine } from "./kasa-line.ts";

const FIRST_KEY = 171;
const LENGTH_BYTES = 4;
const MOST_BYTES = 1_048_576;

export function legacyLine({ host, port }: { readonly host: string; readonly port: number }): KasaLine {
  const name = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return {
    host: name,
    ask: async (request, { acts, signal }) => {
      signal.throwIfAborted();
      const socket = connect({ host, port, noDelay: true });
      const progress = { connected: false };
      try {
        return await unlessAborted(exchange(socket, { request, progress }), signal);
      } catch (error) {
        throw classify(error, { host: name, signal, connected: progress.connected, acts });
      } finally {
        socket.destroy();
      }
    },
  };
}

async function exchange(
  socket: Socket,
  { request, progress }: { readonly request: object; readonly progress: { connected: boolean } },
): Promise<unknown> {
  socket.setTimeout(CONNECT_TIMEOUT_MS, () =>
    socket.destroy(new PowerError("unreachable", `it cannot be connected to within ${CONNECT_TIMEOUT_MS / 1_000} s`)),
  );
  await once(socket, "connect");
  socket.setTimeout(0);
  progress.connected = true;
  const text = Buffer.from(JSON.stringify(request));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  // In one piece: the plugs' own programs read it in one.
  socket.write(Buffer.concat([length, scrambled(text)]));
  const answer = unscrambled(await framed(socket)).toString();
  try {
    return JSON.parse(answer);
  } catch {
    // Not its words: they quote what is no JSON, which may be anything.
    throw new PowerError("protocol", "its answer is no JSON");
  }
}

async function framed(socket: Socket): Promise<Buffer> {
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    if (received.length < LENGTH_BYTES) continue;
    const length = received.readUInt32BE();
    if (length > MOST_BYTES) throw new PowerError("protocol", "its answer is none of a TP-Link plug");
    if (received.length >= LENGTH_BYTES + length) return received.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
  }
  throw new PowerError("unreachable", "it ended the connection before its answer was whole");
}

function scrambled(plain: Buffer): Buffer {
  let key = FIRST_KEY;
  return Buffer.from(
    plain.map((byte) => {
      key ^= byte;
      return key;
    }),
  );
}

function unscrambled(bytes: Buffer): Buffer {
  let key = FIRST_KEY;
  return Buffer.from(
    bytes.map((byte) => {
      const plain = key ^ byte;
      key = byte;
      return plain;
    }),
  );
}
