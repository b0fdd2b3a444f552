import { expect, test } from "vitest";
import { describeWith, missing, notRoot } from "./need.ts";
import { LINK, MACHINE_ADDRESS, Network } from "./network.ts";

/** A port at which nothing listens. */
const PORT = 22;
const patience = { wait: "500ms", misses: 2, silence: "off" };
const NEEDS = missing({ ip: "iproute2", ping: "iputils-ping" });

describeWith(NEEDS, notRoot())("a host on a network", () => {
  test.each([
    ["refuses a connection", { by: ["tcp"], ports: [PORT] }, `${MACHINE_ADDRESS} refuses TCP ${PORT}`],
    ["answers ping", { by: ["icmp"] }, `${MACHINE_ADDRESS} answers ping`],
    ["answers ARP", { by: ["arp"] }, `${MACHINE_ADDRESS} answers ARP`],
  ])("is on where it %s", async (_what, way, evidence) => {
    await using network = await Network.open();
    expect(await read(network, way)).toMatchObject({ answer: { state: "on", evidence } });
  });

  test("is on by ARP where its firewall lets nothing else out", async () => {
    await using network = await Network.open();
    // Without a way back no ping and no TCP is answered; ARP takes none.
    await network.ip("machine", "route", "delete", "10.98.0.0/24", "dev", LINK.machine);
    expect(await read(network, { by: ["tcp", "icmp"] })).toMatchObject({ answer: { state: "off" } });
    expect(await read(network, { by: ["tcp", "icmp", "arp"] })).toMatchObject({
      answer: { state: "on", evidence: `${MACHINE_ADDRESS} answers ARP` },
    });
  });

  test("is silent by every way where it is gone, and answers again where it is back", async () => {
    await using network = await Network.open();
    const everyWay = { by: ["tcp", "icmp", "arp"] };
    await network.ip("machine", "address", "delete", `${MACHINE_ADDRESS}/24`, "dev", LINK.machine);
    expect(await read(network, everyWay)).toMatchObject({
      answer: { state: "off", evidence: `no answer from ${MACHINE_ADDRESS} (tcp ${PORT}, icmp, arp; 2 × 0.5 s)` },
    });
    expect(await read(network, { ...everyWay, silence: "unknown" })).toMatchObject({ answer: { state: "unknown" } });
    await network.ip("machine", "address", "add", `${MACHINE_ADDRESS}/24`, "dev", LINK.machine);
    expect(await read(network, everyWay)).toMatchObject({ answer: { state: "on" } });
  });

  test("is not known to be on for long by what ARP told before", async () => {
    await using network = await Network.open();
    expect(await read(network, { by: ["arp"] })).toMatchObject({ answer: { state: "on" } });
    await network.ip("machine", "address", "delete", `${MACHINE_ADDRESS}/24`, "dev", LINK.machine);
    await network.ip("daemon", "neighbour", "change", MACHINE_ADDRESS, "dev", LINK.daemon, "nud", "stale");
    expect(await read(network, { by: ["arp"] })).toMatchObject({ answer: { state: "off" } });
  });

  test("cannot be asked, and is not off, where the daemon's own network is down", async () => {
    await using network = await Network.open();
    await network.ip("daemon", "link", "set", LINK.daemon, "down");
    for (const way of ["tcp", "icmp", "arp"]) {
      expect(await read(network, { by: [way] })).toMatchObject({ failure: { code: "unreachable" } });
    }
  });

  test("is silent where its cable is out", async () => {
    await using network = await Network.open();
    await network.ip("machine", "link", "set", LINK.machine, "down");
    const ways = { by: ["tcp", "icmp"] };
    expect(await read(network, ways)).toMatchObject({ answer: { state: "off" } });
    expect(await read(network, { ...ways, silence: "unknown" })).toMatchObject({ answer: { state: "unknown" } });
  });
});

function read(network: Network, outlet: object): Promise<unknown> {
  return network.call("reachable", "query", { host: MACHINE_ADDRESS, ports: [PORT], ...patience, ...outlet });
}
