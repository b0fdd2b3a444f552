import { expect, test } from "vitest";
import { ShellyDevice } from "../../simulators/shelly.ts";
import { describeInBrowser, House, shows, VIEWER, Visit } from "./visit.ts";

describeInBrowser("adding a machine on the dashboard", () => {
  test("a daemon without machines opens with it; the device is asked, nothing is switched, and what is pasted is taken over", async () => {
    await using shelly = await ShellyDevice.start({ password: "hush-hush" });
    await using house = await House.open({ machines: "  {}\n" });
    await using visit = await Visit.to(house);
    const { page } = visit;
    await page.getByRole("heading", { name: "No machines yet" }).waitFor();
    await page.getByLabel("Search").fill("shelly");
    await page.getByRole("link", { name: /^Shelly plugs/ }).click();
    expect(await page.getByRole("button", { name: "Test" }).isDisabled()).toBe(true);
    await shows(visit, "Still missing: name, host");
    await page.getByLabel("name", { exact: true }).fill("nuc1");
    await page.getByLabel("host", { exact: true }).fill("127.0.0.1");
    await page.getByText("More settings of the driver").click();
    await page.getByLabel("port optional").fill(String(shelly.port));
    await page.getByRole("button", { name: "Test" }).click();
    await shows(visit, "The device could not be asked");
    await page.getByLabel("password optional").fill("hush-hush");
    await page.getByRole("button", { name: "Test" }).click();
    await shows(visit, "It works: the machine reads off, measured");
    expect(shelly.commands).toEqual([]);
    const yaml = (await page.getByRole("region", { name: "the machine's configuration" }).textContent()) ?? "";
    expect(yaml).toContain("nuc1:");
    expect(yaml).not.toContain("hush-hush");
    const [, secret = ""] = /!secret ([\w-]+)/.exec(yaml) ?? [];
    house.place.write("secrets.yaml", `${secret}: hush-hush\n`);
    const [, machines = ""] = yaml.split("machines:\n");
    house.configure(machines);
    await page.getByRole("link", { name: "Machines", exact: true }).click();
    await visit.machine("nuc1").getByText("Off", { exact: true }).waitFor();
  });

  test("what would not be valid is told by its line, and a viewer is told that testing is for admins", async () => {
    await using house = await House.open({ machines: "  nuc1: { driver: simulated }\n" });
    {
      await using visit = await Visit.to(house, { path: "add?driver=simulated" });
      const { page } = visit;
      await page.getByLabel("name", { exact: true }).fill("nuc1");
      await page.getByRole("button", { name: "Test" }).click();
      await shows(visit, "This would not be a valid configuration");
      await shows(visit, /machine "nuc1" is already given/);
    }
    await using visit = await Visit.to(house, { token: VIEWER, path: "add?driver=simulated" });
    await shows(visit, "Only an admin may test");
    await visit.page.getByLabel("name", { exact: true }).fill("nuc2");
    expect(await visit.page.getByRole("button", { name: "Test" }).isDisabled()).toBe(true);
  });
});
