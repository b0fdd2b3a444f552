import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageFolder } from "./package-folder.ts";

const { version: written, engines } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as {
  version: string;
  engines: { node: string };
};

/** The version in package.json. */
export const version: string = written;

/** The oldest Node.js that it runs on: `20.19`. */
export const leastNode: string = engines.node.replace(/^>=/, "");
