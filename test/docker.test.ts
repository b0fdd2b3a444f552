/** What the Dockerfile and the compose file speak of is there. No image is built here: there is no Docker in a test. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { silentProgram } from "../scripts/generate/cli-page.ts";

const ROOT = join(import.meta.dirname, "..");
const COMPOSE = join(ROOT, "contrib/docker");

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

const dockerfile: readonly Instruction[] = readFileSync(join(ROOT, "Dockerfile"), "utf8")
  .replaceAll(/\\\n/g, " ")
  .split("\n")
  .filter((line) => line.trim() !== "" && !line.startsWith("#"))
  .map((line) => ({ word: line.split(" ", 1)[0] ?? "", rest: line.slice(line.indexOf(" ") + 1).trim() }));

/** What is handed to Docker no more, by the first part of its path. */
const ignored = readFileSync(join(ROOT, ".dockerignore"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));

function last(word: string): string {
  return dockerfile.findLast((instruction) => instruction.word === word)?.rest ?? "";
}

function listed(text: string): string[] {
  return z.array(z.string()).parse(JSON.parse(text));
}

describe("the Dockerfile", () => {
  test("uses instructions that there are", () => {
    const known = [
      "ARG",
      "FROM",
      "WORKDIR",
      "COPY",
      "RUN",
      "USER",
      "ENV",
      "VOLUME",
      "EXPOSE",
      "STOPSIGNAL",
      "HEALTHCHECK",
    ];
    const words = new Set(dockerfile.map(({ word }) => word));
    expect([...words].filter((word) => ![...known, "ENTRYPOINT", "CMD"].includes(word))).toEqual([]);
  });

  test("copies what is there and is not left out", () => {
    const copied = dockerfile
      .filter(({ word, rest }) => word === "COPY" && !rest.startsWith("--from="))
      .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
    expect(copied.length).toBeGreaterThan(3);
    expect(copied.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    expect(copied.filter((file) => ignored.includes(file.split("/")[0] ?? ""))).toEqual([]);
  });

  test("leaves out nothing that the build is made of, and no secret in", () => {
    const needed = [
      "src",
      "scripts",
      "dashboard",
      "package.json",
      "package-lock.json",
      "tsconfig.json",
      "tsconfig.build.json",
    ];
    expect(needed.filter((file) => ignored.includes(file))).toEqual([]);
    for (const secret of ["**/secrets.yaml", "**/*.token", "**/*.db", ".git"]) expect(ignored).toContain(secret);
  });

  test("runs as an account that is not root, and takes every way to become it", () => {
    expect(last("USER")).toBe("maasochist");
    expect(dockerfile.some(({ word, rest }) => word === "RUN" && /-perm \/6000 .*chmod a-s/.test(rest))).toBe(true);
  });

  test("asks for its health by a command that there is", () => {
    const [program, command, ...options] = listed(last("HEALTHCHECK").split(" CMD ")[1] ?? "");
    expect(program).toBe("maasochist");
    const cli = silentProgram();
    const known = cli.commands.find((one) => one.name() === command);
    const names = [...cli.options, ...(known?.options ?? [])].map(({ long }) => long);
    expect(options.filter((option) => option.startsWith("--") && !names.includes(option))).toEqual([]);
    expect(listed(last("CMD"))).toEqual(["serve"]);
  });
});

const SERVICE = z.strictObject({
  build: z.string(),
  image: z.literal("maasochist"),
  restart: z.literal("unless-stopped"),
  network_mode: z.literal("host"),
  volumes: z.array(z.string()),
  read_only: z.literal(true),
  tmpfs: z.array(z.string()),
  cap_drop: z.tuple([z.literal("ALL")]),
  cap_add: z.tuple([z.literal("NET_RAW")]),
  init: z.literal(true),
  stop_grace_period: z.string().regex(/^\d+s$/),
  logging: z.strictObject({ options: z.strictObject({ "max-size": z.string(), "max-file": z.string() }) }),
});

describe("the compose file", () => {
  const { services, volumes } = z
    .strictObject({ services: z.strictObject({ maasochist: SERVICE }), volumes: z.record(z.string(), z.null()) })
    .parse(parse(readFileSync(join(COMPOSE, "compose.yaml"), "utf8")));
  const service = services.maasochist;

  test("builds from where the Dockerfile is", () => {
    expect(existsSync(join(COMPOSE, service.build, "Dockerfile"))).toBe(true);
  });

  test("lets it write nothing but its state, for which it has a volume", () => {
    const mounts = service.volumes.map((volume) => volume.split(":"));
    expect(mounts).toContainEqual(["./config", "/etc/maasochist", "ro"]);
    expect(mounts).toContainEqual(["state", last("VOLUME")]);
    expect(Object.keys(volumes)).toEqual(["state"]);
  });

  test("lets it end its orders before it is killed", () => {
    // The default of `shutdown_grace` is 10 s, and an exchange may take a while to let go.
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThanOrEqual(20);
  });
});
