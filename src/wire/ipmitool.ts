/**
 * IPMI 2.0 by `ipmitool`, one session a call. With `-v` it tells why it gets no session; without, a wrong password and a
 * controller that is gone are the same words. The password is in its environment, which only its account can read.
 *
 * `-N 3 -R 1`: each message is sent once, and its answer awaited for 3 s. Sent again, a command could act twice.
 */
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { clip } from "./clip.ts";
import { type Meaning, meaningOf } from "./meaning.ts";
import { type Ended, inheritedEnvironment, runProgram } from "./process.ts";

export const PRIVILEGES = ["user", "operator", "administrator"] as const;

/** `ipmitool -o list`, those of them that speak IPMI 2.0. */
export const OEM_TYPES = ["intelplus", "icts", "ibm", "i82571spt", "kontron"] as const;

export interface IpmiSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret;
  readonly kg?: Secret | undefined;
  readonly cipher?: number | undefined;
  readonly privilege: (typeof PRIVILEGES)[number];
  readonly oem?: (typeof OEM_TYPES)[number] | undefined;
}

/** Where none is set: the one that is taken for safe, then the one that every controller has. */
const CIPHERS = [17, 3];

const INSTALL =
  "Install it where the daemon runs: `apt-get install ipmitool`, `dnf install ipmitool`, `apk add ipmitool`.";

/**
 * Names of lanplus_strings.c: the controller has not this cipher suite. `Unsupported`: ipmitool was built without it. pyghmi,
 * and so VirtualBMC, answers with the algorithms of suite 3 whatever it is asked for.
 */
const NO_SUCH_CIPHER =
  /no matching cipher suite|(?:invalid|no matching) (?:authentication|integrity|confidentiality) (?:algorithm|payload)|Unsupported cipher suite ID|algorithm 0x\w+ is not what we requested/;

const LOGIN_HINT =
  "Check `user` and `password`, and that this user is enabled there and may use IPMI over LAN; `kg`, where the controller has one.";
const PRIVILEGE_HINT = "Switching needs the privilege `operator`: give the user that there, and check `privilege`.";

/** Words of ipmitool's ipmi_main.c, lanplus.c and ipmi_chassis.c, and its names of completion codes in ipmi_strings.c. */
const MEANINGS: readonly Meaning[] = [
  { said: /Address lookup for .* failed/, code: "unreachable", acted: false, hint: "Check `host`." },
  {
    said: /Get Auth Capabilities error|Error issuing Get Channel Authentication Capabilities/,
    code: "unreachable",
    acted: false,
    hint: "It does not answer: check `host`, that IPMI over LAN is switched on in the controller's settings, and that nothing between drops UDP port 623.",
  },
  {
    said: /does not support IPMI v2/,
    code: "protocol",
    acted: false,
    hint: "IPMI 2.0 is needed: update the controller's firmware, or switch the machine another way.",
  },
  {
    said: /insufficient resources for (?:session|role)/,
    code: "busy",
    acted: false,
    hint: "All its sessions are taken. They end after a minute or so; where they do not, restart the controller (`ipmitool mc reset cold`), and see who else asks it.",
  },
  {
    said: NO_SUCH_CIPHER,
    code: "protocol",
    acted: false,
    hint: "Set `cipher` to one that the controller has: `ipmitool lan print` there lists them as RMCP+ Cipher Suites.",
  },
  { said: /(?:unauthorized|invalid) role/, code: "auth", acted: false, hint: PRIVILEGE_HINT },
  { said: /RAKP 2 HMAC is invalid/, code: "auth", acted: false, hint: LOGIN_HINT },
  { said: /RAKP [24] message (?:indicates an error|has invalid)/, code: "auth", acted: false, hint: LOGIN_HINT },
  {
    said: /no response from RAKP/,
    code: "timeout",
    acted: false,
    hint: "It went silent in the middle of the login, as some controllers do when they do not know the user: check `user`.",
  },
  { said: /Set Session Privilege Level to .* failed/, code: "auth", acted: false, hint: PRIVILEGE_HINT },
  { said: /failed: Insufficient privilege level/, code: "auth", acted: false, hint: PRIVILEGE_HINT },
  {
    said: /failed: (?:Node busy|Out of space|BMC initialization in progress|Device firmeware in update mode)/,
    code: "busy",
    acted: false,
  },
  { said: /failed: (?:Timeout|Command response could not be provided)/, code: "timeout", acted: true },
  // https://github.com/openbmc/openbmc/issues/1810
  {
    said: /failed: Unspecified error/,
    code: "busy",
    acted: true,
    hint: "Some controllers say so while they start. If it stays so, restart the controller (`ipmitool mc reset cold`).",
  },
  { said: /Unable to (?:set Chassis Power Control|get Chassis Power Status)/, code: "timeout", acted: true },
  { said: /failed: /, code: "refused", acted: true },
];

/** What it says with `-v` while all is well. */
const CHATTER =
  /^(?:Loading IANA PEN Registry|Get HPM\.x Capabilities|Running Get |Invalid completion code received|Discovered |Using best available cipher)/;

export class Ipmitool {
  readonly #settings: IpmiSettings;
  #ciphers: readonly number[];

  constructor(settings: IpmiSettings) {
    this.#settings = settings;
    this.#ciphers = settings.cipher === undefined ? CIPHERS : [settings.cipher];
  }

  /**
   * What the answer has where it is as expected. Throws PowerError; `mayHaveActed` where the command could have reached
   * the controller.
   */
  async run(command: readonly string[], expected: RegExp, signal: AbortSignal): Promise<RegExpExecArray> {
    const [cipher = 3, ...others] = this.#ciphers;
    const ended = await this.#call(command, cipher, signal);
    if (ended.code !== 0) {
      if (others.length === 0 || !NO_SUCH_CIPHER.test(ended.stderr)) throw this.#failure(command, ended);
      this.#ciphers = others;
      return this.run(command, expected, signal);
    }
    const found = expected.exec(ended.stdout);
    if (found) return found;
    const said = clip(ended.stdout, this.#secrets) || "nothing";
    throw new PowerError("protocol", `ipmitool ${command.join(" ")} ended well, and said: ${said}`, {
      mayHaveActed: true,
    });
  }

  get #secrets(): string[] {
    const { password, kg } = this.#settings;
    return [password, kg].flatMap((secret) => (secret ? [secret.reveal()] : []));
  }

  #call(command: readonly string[], cipher: number, signal: AbortSignal): Promise<Ended> {
    const { host, port, user, password, kg, privilege, oem } = this.#settings;
    const run = [
      "ipmitool",
      "-I",
      "lanplus",
      "-v",
      "-N",
      "3",
      "-R",
      "1",
      "-H",
      host,
      "-p",
      String(port),
      "-U",
      user,
      "-E",
      "-C",
      String(cipher),
      "-L",
      privilege.toUpperCase(),
      ...(kg ? ["-K"] : []),
      ...(oem ? ["-o", oem] : []),
      ...command,
    ];
    const env = {
      ...inheritedEnvironment(),
      LC_ALL: "C",
      IPMITOOL_PASSWORD: password.reveal(),
      ...(kg && { IPMI_KGKEY: kg.reveal() }),
    };
    return runProgram({ run, env, install: INSTALL, secrets: this.#secrets, signal });
  }

  #failure(command: readonly string[], ended: Ended): PowerError {
    const who = `the controller at ${this.#settings.host}`;
    const secrets = this.#secrets;
    const meaning = meaningOf(ended.stderr, MEANINGS, { who, secrets });
    if (meaning) return meaning;
    const how = ended.killedBy === undefined ? `exited with ${ended.code}` : `was ended by ${ended.killedBy}`;
    const words = ended.stderr.split("\n").filter((line) => !CHATTER.test(line));
    const said = clip(words.join("\n").trim() || ended.stdout, secrets);
    return new PowerError(
      "protocol",
      `ipmitool ${command.join(" ")} for ${who} ${how}${said === "" ? "" : `: ${said}`}`,
      {
        mayHaveActed: !/Unable to establish IPMI v2/.test(ended.stderr),
        hint: "Run it by hand with `-vv`, and see what the controller answers.",
      },
    );
  }
}
