import { expect, test } from "vitest";
import { until } from "../../expecting.ts";
import { ShellyDevice } from "../../simulators/shelly.ts";
import { describeInBrowser, House, shows, Visit } from "./visit.ts";

const WARNING = "Power off will perform a hard power off, which occurs immediately without any warning to the OS.";

function plug({ port }: ShellyDevice, outlet: number): string {
  return `{ driver: shelly, host: 127.0.0.1, port: ${port}, outlet: ${outlet}, above: 6W, min_off: 0s, tags: [rack1] }`;
}

describeInBrowser("switching on the dashboard", () => {
  test("one machine is found, switched on, and shown on because its relay is closed", async () => {
    await using shelly = await ShellyDevice.start({ relays: 2, meter: true });
    await using house = await House.open({ machines: `  nuc1: ${plug(shelly, 0)}\n  pi1: ${plug(shelly, 1)}\n` });
    await using visit = await Visit.to(house);
    const { page } = visit;
    await visit.machine("pi1").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("nuc");
    await visit.machine("pi1").waitFor({ state: "detached" });
    await visit.machine("nuc1").getByText("Off", { exact: true }).waitFor();
    await visit.machine("nuc1").getByRole("button", { name: "Take action on nuc1" }).click();
    await page.getByRole("menuitem", { name: "Turn on" }).click();
    await visit.machine("nuc1").getByText("On", { exact: true }).waitFor();
    await visit.machine("nuc1").getByText("Power on by boss").waitFor();
    expect(shelly.machine(0).running).toBe(true);
    expect(shelly.machine(1).running).toBe(false);
  });

  test("several are switched off together after MAAS's own warning, and not before", async () => {
    await using shelly = await ShellyDevice.start({ relays: 2, meter: true });
    await using house = await House.open({ machines: `  nuc1: ${plug(shelly, 0)}\n  nuc2: ${plug(shelly, 1)}\n` });
    await using visit = await Visit.to(house);
    const { page } = visit;
    await page.getByLabel("Select all machines that are listed").check();
    await page.getByRole("button", { name: "Power on…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Power on 2 machines" }).click();
    await shows(visit, "2 machines powered on");
    await page.getByRole("button", { name: "Power off…" }).click();
    const dialog = page.getByRole("dialog", { name: "Power off" });
    await dialog.getByText(WARNING).waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    expect(shelly.commands.filter((command) => command.includes("off"))).toEqual([]);
    await page.getByRole("button", { name: "Power off…" }).click();
    await dialog.getByLabel("Reason").fill("the rack moves");
    await dialog.getByRole("button", { name: "Power off 2 machines" }).click();
    await shows(visit, "2 machines powered off");
    expect([shelly.machine(0).running, shelly.machine(1).running]).toEqual([false, false]);
    await page.getByRole("link", { name: "Events" }).click();
    await shows(visit, "the rack moves");
  });

  test("more than five are switched off only by who says how many they are", async () => {
    await using house = await House.open({
      machines: '  "nuc[1-7]": { driver: simulated, initial: on, shutdown: 0s }\n',
    });
    await using visit = await Visit.to(house);
    const { page } = visit;
    await page.getByLabel("Select all machines that are listed").check();
    await page.getByRole("button", { name: "Power off…" }).click();
    const off = page.getByRole("button", { name: "Power off 7 machines" });
    await off.waitFor();
    expect(await off.isDisabled()).toBe(true);
    await page.getByLabel("Type 7 to confirm").fill("6");
    expect(await off.isDisabled()).toBe(true);
    await page.getByLabel("Type 7 to confirm").fill("7");
    await off.click();
    await shows(visit, "7 machines powered off");
  });

  test("a slow transition is watched: how long it takes already, what was done, and what proved it", async () => {
    await using house = await House.open({ machines: "  nuc1: { driver: simulated, boot: 4s, initial: off }\n" });
    await using visit = await Visit.to(house, { path: "machines/nuc1" });
    const { page } = visit;
    await shows(visit, "Powered off");
    await page.getByRole("button", { name: "Power on" }).click();
    await page.getByRole("progressbar", { name: "Powering on…" }).waitFor();
    await page.getByText(/\d s of at most 2 min/).waitFor();
    await page.getByRole("region", { name: "Under way" }).getByText("on by simulated outlet 1").waitFor();
    expect(await page.getByRole("button", { name: "Power on", exact: true }).isDisabled()).toBe(true);
    await shows(visit, "Powered on");
    await page.getByRole("region", { name: "Last action" }).getByText("done, measured: running").waitFor();
  });

  test("what cannot be obeyed says which machine, why and what to do", async () => {
    await using house = await House.open({
      machines:
        "  nuc1: { driver: simulated, initial: on }\n  nuc2: { driver: simulated, initial: on, fault: refuses }\n",
    });
    await using visit = await Visit.to(house);
    const { page } = visit;
    await page.getByLabel("Select all machines that are listed").check();
    await page.getByRole("button", { name: "Power off…" }).click();
    await page.getByText("Hard, at once").click();
    await page.getByRole("button", { name: "Power off 2 machines" }).click();
    await shows(visit, "1 of 2 machines powered off");
    await shows(visit, /The device understood and said no/);
    expect(await page.locator(".task__failures").textContent()).toMatch(/^nuc2: simulated outlet 1 refuses/);
  });

  test("a protected machine says why not, and an admin passes only by saying so", async () => {
    await using house = await House.open({
      machines: "  db1: { driver: simulated, initial: on, protect: people, shutdown: 0s }\n",
    });
    await using visit = await Visit.to(house, { path: "machines/db1" });
    const { page } = visit;
    await shows(visit, "db1 is protected against off by people");
    await page.getByRole("button", { name: "Power off…" }).click();
    await shows(visit, "1 protected machine left out");
    expect(await page.getByRole("button", { name: "Power off 0 machines" }).isDisabled()).toBe(true);
    await page.getByText("Pass their protection").click();
    await page.getByRole("button", { name: "Power off 1 machine" }).click();
    await shows(visit, "Powered off");
    await shows(visit, /past its protection/);
  });

  test("a locked machine takes nothing until it is unlocked", async () => {
    await using house = await House.open({ machines: "  nuc1: { driver: simulated, initial: on }\n" });
    await using visit = await Visit.to(house, { path: "machines/nuc1" });
    const { page } = visit;
    await page.getByRole("button", { name: "Lock…" }).click();
    await page.getByLabel(/^Reason/).fill("memory is being changed");
    await page.getByRole("button", { name: "Lock 1 machine" }).click();
    await shows(visit, "This machine is locked. You have to unlock it to perform any actions.");
    await shows(visit, /memory is being changed/);
    expect(await page.getByRole("button", { name: "Power off…" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Unlock" }).click();
    await until(() => page.getByRole("button", { name: "Power off…" }).isEnabled());
  });
});
