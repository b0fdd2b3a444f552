/**
 * A network card that waits for its magic packet: `wake-receiver.mjs PATTERN ADDRESS:PORT…`, the pattern in hexadecimal.
 * Linux hands a socket that is bound to an address what was sent to that very address, broadcasts too, and nothing else.
 * One line for each socket that listens, and one for each datagram.
 */
import { createSocket } from "node:dgram";

const [pattern, ...places] = process.argv.slice(2);
const wanted = Buffer.from(pattern, "hex");

for (const to of places) {
  const [address, port] = to.split(":");
  const socket = createSocket("udp4");
  socket.on("listening", () => console.log(JSON.stringify({ listening: to })));
  socket.on("message", (data, { address: from }) => {
    console.log(JSON.stringify({ to, from, bytes: data.length, wakes: data.includes(wanted) }));
  });
  socket.bind(Number(port), address);
}
