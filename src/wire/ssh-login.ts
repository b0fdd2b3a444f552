/**
 * Logging in (RFC 4252, keyboard-interactive RFC 4256): `none` first, whose refusal tells which methods the machine
 * offers; then each way that we have and it offers, once: key, agent, password; or, where it takes passwords only at a
 * prompt, the password there.
 */
import type { AnyAuthMethod, AuthenticationType, Prompt } from "ssh2";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";

export interface SshLogin {
  readonly user: string;
  readonly password?: Secret | undefined;
  /** Text of a private key. */
  readonly key?: Secret | undefined;
  /** Opens the key. */
  readonly passphrase?: Secret | undefined;
  /** Socket of an agent; true: the one in SSH_AUTH_SOCK. */
  readonly agent?: string | true | undefined;
}

interface Way {
  /** What people call it. */
  readonly name: string;
  readonly method: AnyAuthMethod;
}

/** One login, way by way. */
export class LoginAttempt {
  readonly #login: SshLogin;
  #untried: Way[];
  readonly #tried: string[] = [];
  readonly #troubles: Error[] = [];
  #offered: readonly AuthenticationType[] = [];
  #exhausted = false;
  #refused = false;

  /** Throws PowerError `config` where the agent is not to be found. */
  constructor(login: SshLogin) {
    this.#login = login;
    this.#untried = waysOf(login);
  }

  /** Every way was tried in vain. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** Has the machine been shown a way of ours? */
  get begun(): boolean {
    return this.#tried.length > 0;
  }

  /** Has the machine refused a way of ours? */
  get refused(): boolean {
    return this.#refused;
  }

  /** What ssh2 asks for before each attempt: the methods left, null at first. */
  next(offered: readonly AuthenticationType[] | null): AnyAuthMethod | false {
    if (offered === null) return { type: "none", username: this.#login.user };
    this.#offered = offered;
    this.#refused = this.begun;
    const position = this.#untried.findIndex(({ method }) => offered.includes(wireMethod(method.type)));
    const [way] = position < 0 ? [] : this.#untried.splice(position, 1);
    if (!way) {
      this.#exhausted = true;
      return false;
    }
    if (way.method.type === "password") {
      // Refused, it would be refused at the prompt too, and count as another failure.
      this.#untried = this.#untried.filter(({ method }) => method.type !== "keyboard-interactive");
    }
    this.#tried.push(way.name);
    return way.method;
  }

  /** A way came to nothing here, before the machine was asked: the agent is gone, a key does not sign. */
  trouble(error: Error): void {
    this.#troubles.push(error);
  }

  failure(host: string): PowerError {
    const { user } = this.#login;
    const tried = this.#tried.length === 0 ? "none of our ways" : this.#tried.join(", ");
    const offered = this.#offered.length === 0 ? "" : `; it offers ${this.#offered.join(", ")}`;
    const troubles = this.#troubles.map(({ message }) => ` (${message})`).join("");
    return new PowerError("auth", `${host} refuses the login of ${user}: tried ${tried}${troubles}${offered}`, {
      cause: this.#troubles[0],
      hint:
        this.#tried.length === 0
          ? "Give what it offers: `password` for password and keyboard-interactive, `key` or `agent` for publickey."
          : "Check the user, and its password, or that the key's public half is in the user's authorized_keys.",
    });
  }
}

function wireMethod(type: AuthenticationType): AuthenticationType {
  return type === "agent" ? "publickey" : type;
}

function waysOf({ user: username, password, key, passphrase, agent }: SshLogin): Way[] {
  const ways: Way[] = [];
  if (key) {
    ways.push({
      name: "the key",
      method: {
        type: "publickey",
        username,
        key: key.reveal(),
        ...(passphrase && { passphrase: passphrase.reveal() }),
      },
    });
  }
  if (agent !== undefined) {
    ways.push({ name: "the agent's keys", method: { type: "agent", username, agent: socketOf(agent) } });
  }
  if (password) {
    ways.push({ name: "the password", method: { type: "password", username, password: password.reveal() } });
    ways.push({
      name: "the password at its prompt",
      method: { type: "keyboard-interactive", username, prompt: typing(password) },
    });
  }
  return ways;
}

function socketOf(agent: string | true): string {
  const socket = agent === true ? process.env["SSH_AUTH_SOCK"] : agent;
  if (socket !== undefined && socket !== "") return socket;
  throw new PowerError("config", "there is no agent: SSH_AUTH_SOCK is not set for this daemon", {
    hint: "Write the path of the agent's socket as `agent`, or use `key`.",
  });
}

/** Types the password where something hidden is asked for the first time; to anything else there is no answer. */
function typing(password: Secret) {
  let typed = false;
  const answer = ({ echo }: Prompt) => {
    if (echo === true || typed) return "";
    typed = true;
    return password.reveal();
  };
  return (
    _name: string,
    _instructions: string,
    _lang: string,
    prompts: readonly Prompt[],
    finish: (answers: string[]) => void,
  ): void => finish(prompts.map(answer));
}

/** What is wrong with the text of a private key, as far as it can be seen without opening it. */
export function keyProblem(text: string, passphrase: boolean): string | undefined {
  const key = text.trim();
  if (key.startsWith("PuTTY-User-Key-File-")) return "is in PuTTY's format; export it as an OpenSSH key with puttygen";
  const [, kind] = /^-----BEGIN (.*)PRIVATE KEY-----/.exec(key) ?? [];
  if (kind === undefined) return "is not the text of a private key; read it from its file: key: !file id_ed25519";
  if (!key.endsWith(`-----END ${kind}PRIVATE KEY-----`)) return "is cut off: its last line is missing";
  switch (kind) {
    case "":
    case "ENCRYPTED ":
      return "is a key in PKCS #8; convert it: ssh-keygen -p -f FILE";
    case "OPENSSH ":
      return passphrase || isOpen(key) ? undefined : LOCKED;
    default:
      return passphrase || !/^Proc-Type: 4,ENCRYPTED\r?$/m.test(key) ? undefined : LOCKED;
  }
}

const LOCKED = "is encrypted: give `passphrase`";

/** OpenSSH's PROTOCOL.key: "openssh-key-v1", a zero byte, and the cipher's name as a string. */
function isOpen(key: string): boolean {
  const body = Buffer.from(key.replaceAll(/-----[^-]*-----|\s/g, ""), "base64");
  const name = "openssh-key-v1\0".length;
  return body.length < name + 4 || body.toString("latin1", name + 4, name + 4 + body.readUInt32BE(name)) === "none";
}
