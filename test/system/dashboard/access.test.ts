import { expect, test } from "vitest";
import { hashPassword } from "../../../src/http/password.ts";
import { TOKEN } from "../../cli/cli.ts";
import { describeInBrowser, House, shows, VIEWER, Visit } from "./visit.ts";

const MACHINES = "  nuc1: { driver: simulated, initial: on }\n  nuc2: { driver: simulated }\n";
const PASSWORD = "correct horse battery";

describeInBrowser("signing in to the dashboard", () => {
  test("is asked for first, refused with a wrong password, and brings to where one wanted to go", async () => {
    const users = `    - { name: anna, password_hash: "${await hashPassword(PASSWORD)}", role: operator }\n`;
    await using house = await House.open({ machines: MACHINES, users });
    await using visit = await Visit.to(house, { token: null, path: "machines/nuc2" });
    const { page } = visit;
    await page.getByLabel("Name").fill("anna");
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await shows(visit, "Not signed in");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "nuc2" }).waitFor();
    await shows(visit, "operator");
    await page.reload();
    await page.getByRole("heading", { name: "nuc2" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await page.content()).not.toContain("nuc2");
  });

  test("with a viewer's token shows everything, and lets nothing be switched, saying why", async () => {
    await using house = await House.open({ machines: MACHINES });
    await using visit = await Visit.to(house, { token: VIEWER });
    const { page } = visit;
    await visit.machine("nuc1").getByText("On", { exact: true }).waitFor();
    await page.getByLabel("Select nuc1").check();
    for (const name of ["Power on…", "Power off…", "Power cycle…", "Lock…"])
      expect(await page.getByRole("button", { name }).isDisabled()).toBe(true);
    await shows(visit, "Your role, viewer, may look but not switch machines.");
    await visit.machine("nuc1").getByRole("button", { name: "Take action on nuc1" }).click();
    for (const name of ["Turn on", "Turn off…", "Power cycle…", "Lock…"])
      expect(await page.getByRole("menuitem", { name }).isDisabled()).toBe(true);
    await page.getByRole("menuitem", { name: "Details" }).click();
    await page.getByRole("button", { name: "Power off…" }).waitFor();
    for (const name of ["Power on", "Power off…", "Power cycle…", "Reset…", "Lock…"])
      expect(await page.getByRole("button", { name, exact: true }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Check power" }).click();
    await shows(visit, "1 machine checked");
  });

  test("MAAS's settings stand in MAAS's order, can be copied, and hold no secret", async () => {
    await using house = await House.open({ machines: MACHINES });
    await using visit = await Visit.to(house, {
      path: "machines/nuc1?tab=maas",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const { page } = visit;
    const table = page.getByRole("table", { name: "Fields of MAAS's webhook form" });
    await table.waitFor();
    expect(await table.getByRole("rowheader").allTextContents()).toEqual([
      "URI to power on the node",
      "URI to power off the node",
      "URI to query the nodes power status",
      "Regex to confirm the node is on",
      "Regex to confirm the node is off",
      "Power user",
      "Power password",
      "Power token, will be used in place of power_user and power_pass",
      "Verify SSL connections with system CA certificates",
    ]);
    await page.getByRole("button", { name: "Copy URI to query the nodes power status" }).click();
    await page.locator("[data-announcer]", { hasText: "copied" }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${house.url}/maas/nuc1/query`);
    expect(await page.content()).not.toContain(TOKEN);
  });

  test("below a path of a proxy every address of the dashboard works", async () => {
    await using house = await House.open({ machines: MACHINES, server: ", base_path: /power" });
    await using visit = await Visit.to(house, { url: `${house.url}/power`, path: "machines/nuc1" });
    const { page } = visit;
    await page.getByRole("heading", { name: "nuc1" }).waitFor();
    await page.getByRole("link", { name: "Events" }).first().click();
    await page.getByRole("table", { name: "Events" }).waitFor();
    expect(new URL(page.url()).pathname).toMatch(/^\/power\//);
    await page.goBack();
    await page.getByRole("link", { name: "Machines", exact: true }).first().click();
    await visit.machine("nuc2").waitFor();
    expect(new URL(page.url()).pathname).toBe("/power/");
  });

  test("the licences of what the pages are made of come with them", async () => {
    await using house = await House.open({ machines: MACHINES });
    await using visit = await Visit.to(house);
    await visit.page.getByRole("link", { name: "Licences" }).click();
    const text = await visit.page.locator("pre").textContent();
    for (const name of [
      "react-dom",
      "@canonical/react-components",
      "vanilla-framework",
      "@fontsource-variable/ubuntu-sans",
      "eventsource-parser",
    ])
      expect(text).toContain(`\n${name} `);
    for (const license of [
      "GNU LESSER GENERAL PUBLIC LICENSE",
      "GNU GENERAL PUBLIC LICENSE",
      "UBUNTU FONT LICENCE",
      "MIT License",
    ])
      expect(text).toContain(license);
  });
});
