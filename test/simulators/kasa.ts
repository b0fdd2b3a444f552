/**
 * A TP-Link plug or strip on real sockets: the first protocol on TCP, KLAP on HTTP, and what it tells of itself on UDP; each
 * where its firmware has it.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { crc32 } from "node:zlib";
import { keptPort } from "../kept-port.ts";
import { Hardware, type HardwareOptions } from "./kasa-hardware.ts";
import { type Credentials, KlapServer } from "./klap-server.ts";

export const ACCOUNT: Credentials = { user: "Anna@example.com", password: "Correct-Horse-9" };

export interface KasaDeviceOptions extends HardwareOptions {
  /** Does it speak the first protocol? */
  readonly legacy?: boolean;
  /** The version of KLAP that it speaks, if any. */
  readonly klap?: 1 | 2;
  /** What it speaks within KLAP. */
  readonly dialect?: "iot" | "smart";
  /** What it says of its encryption on UDP; absent: it says nothing. */
  readonly tells?: "KLAP" | "AES" | "TPAP";
  readonly credentials?: Credentials;
}

/** What may be wrong with it, on TCP and HTTP alike. */
export type KasaFault =
  /** Takes connections, and says nothing. */
  | "silent"
  /** Answers what nobody understands. */
  | "rubbish"
  /** Ends the connection when asked. */
  | "resets"
  /** Obeys a command, and ends the connection in place of an answer. */
  | "loses-answers"
  /** Obeys a command, and answers what nobody understands. */
  | "mumbles"
  /** Third-Party Compatibility is off. */
  | "forbids";

export class KasaDevice implements AsyncDisposable {
  #options: KasaDeviceOptions;
  readonly hardware: Hardware;
  readonly klap: KlapServer;
  readonly ports: { readonly legacy: number; readonly klap: number; discovery: number };
  readonly #open = new Set<Socket>();
  #legacy: Server | undefined;
  #http: HttpServer | undefined;
  #udp: UdpSocket | undefined;
  fault: KasaFault | undefined;
  /** Requests that arrived, by what they came over. */
  readonly arrived = { legacy: 0, klap: 0, discovery: 0 };

  private constructor(options: KasaDeviceOptions, ports: { readonly legacy: number; readonly klap: number }) {
    this.#options = options;
    this.ports = { ...ports, discovery: 1 };
    this.hardware = new Hardware(options);
    this.klap = new KlapServer(options.klap ?? 2, options.credentials ?? ACCOUNT, (request) =>
      this.#options.dialect === "iot" ? this.hardware.answerIot(request) : this.hardware.answerSmart(request),
    );
  }

  static async start(options: KasaDeviceOptions = {}): Promise<KasaDevice> {
    const device = new KasaDevice(options, { legacy: await keptPort(), klap: await keptPort() });
    await device.revive();
    return device;
  }

  /** What the driver is told of it; the account only where one is asked for. */
  get settings() {
    const { legacy, klap, discovery } = this.ports;
    const { user, password } = this.klap.credentials;
    return {
      host: "127.0.0.1",
      port: legacy,
      klap_port: klap,
      discovery_port: discovery,
      ...(this.#options.klap !== undefined && { user, password }),
    };
  }

  /** Its power is gone. */
  async die(): Promise<void> {
    for (const server of [this.#legacy, this.#http]) {
      if (!server) continue;
      server.close();
      for (const socket of this.#open) socket.destroy();
      await once(server, "close");
    }
    this.#udp?.close();
    this.#legacy = this.#http = this.#udp = undefined;
    this.klap.forgetSessions();
  }

  /** Other firmware, or a switch in the app: it starts anew, and speaks something else. */
  async become(changed: Pick<KasaDeviceOptions, "legacy" | "klap" | "tells">): Promise<void> {
    await this.die();
    this.#options = { ...this.#options, ...changed };
    await this.revive();
  }

  async revive(): Promise<void> {
    const { legacy, klap, tells } = this.#options;
    if (legacy) {
      this.#legacy = createServer((socket) => this.#serveLegacy(socket));
      await this.#listen(this.#legacy, this.ports.legacy);
    }
    if (klap !== undefined || tells !== undefined) {
      this.#http = createHttpServer((request, response) => void this.#serveHttp(request, response));
      await this.#listen(this.#http, this.ports.klap);
    }
    if (tells !== undefined) {
      this.#udp = createSocket("udp4").on("message", (message, { port }) => {
        this.arrived.discovery += 1;
        if (isProbe(message)) this.#udp?.send(this.#self(tells), port, "127.0.0.1");
      });
      this.#udp.bind(this.ports.discovery === 1 ? 0 : this.ports.discovery, "127.0.0.1");
      await once(this.#udp, "listening");
      this.ports.discovery = this.#udp.address().port;
    }
  }

  async #listen(server: Server, port: number): Promise<void> {
    server.on("connection", (socket: Socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
      // The caller hangs up when it has had enough.
      socket.on("error", () => undefined);
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  }

  /** What the request gives, and how its answer gets lost where it was a command. */
  #answered<T>(answer: () => T): { readonly value: T; readonly lost: "loses-answers" | "mumbles" | undefined } {
    const before = this.hardware.commands.length;
    const value = answer();
    const lost = this.fault === "loses-answers" || this.fault === "mumbles" ? this.fault : undefined;
    return { value, lost: this.hardware.commands.length > before ? lost : undefined };
  }

  #serveLegacy(socket: Socket): void {
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readUInt32BE()) return;
      this.arrived.legacy += 1;
      if (this.fault === "silent") return;
      if (this.fault === "resets") {
        socket.resetAndDestroy();
        return;
      }
      if (this.fault === "rubbish") {
        socket.end("HTTP/1.0 400 Bad Request\r\n\r\n");
        return;
      }
      const request: unknown = JSON.parse(xor(received.subarray(4), "open").toString());
      const { value, lost } = this.#answered(() => JSON.stringify(this.hardware.answerIot(request)));
      if (lost === "loses-answers") {
        socket.resetAndDestroy();
        return;
      }
      const bytes = framed(Buffer.from(lost ? "so what" : value));
      // In pieces, as radio delivers them.
      socket.write(bytes.subarray(0, 3));
      setImmediate(() => socket.end(bytes.subarray(3)));
    });
  }

  async #serveHttp(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.arrived.klap += 1;
    if (this.fault === "silent") return;
    if (this.fault === "resets") {
      request.socket.resetAndDestroy();
      return;
    }
    if (this.fault === "forbids" || this.#options.klap === undefined) {
      response.writeHead(403).end('{"error_code":1003}');
      return;
    }
    if (this.fault === "rubbish") {
      response.end("<html>who are you?</html>");
      return;
    }
    const url = new URL(request.url ?? "", "http://plug");
    const body = Buffer.concat(chunks);
    const { value, lost } = this.#answered(() => this.klap.handle({ url, cookie: request.headers.cookie ?? "", body }));
    if (lost === "loses-answers") {
      request.socket.resetAndDestroy();
      return;
    }
    if (lost) {
      response.writeHead(500).end();
      return;
    }
    if (value.cookie !== undefined) response.setHeader("set-cookie", value.cookie);
    response.writeHead(value.status).end(value.body);
  }

  #self(encryption: string): Buffer {
    const { dialect, klap } = this.#options;
    const told = {
      result: {
        device_type: dialect === "iot" ? "IOT.SMARTPLUGSWITCH" : "SMART.TAPOPLUG",
        device_model: this.hardware.model,
        ip: "127.0.0.1",
        mac: this.hardware.mac.replaceAll(":", "-"),
        mgt_encrypt_schm: { is_support_https: false, encrypt_type: encryption, http_port: 80, lv: klap ?? 2 },
      },
      error_code: 0,
    };
    return Buffer.concat([Buffer.from("0200000100000000000000005a6b7c8d", "hex"), Buffer.from(JSON.stringify(told))]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hardware.end();
    await this.die();
  }
}

/** Version 2, operation 1, and a CRC over the header with a first value in its own place. */
function isProbe(message: Buffer): boolean {
  const blank = Buffer.from(message);
  if (message.length !== 16 || message[0] !== 2 || message.readUInt16BE(2) !== 1) return false;
  blank.writeUInt32BE(0x5a6b7c8d, 12);
  return crc32(blank) === message.readUInt32BE(12);
}

/** Each byte with the scrambled one before it, the first with 171. */
function xor(bytes: Buffer, way: "open" | "seal"): Buffer {
  const out = Buffer.alloc(bytes.length);
  for (const [index, byte] of bytes.entries()) {
    const key = index === 0 ? 171 : ((way === "open" ? bytes : out)[index - 1] ?? 0);
    out[index] = byte ^ key;
  }
  return out;
}

function framed(text: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, xor(text, "seal")]);
}
