/**
 * Objects of an APC rack PDU and of a PoE switch, for snmpd: it asks for them on standard input (`pass_persist` in
 * snmpd.conf(5)). They are kept in the file that is named, as `{"outlets":{"1":1},"ports":{"1":1}}`, and read anew each time.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [file = ""] = process.argv.slice(2);
const APC = ".1.3.6.1.4.1.318.1.1.12.3";
const PETH = ".1.3.6.1.2.1.105.1.1.1";

function objects() {
  const { outlets, ports } = JSON.parse(readFileSync(file, "utf8"));
  return [
    ...Object.entries(outlets).flatMap(([outlet, state]) => [
      { oid: `${APC}.3.1.1.4.${outlet}`, type: "integer", value: state, of: "outlets", key: outlet },
      { oid: `${APC}.5.1.1.2.${outlet}`, type: "string", value: `Outlet ${outlet}` },
      { oid: `${APC}.5.1.1.4.${outlet}`, type: "integer", value: state },
    ]),
    ...Object.entries(ports).flatMap(([port, admin]) => [
      { oid: `${PETH}.3.1.${port}`, type: "integer", value: admin, of: "ports", key: port },
      // 3 delivers power, 1 is disabled.
      { oid: `${PETH}.6.1.${port}`, type: "integer", value: admin === 1 ? 3 : 1 },
    ]),
  ].sort((one, other) => byPlace(one.oid, other.oid));
}

function byPlace(one, other) {
  const [first, second] = [one, other].map((oid) => oid.split(".").map(Number));
  for (const [index, part] of first.entries()) if (part !== second[index]) return part - (second[index] ?? -1);
  return first.length - second.length;
}

function write(oid, value) {
  const found = objects().find((object) => object.oid === oid);
  if (!found?.of) return "not-writable";
  if (value !== 1 && value !== 2) return "wrong-value";
  const kept = JSON.parse(readFileSync(file, "utf8"));
  kept[found.of][found.key] = value;
  writeFileSync(file, JSON.stringify(kept));
  return "DONE";
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => (await lines.next()).value;

for (let asked = await next(); asked !== undefined; asked = await next()) {
  // An empty line follows a value to be set.
  if (asked === "") continue;
  if (asked === "PING") console.log("PONG");
  else {
    const oid = await next();
    if (asked === "set") console.log(write(oid, Number((await next()).split(" ")[1])));
    else {
      const found = objects().find((object) => (asked === "get" ? object.oid === oid : byPlace(object.oid, oid) > 0));
      console.log(found ? `${found.oid}\n${found.type}\n${found.value}` : "NONE");
    }
  }
}
