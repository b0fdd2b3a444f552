/** `npm run check`: everything that can be said about the code without running the tests. Runs all, and says all. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Each by the program of a package in node_modules, so that nothing but Node.js is needed on the path. */
const STEPS = [
  { name: "format and lint", run: ["@biomejs/biome", "biome", "check"] },
  { name: "type-aware lint", run: ["oxlint", "oxlint", "--type-aware", "--deny-warnings"] },
  { name: "types", run: ["typescript", "tsc"] },
  { name: "types of the dashboard", run: ["typescript", "tsc", "--noEmit", "-p", "dashboard"] },
  { name: "arrows between rooms", run: ["vitest", "vitest", "run", "--project", "unit", "test/arrows.test.ts"] },
  { name: "dead code", run: ["knip", "knip"] },
  { name: "generated files", run: ["tsx", "tsx", "scripts/generate.ts", "--check"] },
];

function programOf(packageName, program) {
  const folder = join(ROOT, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[program]);
}

/** Seconds it took, whether it was content, and what it printed. */
async function run([packageName, program, ...args]) {
  const began = performance.now();
  const child = spawn(process.execPath, [programOf(packageName, program), ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      output += text;
    });
  }
  const status = await new Promise((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      resolve(1);
    });
    child.once("close", resolve);
  });
  return { content: status === 0, seconds: (performance.now() - began) / 1000, output };
}

const failed = [];
for (const { name, run: program } of STEPS) {
  const { content, seconds, output } = await run(program);
  console.log(`${content ? "✔" : "✘"} ${name.padEnd(22)} ${seconds.toFixed(1)} s`);
  if (content) continue;
  failed.push(name);
  console.log(output.trimEnd());
}
if (failed.length > 0) {
  console.log(`\nNot in order: ${failed.join(", ")}. \`npm run format\` mends what can be mended by itself.`);
  process.exitCode = 1;
}
