/** An MQTT 3.1.1 broker on a real socket (aedes), which sees everything, and can go away, fall silent and forbid. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { Aedes } from "aedes";
import { keptPort } from "../kept-port.ts";

export interface MqttBrokerOptions {
  readonly tls?: TlsOptions;
  /** Passwords by user; absent: everybody may come. */
  readonly users?: Readonly<Record<string, string>>;
}

export interface Published {
  readonly client: string;
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly qos: number;
}

export class TestBroker implements AsyncDisposable {
  readonly #options: MqttBrokerOptions;
  readonly port: number;
  readonly #sockets = new Set<Socket>();
  #broker: Aedes | undefined;
  #server: Server | undefined;
  #frozen = false;
  /** What clients sent, in the order in which it came. */
  readonly published: Published[] = [];
  /** Users that asked to be let in; empty for nobody named. */
  readonly logins: string[] = [];
  /** Connections that were opened. */
  connections = 0;
  /** Topics on which nobody may publish, or that nobody may hear. */
  readonly forbidden = new Set<string>();
  /** Takes messages, and confirms none of those on these topics. */
  readonly unconfirmed = new Set<string>();

  private constructor(options: MqttBrokerOptions, port: number) {
    this.#options = options;
    this.port = port;
  }

  static async start(options: MqttBrokerOptions = {}): Promise<TestBroker> {
    const broker = new TestBroker(options, await keptPort());
    await broker.revive();
    return broker;
  }

  /** What others than the devices sent. */
  get received(): readonly Published[] {
    return this.published.filter(({ client }) => client.startsWith("maasochist"));
  }

  /** It comes back without memory: what it retained is forgotten. */
  async revive(): Promise<void> {
    const { users, tls } = this.#options;
    const broker = await Aedes.createBroker({
      authenticate: (_client, user, password, done) => {
        this.logins.push(user ?? "");
        const known = users === undefined || (user !== undefined && users[user] === password?.toString());
        done(null, known);
      },
      authorizePublish: (client, { topic, payload, retain, qos }, done) => {
        this.published.push({ client: client?.id ?? "", topic, payload: payload.toString(), retain, qos });
        if (this.unconfirmed.has(topic)) return;
        done(this.forbidden.has(topic) ? new Error("forbidden") : null);
      },
      authorizeSubscribe: (_client, subscription, done) => {
        done(null, this.forbidden.has(subscription.topic) ? null : subscription);
      },
    });
    const take = (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      if (this.#frozen) socket.pause();
      else broker.handle(socket);
    };
    this.#broker = broker;
    this.#server = tls ? createTlsServer(tls, take) : createServer(take);
    this.#server.on("tlsClientError", () => undefined);
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** From now on it takes connections and bytes, and says nothing. */
  freeze(): void {
    this.#frozen = true;
    for (const socket of this.#sockets) socket.removeAllListeners("readable").removeAllListeners("data").pause();
  }

  /** It is gone at once: connections are reset, new ones are refused. */
  async die(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
    const broker = this.#broker;
    this.#broker = undefined;
    await new Promise<void>((resolve) => (broker ? broker.close(() => resolve()) : resolve()));
  }

  /** As somebody's message that the broker keeps. */
  retain(topic: string, payload: string): Promise<void> {
    return this.#publish({ topic, payload, retain: true });
  }

  tell(topic: string, payload: string): Promise<void> {
    return this.#publish({ topic, payload, retain: false });
  }

  #publish({ topic, payload, retain }: Pick<Published, "topic" | "payload" | "retain">): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#broker?.publish({ cmd: "publish", topic, payload, retain, qos: 1, dup: false }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
  }
}
