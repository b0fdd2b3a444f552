/** Another process that works on the store: `other-process.mjs WHAT PATH [NAME]`. It says a line when it is ready. */
import { Credentials } from "../../src/store/credentials.ts";
import { SqliteJournal } from "../../src/store/journal.ts";
import { FileMemory } from "../../src/store/memory.ts";
import { ANNA, Lab } from "../power/lab.ts";

const [what, path, name] = process.argv.slice(2);

const works = {
  /** A daemon in the middle of an order, until it is killed. */
  order: async () => {
    const lab = new Lab({
      store: {
        journal: await new SqliteJournal({
          path,
          keep: 86_400_000,
          now: () => Date.UTC(2026, 0, 1),
          onProblem: () => {},
        }).open(),
        memory: new FileMemory(`${path}.memory`),
      },
    });
    lab.addMachine("nuc1", { boot: "500s" });
    const { order } = lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA, reason: "night build" });
    while (lab.commands("nuc1").length === 0) await new Promise((resolve) => setImmediate(resolve));
    process.stdout.write(`${order.id}\n`);
    setInterval(() => {}, 1_000);
  },
  /** Remembers one machine after the other, until it is killed. */
  remember: async () => {
    const memory = new FileMemory(path);
    for (let at = 1; ; at++) {
      memory.set("nuc1", { last: { state: "on", at }, openedAt: at });
      process.stdout.write(`${at}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
  /** Makes three tokens and takes the middle one away again. */
  tokens: async () => {
    const credentials = new Credentials(path);
    for (const number of [1, 2, 3])
      await credentials.addToken({ name: `${name}-${number}`, role: "viewer", machines: ["*"], from: [] });
    await credentials.revoke("tokens", `${name}-2`);
  },
};
await works[what]();
