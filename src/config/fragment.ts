/** One machine as it would stand in the configuration, written for trying it and for pasting it. */
import { Document, isMap, isScalar, type Scalar, stringify, visit } from "yaml";
import type { Driver } from "../power/driver.ts";
import { SecretKeys } from "./secret-keys.ts";

export interface Fragment {
  readonly name: string;
  /** What would stand under its name. */
  readonly machine: Readonly<Record<string, unknown>>;
}

/** The whole text to try it with: the fragment first, so that places in it are those in the fragment alone. */
export function fragmentText({ name, machine }: Fragment, included: string | undefined): string {
  const fragment = { machines: { [name]: machine } };
  return stringify(included === undefined ? fragment : { ...fragment, include: [included] }, WRITING);
}

/** The text to paste. Secrets are named, and what to write into secrets.yaml is told without their values. */
export function shownFragment({ name, machine }: Fragment, drivers: readonly Driver[]): string {
  const document = new Document({ machines: { [name]: machine } }, { version: "1.2" });
  const keys = new SecretKeys(drivers);
  const secrets = new Map<Scalar, string>();
  visit(document, {
    Pair: (_, pair, path) => {
      if (!isScalar(pair.key) || path.length < 5 || !keys.has(String(pair.key.value))) return;
      const called = `${name}_${String(pair.key.value)}`;
      if (isScalar(pair.value)) secrets.set(pair.value, called);
      else if (isMap(pair.value))
        for (const inner of pair.value.items)
          if (isScalar(inner.value) && isScalar(inner.key))
            secrets.set(inner.value, `${called}_${String(inner.key.value)}`);
    },
  });
  for (const [value, called] of secrets) {
    value.value = called;
    value.tag = "!secret";
    delete value.type;
  }
  const told = [...secrets.values()].map((called) => `#   ${called}: …\n`);
  return (
    document.toString(WRITING) +
    (told.length > 0 ? `# In secrets.yaml beside the configuration:\n${told.join("")}` : "")
  );
}

const WRITING = { lineWidth: 0 } as const;
