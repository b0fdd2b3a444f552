/**
 * Makes a clone ready: checks Node.js, installs what package-lock.json names. Quick when there is nothing to do.
 * Plain JavaScript without dependencies, in a dialect that old versions of Node.js read far enough to say what is wrong.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const MODULES = join(ROOT, "node_modules");
const STAMP = join(MODULES, ".maasochist-installed");
const LOCK = join(ROOT, ".setup.lock");
const NEEDED = [20, 19];
const LOCK_STALE_MS = 600000;

export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return undefined;
  return [
    `MAASochist needs Node.js ${NEEDED.join(".")} or newer, and this is ${version}.`,
    "Debian 12 and Ubuntu 24.04 package 18. Get a newer one, for example:",
    "  curl -fsSL https://deb.nodesource.com/setup_22.x | sudo -E bash - && sudo apt-get install -y nodejs",
    "or, without root:",
    "  curl -fsSL https://raw.githubusercontent.com/nvm-sh/nvm/v0.40.3/install.sh | bash && . ~/.nvm/nvm.sh && nvm install 22",
    "Then run the same command again.",
  ].join("\n");
}

function wanted() {
  const lock = readFileSync(join(ROOT, "package-lock.json"));
  const major = process.versions.node.split(".")[0];
  return createHash("sha256").update(lock).update([major, process.platform, process.arch].join(" ")).digest("hex");
}

function installed() {
  try {
    return readFileSync(STAMP, "utf8");
  } catch {
    return "";
  }
}

export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Installs if need be. Ends the process with a remedy when that cannot be. */
export async function setup() {
  const old = checkNode();
  if (old !== undefined) fail(old);
  const want = wanted();
  if (installed() === want) return;
  await withLock(async () => {
    if (installed() === want) return;
    await install();
    mkdirSync(MODULES, { recursive: true });
    writeFileSync(STAMP, want);
  });
}

/** Two that install or build at once would tear each other's files: the work waits until it is alone in this clone. */
export async function withLock(work) {
  for (let told = false; !lock(); told = true) {
    if (!told) process.stderr.write("Another command installs or builds in this folder; waiting for it …\n");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const release = () => rmSync(LOCK, { force: true });
  // A remedy ends the process in the midst of the work.
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

/** Was the lock to be had? */
function lock() {
  try {
    writeFileSync(LOCK, [hostname(), process.pid].join(" "), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EACCES" || error.code === "EROFS" || error.code === "EPERM") {
      fail(
        "The folder " +
          ROOT +
          " cannot be written, and what MAASochist needs is installed and built there.\nMake it writable for this account (for example: sudo chown -R $(id -un) '" +
          ROOT +
          "'), or clone it elsewhere.",
      );
    }
    if (error.code !== "EEXIST") throw error;
    if (isAbandoned()) rmSync(LOCK, { force: true });
    return false;
  }
}

/** Who was killed leaves the lock behind. */
function isAbandoned() {
  try {
    if (Date.now() - statSync(LOCK).mtimeMs > LOCK_STALE_MS) return true;
    const [host, pid] = readFileSync(LOCK, "utf8").split(" ");
    if (host !== hostname() || !(Number(pid) > 0)) return false;
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

async function install() {
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  process.stderr.write("Installing what MAASochist needs (npm ci) …\n");
  const progress = setInterval(() => process.stderr.write(`  still installing, ${seconds()} s\n`), 5000);
  const npm = process.env.npm_execpath;
  const [command, args] = npm === undefined ? ["npm", []] : [process.execPath, [npm]];
  const child = spawn(command, [...args, "ci", "--no-audit", "--no-fund", "--include=dev"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    shell: npm === undefined && process.platform === "win32",
    // A set-up that was started by an install of production packages installs the tools as well.
    env: { ...process.env, NODE_ENV: "", npm_config_update_notifier: "false" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const code = await new Promise((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      resolve(1);
    });
    child.once("close", resolve);
  });
  clearInterval(progress);
  if (code !== 0)
    fail(
      "The installation failed after " +
        seconds() +
        " s. npm's last words:\n\n" +
        output.trim().split("\n").slice(-15).join("\n") +
        "\n\n" +
        remedy(output),
    );
  process.stderr.write(`Installed in ${seconds()} s.\n`);
}

function remedy(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|network/i.test(output)) {
    return "The package registry cannot be reached. Check the network; behind a proxy: npm config set proxy http://PROXY:PORT. Then run the same command again.";
  }
  if (/EACCES|EPERM|EROFS/.test(output))
    return `A folder cannot be written. Make this one writable for this account: ${ROOT}`;
  if (/ENOSPC/.test(output)) return "The disk is full. Make room, then run the same command again.";
  if (/CERT|SELF_SIGNED|certificate/i.test(output))
    return "The registry's certificate is not trusted here. Behind an inspecting proxy: npm config set cafile /path/to/ca.pem.";
  return "Remove node_modules and run the same command again; if it fails the same way, please report it with the lines above.";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup();
