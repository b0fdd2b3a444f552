/** A PDU behind an SNMP agent: its outlets read together, switched one by one, listed with their names. */
import type { Answer, ListedOutlet, QueryAnswer } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import type { PduModel, Write } from "./pdu-model.ts";
import { modelOf, PDU_MODELS, type PduModelName } from "./pdu-models.ts";
import { numberOf, type SnmpAgent, textOf } from "./snmp.ts";
import { valuesOf } from "./snmp-values.ts";

const SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0";

const PLACE = "{outlet}";
const ENTERPRISES = "1.3.6.1.4.1.";

/** The row that fits what the device says it is. Throws PowerError `config` where none does. */
export async function recognise(agent: SnmpAgent, signal: AbortSignal): Promise<PduModelName> {
  const [value] = await agent.get([SYS_OBJECT_ID], signal);
  const id = textOf(value?.value);
  const name = modelOf(id);
  if (name) return name;
  throw new PowerError("config", `no model is known for a device with sysObjectID ${id || "(none)"}`, {
    hint: "Choose `model:` yourself, or describe its OIDs as `custom`.",
  });
}

export class Pdu {
  readonly agent: SnmpAgent;
  readonly #model: PduModel;
  /** What stands before the model's OIDs. */
  readonly #root: string;

  constructor(agent: SnmpAgent, model: PduModelName | PduModel) {
    this.agent = agent;
    this.#model = typeof model === "string" ? PDU_MODELS[model] : model;
    this.#root = typeof model === "string" ? ENTERPRISES : "";
  }

  async read(outlet: string, signal: AbortSignal): Promise<Answer> {
    const [value] = await this.agent.get([this.#oid(this.#model.state, outlet)], signal);
    if (!value) throw this.#missing(outlet);
    return this.#answer(numberOf(value));
  }

  /** In one exchange where they stand together. An answer, or what is wrong with it, for each. Throws PowerError. */
  async readAll(outlets: readonly string[], signal: AbortSignal): Promise<readonly (QueryAnswer | PowerError)[]> {
    const oids = outlets.map((outlet) => attempt(() => this.#oid(this.#model.state, outlet)));
    const values = await valuesOf(
      this.agent,
      oids.filter((oid) => typeof oid === "string"),
      signal,
    );
    return oids.map((oid, index) => {
      if (typeof oid !== "string") return oid;
      const value = values.get(oid);
      return value === undefined
        ? this.#missing(outlets[index] ?? "")
        : attempt(() => this.#answer(numberOf({ oid, value })));
    });
  }

  async write(state: "on" | "off", outlet: string, signal: AbortSignal): Promise<void> {
    const { oid, value }: Write = this.#model[state];
    await this.agent.set([{ oid: this.#oid(oid, outlet), value }], signal);
  }

  async watts(outlet: string, signal: AbortSignal): Promise<number> {
    const { watts, title } = this.#model;
    if (watts === undefined)
      throw new PowerError("unsupported", `${title} tells no watts of an outlet`, { hint: "Take `above` away." });
    const [value] = await this.agent.get([this.#oid(watts, outlet)], signal);
    const number = value && numberOf(value);
    // Vendors say -1 where there is no meter.
    if (number === undefined || number < 0)
      throw new PowerError("unsupported", `outlet ${outlet} has no meter`, { hint: "Take `above` away." });
    return number;
  }

  async list(signal: AbortSignal): Promise<readonly ListedOutlet[]> {
    const states = await this.#column(this.#model.state, signal);
    const names = this.#model.name === undefined ? undefined : await this.#column(this.#model.name, signal);
    return [...states].map(([outlet, value]) => {
      const label = clip(textOf(names?.get(outlet)), [], 60);
      const { state } = typeof value === "number" ? this.#answer(value) : { state: "unknown" as const };
      return { outlet, state, ...(label !== "" && { label }) };
    });
  }

  #answer(value: number): Answer {
    const told = this.#model.states[value];
    if (!told) throw new PowerError("protocol", `its outlet's state is ${value}, which this model does not have`);
    const { state, towards, called } = told;
    return {
      state,
      ...(towards && { towards }),
      ...(state === "unknown" && { reason: `the PDU says ${called ?? value}` }),
      evidence: `outlet ${called ?? (state === "on" ? "closed" : "open")}`,
    };
  }

  /** Throws PowerError `config` where the PDU's outlets are not named so. */
  #oid(template: string, outlet: string): string {
    return this.#root + template.replace(PLACE, this.#indexOf(outlet));
  }

  #indexOf(outlet: string): string {
    const { firstUnit, index } = this.#model;
    const parts = outlet.split(".");
    const before = firstUnit?.split(".") ?? [];
    if (parts.length === 1) return [...before, index ? index.of(Number(outlet)) : outlet].join(".");
    const own = parts.length === before.length + 1;
    if (own && parts.slice(0, -1).join(".") !== firstUnit) return outlet;
    const hint = own
      ? `Write ${parts.at(-1)}: so one outlet has one name.`
      : before.length === 0
        ? "Write its number alone."
        : `Write its number alone, or "${[...before, "N"].join(".")}" with the numbers of its unit.`;
    throw new PowerError("config", `this PDU has no outlet "${outlet}"`, { hint });
  }

  /** The values of a column by outlet. */
  async #column(template: string, signal: AbortSignal): Promise<ReadonlyMap<string, number | string | Buffer>> {
    const [column = "", tail = ""] = (this.#root + template).split(`.${PLACE}`);
    const below = await this.agent.below(column, signal);
    const found = [...below].flatMap(([index, value]) => {
      if (!index.endsWith(tail)) return [];
      const outlet = this.#outletOf(index.slice(0, index.length - tail.length));
      return outlet === undefined ? [] : [[outlet, value] as const];
    });
    return new Map(found);
  }

  #outletOf(index: string): string | undefined {
    const { firstUnit, index: numbering } = this.#model;
    const parts = index.split(".");
    if (parts.length !== (firstUnit?.split(".").length ?? 0) + 1) return undefined;
    if (numbering) return numbering.printed(Number(index))?.toString();
    return parts.slice(0, -1).join(".") === (firstUnit ?? "") ? parts.at(-1) : index;
  }

  #missing(outlet: string): PowerError {
    return new PowerError("not_found", `the PDU tells nothing of an outlet ${outlet}`, {
      hint: `It was asked as ${this.#model.title}. Check \`outlet\`, and \`model\`; \`maasochist hubs outlets HUB\` lists what it has.`,
    });
  }
}

function attempt<T>(work: () => T): T | PowerError {
  try {
    return work();
  } catch (error) {
    return PowerError.from(error);
  }
}
