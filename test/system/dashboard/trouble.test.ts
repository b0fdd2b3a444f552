import { expect, test } from "vitest";
import { keptPort } from "../../kept-port.ts";
import { ShellyDevice } from "../../simulators/shelly.ts";
import { describeInBrowser, House, shows, Visit } from "./visit.ts";

const MACHINES = "  nuc1: { driver: simulated, initial: on }\n";

describeInBrowser("trouble on the dashboard", () => {
  test("a hub that breaks is seen on every page, with what to do, and seen to be mended", async () => {
    const port = await keptPort();
    await using shelly = await ShellyDevice.start({ relays: 2, port });
    await using house = await House.open({
      machines: "  nuc1: { hub: strip, outlet: 0, poll: 1s }\n  nuc2: { hub: strip, outlet: 1, poll: 1s }\n",
      more: `hubs: { strip: { driver: shelly, host: 127.0.0.1, port: ${port} } }\n`,
    });
    await using visit = await Visit.to(house);
    const { page } = visit;
    await visit.machine("nuc1").getByText("Off", { exact: true }).waitFor();
    await shelly.die();
    await visit.machine("nuc1").getByText("Error", { exact: true }).waitFor();
    await page.getByRole("button", { name: "2 error" }).waitFor();
    await visit.machine("nuc1").getByRole("link", { name: "nuc1" }).click();
    await shows(visit, "Its power cannot be read");
    await shows(visit, /Check that the device is powered/);
    await page.getByRole("link", { name: /^Hubs/ }).click();
    await page
      .locator('[data-hub="strip"]')
      .getByText(/^Failing/)
      .waitFor();
    await page.getByRole("link", { name: "strip" }).click();
    await shows(visit, "It does not answer as it should");
    await page.getByRole("table", { name: "Outlets in use" }).getByRole("link", { name: "nuc2" }).waitFor();
    await shelly.revive();
    await shows(visit, "Answers");
    await page.getByRole("link", { name: "Events" }).click();
    await page.getByRole("cell", { name: "Answers again" }).first().waitFor();
    expect(await page.locator(".nav__count").filter({ visible: true }).count()).toBe(0);
  });

  test("a daemon that is gone leaves what was known with its time, and is taken up again when it is back", async () => {
    await using house = await House.open({ machines: MACHINES });
    await using visit = await Visit.to(house, { token: null });
    const { page } = visit;
    await page.getByRole("button", { name: "With a token instead" }).click();
    await page.getByLabel("Token").fill("the_token_of_the_admin_herself");
    await page.getByRole("button", { name: "Sign in" }).click();
    await visit.machine("nuc1").getByText("On", { exact: true }).waitFor();
    await house.kill();
    await page.getByText(/^Connection lost, showing \d\d:\d\d:\d\d$/).waitFor();
    await visit.machine("nuc1").getByText("On", { exact: true }).waitFor();
    house.configure("  nuc1: { driver: simulated, initial: off }\n  nuc2: { driver: simulated, initial: off }\n");
    await house.start();
    // Sessions end with the daemon.
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByRole("button", { name: "With a token instead" }).click();
    await page.getByLabel("Token").fill("the_token_of_the_admin_herself");
    await page.getByRole("button", { name: "Sign in" }).click();
    await visit.machine("nuc2").getByText("Off", { exact: true }).waitFor();
    expect(await page.getByText(/^Connection lost/).count()).toBe(0);
  });

  test("a file that becomes invalid is told of everywhere, by line, and what ran runs on", async () => {
    await using house = await House.open({ machines: MACHINES });
    await using visit = await Visit.to(house);
    const { page } = visit;
    await visit.machine("nuc1").waitFor();
    house.configure("  nuc1: { driver: simulated, boto: 3s }\n");
    await shows(visit, "The daemon is in trouble");
    await visit.machine("nuc1").getByText("On", { exact: true }).waitFor();
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Configuration" }).click();
    await shows(visit, "The file is not valid");
    await page
      .getByText(/maasochist\.yaml:2:\d+$/)
      .first()
      .waitFor();
    await shows(visit, /did you mean "boot"/);
    house.configure("  nuc1: { driver: simulated, initial: on }\n  nuc2: { driver: simulated }\n");
    await page.getByText("The daemon is in trouble").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Machines", exact: true }).click();
    await visit.machine("nuc2").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("what a reload would change is shown before, and the resolved configuration without secrets", async () => {
    await using house = await House.open({
      machines:
        '  nuc1: { driver: simulated }\n  plug: { driver: shelly, host: 127.0.0.1, port: 9, password: "hush-hush" }\n',
    });
    await using visit = await Visit.to(house, { path: "configuration" });
    const { page } = visit;
    await page.getByRole("button", { name: "Check the file" }).click();
    await shows(visit, "The file says what runs already.");
    await page.getByRole("button", { name: "Show it" }).click();
    const resolved = page.getByRole("region", { name: "the resolved configuration" });
    await resolved.getByText("password: •••").waitFor();
    expect(await page.content()).not.toContain("hush-hush");
  });
});
