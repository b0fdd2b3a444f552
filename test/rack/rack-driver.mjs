/**
 * Speaks to the hubs of rack.mjs, as a driver of the user's own. See protocol.md.
 *     → {"id":1,"op":"set","outlet":4,"on":true}
 *     ← {"id":1,"ok":true}
 */
import { connect } from "node:net";
import { createInterface } from "node:readline";

export default (kit) => {
  class Rack {
    #socket;
    #waiting = new Map();
    #last = 0;

    constructor(socket) {
      this.#socket = socket;
      createInterface({ input: socket })
        .on("error", () => undefined)
        .on("line", (line) => this.#answer(line));
      socket.on("error", () => undefined);
      socket.on("close", () => this.#end(new kit.PowerError("unreachable", "the rack closed the connection")));
    }

    static open({ host, port }, signal) {
      return new Promise((resolve, reject) => {
        const socket = connect({ host, port });
        // The signal is that of the exchange that opens it: later ones come with their own.
        const giveUp = () => socket.destroy(signal.reason);
        signal.addEventListener("abort", giveUp);
        socket.once("connect", () => {
          signal.removeEventListener("abort", giveUp);
          resolve(new Rack(socket));
        });
        socket.once("error", (cause) =>
          reject(new kit.PowerError("unreachable", `the rack at port ${port} does not answer`, { cause })),
        );
      });
    }

    ask(request, signal) {
      const acted = request.op === "set";
      return new Promise((resolve, reject) => {
        const id = ++this.#last;
        const fail = (error) => reject(acted ? error.acted() : error);
        if (this.#socket.destroyed) {
          reject(new kit.PowerError("unreachable", "the rack closed the connection"));
          return;
        }
        this.#waiting.set(id, { resolve, fail });
        signal.addEventListener("abort", () => {
          this.#waiting.delete(id);
          fail(kit.PowerError.from(signal.reason));
        });
        this.#socket.write(`${JSON.stringify({ id, ...request })}\n`);
      });
    }

    #answer(line) {
      try {
        const { id, ...answer } = JSON.parse(line);
        this.#waiting.get(id)?.resolve(answer);
        this.#waiting.delete(id);
      } catch {
        this.#end(new kit.PowerError("protocol", `the rack answered ${kit.clip(line)}`));
      }
    }

    #end(error) {
      for (const { fail } of this.#waiting.values()) fail(error);
      this.#waiting.clear();
      this.#socket.destroy();
    }

    close() {
      this.#socket.destroy();
    }
  }

  const word = (on) => (on === true ? "on" : on === false ? "off" : new kit.PowerError("protocol", "no such outlet"));

  return kit.defineDriver({
    name: "rack",
    title: "Rack of the tests",
    family: "Test",
    summary: "Switches machines of the rack that the tests start.",
    sources: [],
    examples: [],
    cuts: "bmc",
    hub: kit.z.object({ host: kit.host({ from: "address" }), port: kit.port() }),
    outlet: kit.z.object({ outlet: kit.index("Outlet, counted from 0") }),
    pace: { timeout: 2_000 },
    connect: (hub, { signal }) => Rack.open(hub, signal),
    disconnect: (rack) => rack.close(),
    identify: async (rack, { signal }) => ({ id: (await rack.ask({ op: "identify" }, signal)).serial }),
    on: async (rack, { outlet }, { signal }) => void (await rack.ask({ op: "set", outlet, on: true }, signal)),
    off: async (rack, { outlet }, { signal }) => void (await rack.ask({ op: "set", outlet, on: false }, signal)),
    query: async (rack, { outlet }, { signal }) => {
      const answer = word((await rack.ask({ op: "get", outlet }, signal)).on);
      if (answer instanceof kit.PowerError) throw answer;
      return answer;
    },
    queryAll: async (rack, outlets, { signal }) => {
      const { on } = await rack.ask({ op: "all" }, signal);
      return outlets.map(({ outlet }) => word(on?.[outlet]));
    },
  });
};
