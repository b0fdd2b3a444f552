/**
 * maaspower's configuration as one of ours. Every device becomes a machine, or it is told why not; nothing is left out
 * without a word. Where the old file did something else than a person would think, that is told as well.
 */
import type { ConversionServices, Converted } from "./conversion.ts";
import { convert } from "./devices.ts";
import { namesOf, type Wanted } from "./find.ts";
import { expanded, ownName } from "./old-names.ts";
import { inRanges, type Member, type Range } from "./ranges.ts";
import type { OldConfiguration } from "./read.ts";
import type { Device } from "./schema.ts";
import { isTreeList, isTreeMap, Secrets, type Tree, type TreeMap } from "./tree.ts";

export interface TranslationOptions extends Omit<ConversionServices, "secrets"> {
  /** Names that MAAS uses, where patterns do not tell them. */
  readonly names: readonly string[];
  readonly hashPassword: (password: string) => Promise<string>;
  readonly newToken: () => string;
}

/** What is told of a device: its number in the old file; undefined where it concerns the file. */
interface OfDevice {
  readonly index: number | undefined;
}

export interface ImportedMachine extends OfDevice {
  /** A name, or a range. */
  readonly name: string;
  readonly members: readonly string[];
  readonly type: Device["type"];
}

export interface LeftDevice extends OfDevice {
  readonly name: string;
  readonly type: Device["type"];
  readonly why: string;
  readonly next: string;
  readonly sketch?: Sketch;
}

/** An entry to be filled in by hand. */
export interface Sketch {
  readonly name: string;
  readonly entry: Tree;
}

export interface Note extends OfDevice {
  readonly text: string;
}

export interface Imported {
  /** The configuration by its sections, in the order to be written. */
  readonly sections: TreeMap;
  readonly secrets: ReadonlyMap<string, string>;
  readonly machines: readonly ImportedMachine[];
  readonly left: readonly LeftDevice[];
  /** What a person should look at, before anything is switched. */
  readonly notes: readonly Note[];
}

export async function translate(old: OldConfiguration, options: TranslationOptions): Promise<Imported> {
  const work = new Translation(old, options);
  work.run();
  return work.result(await options.hashPassword(old.password));
}

class Translation {
  readonly #old: OldConfiguration;
  readonly #options: TranslationOptions;
  readonly #secrets = new Secrets();
  readonly #ranges: (Range & ImportedMachine)[] = [];
  readonly #left: LeftDevice[] = [];
  readonly #notes = new Map<string, Note>();
  readonly #hubs = new Map<string, TreeMap>();
  /** Names of ours by those of MAAS, where they differ. */
  readonly #names = new Map<string, string>();
  readonly #plain: string[] = [];
  /** Names that stay as they are, and those that were made. */
  readonly #kept = new Set<string>();
  readonly #made = new Set<string>();
  readonly #byOutlet = new Map<string, string>();

  constructor(old: OldConfiguration, options: TranslationOptions) {
    this.#old = old;
    this.#options = options;
  }

  run(): void {
    const { devices } = this.#old;
    const found = namesOf(devices, this.#options.names);
    for (const { index, text } of found.notes) this.#note(index, text);
    // Names that may stay have them before those that must change.
    for (const { name } of found.of.flatMap(({ wanted }) => wanted)) if (ownName(name) === name) this.#kept.add(name);
    for (const [index, device] of devices.entries()) {
      const { wanted, samples, twice } = found.of[index] ?? { wanted: [], samples: [], twice: false };
      if (twice)
        this.#leave(index, device, {
          why: "another device below has the same name, and maaspower took that one",
          next: "Nothing, unless this is the one that was meant.",
        });
      else if (wanted.length > 0) this.#device(index, device, wanted);
      else this.#unnamed(index, device, samples);
    }
  }

  #device(index: number, device: Device, wanted: readonly Wanted[]): void {
    const members: Member[] = [];
    for (const { name, match } of wanted) {
      const converted = convert(this.#expanded(index, device, match), this.#services);
      if ("why" in converted) {
        const { sketch, ...why } = converted;
        this.#leave(index, device, { ...why, ...(sketch && { sketch: { name: ownName(name), entry: sketch } }) });
        continue;
      }
      const entry = this.#machine(index, name, converted);
      if (entry) members.push(entry);
    }
    for (const range of inRanges(members)) this.#ranges.push({ ...range, index, type: device.type });
  }

  /** Its entry under its own name; undefined where it is the same thing as a machine before it. */
  #machine(index: number, name: string, { entry, hub, outlet, plain, notes }: Converted): Member | undefined {
    for (const note of notes) this.#note(index, note);
    const same = outlet === undefined ? undefined : this.#byOutlet.get(outlet);
    if (same !== undefined) {
      this.#names.set(name, same);
      this.#note(index, `"${name}" is the same ${outlet} as "${same}", and stays another name for it`);
      return undefined;
    }
    const own = this.#ownName(name);
    if (own !== name) {
      this.#names.set(name, own);
      this.#note(
        index,
        `"${name}" is called "${own}" here; under the old routes MAAS goes on to call it by its old name`,
      );
    }
    if (outlet !== undefined) this.#byOutlet.set(outlet, own);
    if (plain) this.#plain.push(own);
    if (hub) this.#hub(index, hub);
    return { name: own, entry: withoutPlaceholders(entry, (text) => this.#aside(index, text)) };
  }

  #aside(index: number, text: string): Tree {
    this.#note(
      index,
      "a text holds a placeholder of this configuration, such as {name}: it stands in secrets.yaml, where nothing is put in its place",
    );
    return this.#secrets.keep(`${this.#old.devices[index]?.name}_text`, text);
  }

  #hub(index: number, { name, entry }: NonNullable<Converted["hub"]>): void {
    const known = this.#hubs.get(name);
    if (known && known["mode"] !== entry["mode"]) {
      this.#note(index, "ports of this switch had different ways to be fed; all of them are switched on as `auto` now");
      const { mode: _mode, ...auto } = known;
      this.#hubs.set(name, auto);
    } else this.#hubs.set(name, entry);
  }

  #ownName(name: string): string {
    const base = ownName(name);
    if (base === name) return name;
    for (let number = 1; ; number++) {
      const own = number === 1 ? base : `${base}-${number}`;
      if (this.#kept.has(own) || this.#made.has(own)) continue;
      this.#made.add(own);
      return own;
    }
  }

  /** As maaspower copied a device for a name that its pattern matched. */
  #expanded(index: number, device: Device, match: RegExpExecArray | undefined): Device {
    if (!match) return device;
    const copy = Object.entries(device).map(([key, value]: [string, unknown]) => {
      if (key === "name" || key === "type") return [key, value];
      const text = typeof value === "string" ? expanded(value, match) : undefined;
      if (text === undefined)
        this.#note(
          index,
          `maaspower failed at every request for it, for Python cannot expand its \`${key}\`; that is taken as it stands`,
        );
      return [key, text ?? value];
    });
    // The same keys with the same kinds of values.
    return Object.fromEntries(copy) as Device;
  }

  /** A pattern whose names nobody told. */
  #unnamed(index: number, device: Device, samples: readonly Wanted[]): void {
    const secrets = new Secrets();
    const members = samples.flatMap(({ name, match }) => {
      const converted = convert(this.#expanded(index, device, match), { ...this.#services, secrets });
      return "why" in converted ? [] : [{ name, entry: converted.entry }];
    });
    const [range] = inRanges(members);
    const converted = convert(device, { ...this.#services, secrets });
    if ("why" in converted && device.type !== "CiscoIOSPOESwitch" && device.type !== "KasaDevice") {
      const { sketch: _sketch, ...why } = converted;
      this.#leave(index, device, why);
      return;
    }
    this.#leave(index, device, {
      why: "its name is a pattern that does not tell which names there are",
      next: `Give the names that MAAS uses, which stand in its power settings before /on, such as --names '${range?.name ?? "nuc[1-6]"}'. Or write the machines by hand.`,
      ...(range && { sketch: { name: range.name, entry: range.entry } }),
    });
  }

  /** Once for one reason: what a pattern stands for is left for the same. */
  #leave(index: number, { name, type }: Device, left: Pick<LeftDevice, "why" | "next" | "sketch">): void {
    if (this.#left.some((other) => other.index === index && other.why === left.why)) return;
    this.#left.push({ index, name, type, ...left });
  }

  #note(index: number | undefined, text: string): void {
    this.#notes.set(`${index} ${text}`, { index, text });
  }

  get #services(): ConversionServices {
    return { ...this.#options, secrets: this.#secrets };
  }

  result(passwordHash: string): Imported {
    const { ip_address: host, port, username, password } = this.#old;
    const token = this.#secrets.keep("maas_token", this.#options.newToken());
    const hasUser = username !== "" && password !== "" && !username.includes(":");
    if (!hasUser)
      this.#note(
        undefined,
        "user or password is empty, or the user has a colon: nobody can be let in by them, and MAAS needs the token of secrets.yaml",
      );
    if (/^(?:127\.|localhost$|::1$)/.test(host))
      this.#note(
        undefined,
        `maaspower listened on ${host}, where MAAS never polls in the background: listen on this host's address in a rack's subnet`,
      );
    const listen = this.#options.isHost(host) ? host : "127.0.0.1";
    if (listen !== host) this.#note(undefined, `"${host}" is no address to listen on; ${listen} stands in its place`);
    const users = hasUser
      ? [{ name: username, password_hash: this.#secrets.keep("maaspower_password_hash", passwordHash), role: "maas" }]
      : [];
    const names = Object.fromEntries(this.#names);
    const plain = this.#plain.filter((name) => this.#ranges.some(({ members }) => members.includes(name)));
    const routes = {
      ...(this.#names.size > 0 && { names }),
      ...(plain.length > 0 && { plain }),
    };
    return {
      sections: {
        server: { listen: `${listen.includes(":") ? `[${listen}]` : listen}:${port}` },
        access: { tokens: [{ name: "maas", token, role: "maas" }], ...(users.length > 0 && { users }) },
        compat: Object.keys(routes).length > 0 ? { maaspower: routes } : "maaspower",
        ...(this.#hubs.size > 0 && { hubs: Object.fromEntries(this.#hubs) }),
        machines: Object.fromEntries(this.#ranges.map(({ name, entry }) => [name, entry])),
      },
      secrets: this.#secrets.all,
      machines: this.#ranges.map(({ index, name, members, type }) => ({ index, name, members, type })),
      left: this.#left,
      notes: [...this.#notes.values()],
    };
  }
}

/** What the configuration would put something else in place of. */
const PLACEHOLDER = /\{(?:n(?:[+:-]\d+)?|name|mac|address)\}/;

/** Texts with such words in them stand elsewhere, for what comes from there is taken as it is. */
function withoutPlaceholders(entry: Tree, keep: (text: string) => Tree): Tree {
  if (typeof entry === "string") return PLACEHOLDER.test(entry) ? keep(entry) : entry;
  if (isTreeList(entry)) return entry.map((item) => withoutPlaceholders(item, keep));
  if (!isTreeMap(entry)) return entry;
  return Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, withoutPlaceholders(value, keep)]));
}
