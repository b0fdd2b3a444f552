/** Devices for chaos and load, in a process of their own; see protocol.md. Usage: node rack.mjs settings.json log.jsonl */
import { createWriteStream, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

const [settingsFile, logFile] = process.argv.slice(2);
/** { hubs, outlets, firstPort, latencyMs, bootMs, shutdownMs } */
const settings = JSON.parse(readFileSync(settingsFile, "utf8"));
const log = createWriteStream(logFile, { flags: "a" });

function write(line) {
  log.write(`${JSON.stringify({ at: Date.now(), ...line })}\n`);
}

class Hub {
  constructor(number) {
    this.number = number;
    this.fault = null;
    this.exchanges = 0;
    this.on = Array.from({ length: settings.outlets }, () => false);
    this.timers = this.on.map(() => undefined);
    this.sockets = new Set();
    this.busy = Promise.resolve();
    this.server = createServer((socket) => this.serve(socket));
    void this.listen();
  }

  listen() {
    return new Promise((resolve) => this.server.listen(settings.firstPort + this.number, "127.0.0.1", resolve));
  }

  setFault(fault) {
    const refused = this.fault === "refuse";
    this.fault = fault;
    if (fault === "reset" || fault === "refuse") for (const socket of this.sockets) socket.resetAndDestroy();
    if (fault === "refuse") this.server.close();
    else if (refused) void this.listen();
    write({ hub: this.number, event: "fault", fault });
  }

  serve(socket) {
    if (this.fault === "reset") {
      socket.resetAndDestroy();
      return;
    }
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => undefined);
    createInterface({ input: socket })
      .on("error", () => undefined)
      .on("line", (line) => {
        this.busy = this.busy.then(() => this.work(socket, line));
      });
  }

  async work(socket, line) {
    if (this.fault === "stall") return;
    await new Promise((resolve) => setTimeout(resolve, settings.latencyMs));
    if (this.fault === "rubbish") {
      socket.write("<html>rebooting</html>\n");
      return;
    }
    const request = JSON.parse(line);
    this.exchanges += 1;
    const answer = this.answer(request);
    if (!socket.destroyed) socket.write(`${JSON.stringify({ id: request.id, ...answer })}\n`);
  }

  answer({ op, outlet, on }) {
    switch (op) {
      case "identify":
        return { serial: `rack-${this.number}` };
      case "get":
        return { on: this.on[outlet] };
      case "all":
        return { on: this.on };
      case "set":
        this.set(outlet, on);
        return { ok: true };
      default:
        return { error: "unknown op" };
    }
  }

  set(outlet, on) {
    write({ hub: this.number, outlet, event: "command", on });
    clearTimeout(this.timers[outlet]);
    this.timers[outlet] = setTimeout(
      () => {
        if (this.on[outlet] === on) return;
        this.on[outlet] = on;
        write({ hub: this.number, outlet, event: "state", on });
      },
      on ? settings.bootMs : settings.shutdownMs,
    );
  }
}

const hubs = Array.from({ length: settings.hubs }, (_, number) => new Hub(number));
createInterface({ input: process.stdin }).on("line", (line) => {
  const { hub, fault, ask } = JSON.parse(line);
  if (ask === "exchanges") process.stdout.write(`${JSON.stringify(hubs.map((known) => known.exchanges))}\n`);
  else hubs[hub].setFault(fault);
});
process.stdin.on("end", () => log.end(() => process.exit(0)));
process.stdout.write("ready\n");
