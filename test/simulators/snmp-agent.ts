/**
 * An SNMP agent on a real UDP socket, of versions 1, 2c and 3, whose objects are written down one by one. What a datagram
 * is, and who may do what, is net-snmp's agent's part.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import * as snmp from "net-snmp";

export interface SnmpObject {
  /** Integer where it is a number, OctetString where it is a text or bytes, OID where it says so. */
  readonly value: () => number | string | Buffer;
  readonly oid?: boolean;
  /** Writes; answers an error's number to refuse. Absent: it cannot be written. */
  readonly set?: (value: number) => number | undefined;
}

export interface SnmpUser {
  readonly name: string;
  readonly auth?: { readonly protocol: "md5" | "sha" | "sha256" | "sha512"; readonly password: string };
  readonly priv?: { readonly protocol: "aes" | "aes256b" | "aes256r"; readonly password: string };
  readonly writes?: boolean;
}

export interface SnmpAgentOptions {
  readonly objects: Readonly<Record<string, SnmpObject>>;
  /** Communities that may read, and those that may write too. */
  readonly read?: string;
  readonly write?: string;
  readonly users?: readonly SnmpUser[];
}

/** `deaf`: nothing arrives. `mute`: orders are obeyed, and nothing is answered. `late`: answers come 150 ms late. */
export type SnmpFault = "deaf" | "mute" | "rubbish" | "late";

const LATE_MS = 150;

/** The parts of net-snmp's agent that are used; its types have none. */
interface Library {
  readonly getAuthorizer: () => {
    addCommunity(name: string): void;
    addUser(user: snmp.User): void;
    getAccessControlModel(): {
      setCommunityAccess(name: string, level: snmp.AccessLevel): void;
      setUserAccess(name: string, level: snmp.AccessLevel): void;
    };
  };
  readonly getMib: () => {
    registerProvider(provider: object): void;
    addProviderToNode(provider: object): void;
    addNodesForOid(oid: string): void;
    lookup(oid: string): Node | undefined;
  };
}

interface Node {
  oid: string;
  value: number | string | Buffer | undefined;
  valueType: number;
}

interface MibRequest {
  readonly operation: number;
  readonly oid: string;
  readonly instanceNode: Node;
  readonly setValue?: unknown;
  readonly commitSet?: boolean;
  done(error?: { readonly errorStatus: number }): void;
}

type Listener = (datagram: Buffer, from: RemoteInfo) => void;

export class SimulatedSnmpAgent implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #objects: Readonly<Record<string, SnmpObject>>;
  #closed = false;
  fault: SnmpFault | undefined;
  /** Datagrams that arrived. */
  datagrams = 0;

  private constructor(socket: Socket, { objects, read = "public", write = "private", users = [] }: SnmpAgentOptions) {
    this.#socket = socket;
    this.#objects = objects;
    const agent: Library = snmp.createAgent(
      {
        accessControlModelType: snmp.AccessControlModelType.Simple,
        dgramModule: { createSocket: () => this.#facade() },
      },
      // Who is refused is not answered, and nothing more.
      () => undefined,
    );
    const authorizer = agent.getAuthorizer();
    const rights = authorizer.getAccessControlModel();
    for (const [name, level] of [
      [read, snmp.AccessLevel.ReadOnly],
      [write, snmp.AccessLevel.ReadWrite],
    ] as const) {
      authorizer.addCommunity(name);
      rights.setCommunityAccess(name, level);
    }
    for (const user of users) {
      authorizer.addUser(libraryUser(user));
      rights.setUserAccess(user.name, user.writes === false ? snmp.AccessLevel.ReadOnly : snmp.AccessLevel.ReadWrite);
    }
    this.#fill(agent.getMib());
  }

  static async start(options: SnmpAgentOptions): Promise<SimulatedSnmpAgent> {
    const socket = createSocket("udp4");
    const agent = new SimulatedSnmpAgent(socket, options);
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return agent;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#socket.close();
    await once(this.#socket, "close");
  }

  #fill(mib: ReturnType<Library["getMib"]>): void {
    for (const root of ["1.3.6.1.2.1", "1.3.6.1.4.1", "1.3.6.1.6.3"]) {
      const provider = {
        name: root,
        type: snmp.MibProviderType.Scalar,
        oid: root,
        scalarType: snmp.ObjectType.Integer,
        maxAccess: snmp.MaxAccess["read-write"],
        handler: (request: MibRequest) => this.#handle(request),
      };
      mib.registerProvider(provider);
      mib.addProviderToNode(provider);
    }
    for (const [oid, object] of Object.entries(this.#objects)) {
      mib.addNodesForOid(oid);
      const node = mib.lookup(oid);
      if (!node) throw new Error(`${oid} cannot be added`);
      const value = object.value();
      node.value = value;
      node.valueType = object.oid
        ? snmp.ObjectType.OID
        : typeof value === "number"
          ? snmp.ObjectType.Integer
          : snmp.ObjectType.OctetString;
    }
  }

  #handle(request: MibRequest): void {
    const { instanceNode: node } = request;
    const object = this.#objects[node.oid];
    if (request.operation !== snmp.PduType.SetRequest) {
      if (object) node.value = object.value();
      request.done();
    } else if (!object?.set) request.done({ errorStatus: snmp.ErrorStatus.NotWritable });
    else {
      const error = request.commitSet ? object.set(Number(request.setValue)) : undefined;
      request.done(error === undefined ? undefined : { errorStatus: error });
    }
  }

  /** The socket as net-snmp sees it: the faults lie between. */
  #facade() {
    const socket = this.#socket;
    return {
      on: (event: string, listener: Listener) => {
        if (event === "message") socket.on("message", (datagram, from) => this.#receive(datagram, { from, listener }));
      },
      bind: () => undefined,
      send: (datagram: Buffer, _offset: number, _length: number, port: number, address: string) => {
        if (this.fault === "mute") return;
        const send = () => {
          if (!this.#closed) socket.send(datagram, port, address);
        };
        setTimeout(send, this.fault === "late" ? LATE_MS : 0);
      },
      close: () => undefined,
    };
  }

  #receive(datagram: Buffer, { from, listener }: { readonly from: RemoteInfo; readonly listener: Listener }): void {
    this.datagrams += 1;
    if (this.fault === "deaf") return;
    if (this.fault === "rubbish") this.#socket.send("<html>public private hidden-community", from.port, from.address);
    else listener(datagram, from);
  }
}

function libraryUser({ name, auth, priv }: SnmpUser): snmp.User {
  const { SecurityLevel, AuthProtocols, PrivProtocols } = snmp;
  return {
    name,
    level: priv ? SecurityLevel.authPriv : auth ? SecurityLevel.authNoPriv : SecurityLevel.noAuthNoPriv,
    ...(auth && { authProtocol: AuthProtocols[auth.protocol], authKey: auth.password }),
    ...(priv && { privProtocol: PrivProtocols[priv.protocol], privKey: priv.password }),
  };
}
