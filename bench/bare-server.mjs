/** The reference: a bare node:http server that checks the same header and answers the same bytes. */
import { createServer } from "node:http";

const expected = `Bearer ${process.argv[2]}`;
const body = Buffer.from('{"status":"stopped"}');

createServer((request, response) => {
  request.resume();
  if (request.headers.authorization !== expected) {
    response.writeHead(401).end();
    return;
  }
  response.writeHead(200, [
    "Content-Type",
    "application/json",
    "Content-Length",
    String(body.length),
    "Cache-Control",
    "no-store",
  ]);
  response.end(body);
}).listen(0, "127.0.0.1", function () {
  process.stdout.write(`${this.address().port}\n`);
});
