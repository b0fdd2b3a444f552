/** Takes connections on a port, and while the gate is shut does nothing at all: then its queue fills up. */
import { createServer } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

const gate = new Int32Array(workerData);
const server = createServer((socket) => socket.on("error", () => undefined).end());
server.listen({ port: 0, host: "127.0.0.1", backlog: 32 }, () => parentPort?.postMessage(server.address().port));
parentPort?.on("message", () => Atomics.wait(gate, 0, 1));
