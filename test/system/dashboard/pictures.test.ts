/**
 * The pictures in the documentation. Every run takes them; with PICTURES=yes they replace those in docs/images:
 *
 *     PICTURES=yes npx vitest run --project system test/system/dashboard/pictures.test.ts
 */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TOKEN } from "../../cli/cli.ts";
import { describeInBrowser, House, shows, Visit, type VisitOptions } from "./visit.ts";

const IMAGES = join(import.meta.dirname, "../../../docs/images");
const MACHINES = `  "nuc[1-4]": { driver: simulated, boot: 25s, initial: on, shutdown: 2s, tags: [nuc, rack1], mac: ["1c:69:7a:aa:bb:01", "1c:69:7a:aa:bb:02", "1c:69:7a:aa:bb:03", "1c:69:7a:aa:bb:04"] }
  "pi[01-06]": { hub: poe-plugs, outlet: "{n}", kind: plug, above: 6W, boot: 1s, tags: [pi, rack1] }
  db1: { driver: simulated, initial: on, protect: people, description: The database, tags: [rack2] }
  attic: { hub: strip, outlet: 7, kind: plug, fault: unreachable, description: Two floors up, tags: [rack2] }
  tower: { supply: { hub: strip, outlet: 3, kind: plug, initial: on }, description: Nothing meters it, tags: [rack2] }
  build1: { driver: simulated, description: Being repaired, tags: [rack2] }
`;
const MORE = "hubs: { poe-plugs: { driver: simulated }, strip: { driver: simulated } }\n";
/** A picture that is smaller shows nothing, and one that is larger is a burden for a repository (bytes). */
const [SMALLEST, LARGEST] = [8_000, 200_000];

/** What MAAS and a person did before anybody looked. */
async function lively(house: House): Promise<void> {
  const asMaas = { authorization: `Bearer ${TOKEN}`, "user-agent": "MAAS 3.7.3" };
  for (const name of ["nuc1", "nuc2", "nuc3", "pi01"])
    await fetch(`${house.url}/maas/${name}/query`, { headers: asMaas });
  for (const [name, verb] of [
    ["pi01", "on"],
    ["pi02", "on"],
    ["nuc4", "off"],
  ]) {
    await fetch(`${house.url}/maas/${name}/${verb}`, { method: "POST", headers: asMaas });
  }
}

describeInBrowser("pictures of the dashboard", () => {
  test("show machines, one machine, the dark theme and a phone", async () => {
    await using house = await House.open({ machines: MACHINES, more: MORE });
    await lively(house);
    const folder = process.env["PICTURES"] === "yes" ? IMAGES : house.place.path;
    mkdirSync(folder, { recursive: true });
    const pictures: readonly {
      readonly name: string;
      readonly options: VisitOptions;
      readonly look?: (visit: Visit) => Promise<void>;
    }[] = [
      { name: "machines", options: {} },
      {
        name: "machine",
        options: { path: "machines/nuc4" },
        look: async (visit) => {
          await visit.page.getByRole("button", { name: "Power on", exact: true }).click();
          await visit.page.getByText(/^[3-9] s of at most/).waitFor();
        },
      },
      {
        name: "dark",
        options: { colorScheme: "dark", path: "?group=tag" },
        look: async (visit) => {
          await visit.page.getByLabel("Select nuc1").first().check();
          await visit.page.getByLabel("Select nuc2").first().check();
        },
      },
      { name: "phone", options: { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true } },
    ];
    for (const { name, options, look } of pictures) {
      await using visit = await Visit.to(house, { viewport: { width: 1280, height: 760 }, ...options });
      await visit.page.getByRole("heading", { level: 1 }).waitFor();
      await shows(visit, /Powered on|Powered off|nuc1/);
      await look?.(visit);
      const path = join(folder, `${name}.png`);
      await visit.page.screenshot({ path, animations: "disabled", caret: "hide" });
      expect(statSync(path).size).toBeGreaterThan(SMALLEST);
      expect(statSync(path).size).toBeLessThan(LARGEST);
    }
  });
});
