import { expect, test } from "vitest";
import { describeInBrowser, House, shows, Visit } from "./visit.ts";

const MACHINES = `  "nuc[1-3]": { driver: simulated, initial: on, tags: [nuc, rack1], description: Under the desk }
  db1: { driver: simulated, initial: on, protect: people, tags: [rack2] }
  attic: { hub: strip, outlet: 7, fault: unreachable, tags: [rack2] }
  old-tower: { supply: { hub: strip, outlet: 3, kind: plug }, tags: [rack2] }
`;
const MORE = "hubs: { strip: { driver: simulated } }\n";
const PAGES = [
  "",
  "?group=tag",
  "machines/nuc1",
  "machines/attic",
  "machines/nuc1?tab=maas",
  "machines/nuc1?tab=configuration",
  "machines/nuc1?tab=events",
  "hubs",
  "hubs/strip",
  "events",
  "configuration",
  "add",
  "add?driver=snmp-pdu",
];

/** A page each takes its time to be looked through (ms). */
const LONG_MS = 300_000;

describeInBrowser("looking at the dashboard", () => {
  test.each(["light", "dark"] as const)(
    "no page has a serious barrier for anybody, in %s",
    { timeout: LONG_MS },
    async (colorScheme) => {
      await using house = await House.open({ machines: MACHINES, more: MORE });
      {
        await using visit = await Visit.to(house, { token: null, colorScheme });
        await visit.page.getByRole("heading", { name: "Sign in" }).waitFor();
        expect(await visit.barriers()).toEqual([]);
      }
      await using visit = await Visit.to(house, { colorScheme });
      await visit.machine("attic").getByText("Error", { exact: true }).waitFor();
      const found: string[] = [];
      for (const path of PAGES) {
        await visit.page.goto(`${house.url}/${path}`);
        await visit.page.getByRole("heading", { level: 1 }).waitFor();
        await visit.page.locator(".loading").waitFor({ state: "detached" });
        for (const barrier of await visit.barriers()) found.push(`${path}: ${barrier}`);
      }
      expect(found).toEqual([]);
    },
  );

  test("dialogs and menus have none either, and keep the keyboard within until Escape gives it back", async () => {
    await using house = await House.open({ machines: MACHINES, more: MORE });
    await using visit = await Visit.to(house);
    const { page } = visit;
    await visit.machine("nuc1").getByRole("button", { name: "Take action on nuc1" }).click();
    await page.getByRole("menuitem", { name: "Turn off…" }).waitFor();
    expect(await visit.barriers()).toEqual([]);
    await page.getByRole("menuitem", { name: "Turn off…" }).click();
    const dialog = page.getByRole("dialog", { name: "Power off" });
    await dialog.waitFor();
    expect(await visit.barriers()).toEqual([]);
    for (let presses = 0; presses < 12; presses += 1) {
      await page.keyboard.press("Tab");
      const outside = await page.evaluate(() => {
        const { activeElement } = document;
        return activeElement !== document.body && activeElement?.closest("dialog") === null;
      });
      expect(outside).toBe(false);
    }
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  });

  test("by keyboard alone a machine is found, ticked, switched and read about", async () => {
    await using house = await House.open({
      machines: "  nuc1: { driver: simulated, boot: 0s }\n  nuc2: { driver: simulated }\n",
    });
    await using visit = await Visit.to(house);
    const { page } = visit;
    const focused = () =>
      page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent);
    await visit.machine("nuc1").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("nuc");
    await page.keyboard.press("Escape");
    expect(await page.getByPlaceholder("Search machines").inputValue()).toBe("");
    await page.getByLabel("Select nuc1").focus();
    await page.keyboard.press("Space");
    await shows(visit, "1 machine selected");
    await page.keyboard.press("ArrowDown");
    await expect.poll(focused).toBe("Select nuc2");
    await page.keyboard.press("ArrowUp");
    await expect.poll(focused).toBe("Select nuc1");
    await page.getByRole("button", { name: "Take action on nuc1" }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(focused).toBe("Turn on");
    await page.keyboard.press("Enter");
    await visit.machine("nuc1").getByText("On", { exact: true }).waitFor();
    await visit.machine("nuc1").getByRole("link", { name: "nuc1" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "nuc1" }).waitFor();
  });

  test("the theme is the system's until one is chosen, and then stays so", async () => {
    await using house = await House.open({ machines: MACHINES, more: MORE });
    await using visit = await Visit.to(house, { colorScheme: "dark" });
    const { page } = visit;
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await visit.machine("nuc1").waitFor();
    expect(await background()).toBe("rgb(38, 38, 38)");
    await page.getByLabel("Theme").selectOption("light");
    expect(await background()).toBe("rgb(255, 255, 255)");
    await page.reload();
    await visit.machine("nuc1").waitFor();
    expect(await background()).toBe("rgb(255, 255, 255)");
  });

  test("on a phone machines are cards, and nothing is wider than the screen", async () => {
    await using house = await House.open({ machines: MACHINES, more: MORE });
    await using visit = await Visit.to(house, {
      viewport: { width: 360, height: 740 },
      hasTouch: true,
      isMobile: true,
    });
    const { page } = visit;
    await page.getByRole("article", { name: "nuc1" }).waitFor();
    expect(await page.getByRole("table").count()).toBe(0);
    const tooWide: string[] = [];
    for (const path of PAGES) {
      await page.goto(`${house.url}/${path}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.locator(".loading").waitFor({ state: "detached" });
      const beyond = await page.locator("main").evaluate((main) => main.scrollWidth - main.clientWidth);
      if (beyond > 0) tooWide.push(`${path}: by ${beyond} px`);
    }
    expect(tooWide).toEqual([]);
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Machines" }).click();
    await page.getByRole("article", { name: "nuc1" }).getByRole("button", { name: "Take action on nuc1" }).click();
    await page.getByRole("menuitem", { name: "Check power" }).click();
    await shows(visit, "1 machine checked");
  });

  test("ten thousand machines are drawn as they are scrolled to, and found at once", async () => {
    await using house = await House.open({
      machines: '  "m[00001-10000]": { hub: farm, outlet: "{n}", tags: [farm] }\n',
      more: "hubs: { farm: { driver: simulated } }\n",
    });
    await using visit = await Visit.to(house);
    const { page } = visit;
    await visit.machine("m00001").waitFor();
    const table = page.getByRole("table", { name: "Machines" });
    expect(await table.getAttribute("aria-rowcount")).toBe("10001");
    expect(await page.locator("tbody tr").count()).toBeLessThan(80);
    await page.locator("main").evaluate((main) => main.scrollTo(0, main.scrollHeight));
    await visit.machine("m10000").waitFor();
    expect(await visit.machine("m10000").getAttribute("aria-rowindex")).toBe("10001");
    expect(await page.locator("tbody tr").count()).toBeLessThan(80);
    await page.getByPlaceholder("Search machines").fill("m0777");
    await visit.machine("m07770").waitFor();
    expect(await table.getAttribute("aria-rowcount")).toBe("11");
  });
});
