/** `npm start`: sets up, builds, and runs the daemon in this very process, so that signals reach it. */
import { setup } from "./setup.mjs";

await setup();
const { build } = await import("./build.mjs");
await build();
if (process.argv.length === 2) process.argv.push("serve");
await import("../dist/main.js");
