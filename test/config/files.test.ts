import { execFileSync } from "node:child_process";
import { chmod, mkdir, symlink } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { Folder, told } from "./folder.ts";

const BOARD = "machines: { a: { driver: board, address: 10.0.0.1 } }\n";
const unix = process.platform !== "win32";

describe("a configuration that is no file to read", () => {
  test("is told when it is missing, with what to do", async () => {
    await using folder = await Folder.with({});
    const { configuration, problems } = await folder.load();
    expect(configuration).toBeUndefined();
    expect(problems).toMatchObject([
      { code: "file-unreadable", message: "there is no such file", file: "maasochist.yaml", line: 1, column: 1 },
    ]);
    expect(problems[0]?.hint).toContain("maasochist init");
  });

  test("is told when it is a folder", async () => {
    await using folder = await Folder.with({});
    await mkdir(folder.file("maasochist.yaml"));
    expect(told(await folder.load())).toEqual(["maasochist.yaml:1:1 file-unreadable the file is a folder"]);
  });

  test("is told when it lies below a file", async () => {
    await using folder = await Folder.with({ file: "" });
    expect(told(await folder.load("file/maasochist.yaml"))).toEqual([
      "file/maasochist.yaml:1:1 file-unreadable there is no such file",
    ]);
  });

  test.runIf(unix)("is not waited for when it is a pipe that nobody writes to", async () => {
    await using folder = await Folder.with({});
    execFileSync("mkfifo", [folder.file("maasochist.yaml")]);
    expect(told(await folder.load())).toEqual(["maasochist.yaml:1:1 file-unreadable the file is no regular file"]);
  });

  test.runIf(unix)("is not read without end when it is a device", async () => {
    await using folder = await Folder.with({});
    await symlink("/dev/zero", folder.file("maasochist.yaml"));
    expect(told(await folder.load())).toEqual(["maasochist.yaml:1:1 file-unreadable the file is no regular file"]);
  });

  test("is told when it is larger than any configuration", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": new Uint8Array(17 * 1024 * 1024).fill(0x23) });
    expect(told(await folder.load())).toEqual(["maasochist.yaml:1:1 file-unreadable the file has more than 16 MiB"]);
  });

  test.runIf(unix)("is told when this account may not read it", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": BOARD });
    await chmod(folder.file("maasochist.yaml"), 0o000);
    // Root may read everything.
    const expected =
      process.getuid?.() === 0
        ? []
        : ["maasochist.yaml:1:1 file-unreadable the file cannot be read: this account may not"];
    expect(told(await folder.load())).toEqual(expected);
  });

  test.runIf(unix)("is told when its link leads back to itself", async () => {
    await using folder = await Folder.with({});
    await symlink("maasochist.yaml", folder.file("maasochist.yaml"));
    expect(told(await folder.load())).toEqual([
      "maasochist.yaml:1:1 file-unreadable the file is a link that leads back to itself",
    ]);
  });
});

describe("the text of a configuration", () => {
  test("is told where it is not UTF-8", async () => {
    const latin1 = Buffer.from("machines:\n  a: { driver: board, address: 10.0.0.1, description: Küche }\n", "latin1");
    await using folder = await Folder.with({ "maasochist.yaml": latin1 });
    const { problems } = await folder.load();
    expect(problems).toMatchObject([
      { message: "the file is not in UTF-8", line: 2, column: latin1.indexOf(0xfc) - latin1.indexOf("\n") },
    ]);
  });

  test("is told when it is UTF-16, as some editors write it", async () => {
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(BOARD, "utf16le")]);
    await using folder = await Folder.with({ "maasochist.yaml": utf16 });
    expect(told(await folder.load())).toEqual([
      "maasochist.yaml:1:1 file-unreadable the file is in UTF-16; save it as UTF-8",
    ]);
  });

  test("is told when it is a program and no text", async () => {
    const binary = Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 7919) % 256));
    await using folder = await Folder.with({ "maasochist.yaml": binary });
    expect((await folder.load()).problems).toMatchObject([{ code: "file-unreadable" }]);
  });

  test("is told when it is text that is no YAML", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": "\u0000\u0001\u0002: [\u001b[31m\n" });
    const { problems, configuration } = await folder.load();
    expect(configuration).toBeUndefined();
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(JSON.stringify(problem)).not.toMatch(/\\u0000|\\u001b/);
  });
});

describe("links", () => {
  test.runIf(unix)("to a configuration are followed, and its secrets are beside the link", async () => {
    await using folder = await Folder.with({
      "real/config.yaml": "hubs: { p: { driver: plug, host: 10.0.0.1, password: !secret p } }\nmachines: {}\n",
      "secrets.yaml": "p: hunter2\n",
    });
    await symlink("real/config.yaml", folder.file("maasochist.yaml"));
    expect(told(await folder.load())).toEqual(["maasochist.yaml:2:1 no-machines there are no machines"]);
  });

  test.runIf(unix)("do not make an included file another one", async () => {
    await using folder = await Folder.with({
      "maasochist.yaml": `include: [again.yaml, conf.d/*.yaml]\n${BOARD}`,
      "conf.d/a.yaml": "hubs: {}\n",
    });
    await symlink("maasochist.yaml", folder.file("again.yaml"));
    await symlink("a.yaml", folder.file("conf.d/b.yaml"));
    await symlink(".", folder.file("conf.d/c.yaml"));
    expect(told(await folder.load())).toEqual([
      "maasochist.yaml:1:11 include again.yaml is read already",
      "maasochist.yaml:1:23 include conf.d/b.yaml is read already",
      "maasochist.yaml:1:23 file-unreadable conf.d/c.yaml is a folder",
    ]);
  });

  test.runIf(unix)("in a circle of folders end an include", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": `include: loop/maasochist.yaml\n${BOARD}` });
    await symlink(".", folder.file("loop"));
    expect(told(await folder.load())).toEqual(["maasochist.yaml:1:10 include loop/maasochist.yaml is read already"]);
  });
});

describe("an included file", () => {
  test("that includes the one that includes it is told, once", async () => {
    await using folder = await Folder.with({
      "maasochist.yaml": `include: a.yaml\n${BOARD}`,
      "a.yaml": "include: b.yaml\n",
      "b.yaml": "include: [a.yaml, maasochist.yaml]\n",
    });
    expect(told(await folder.load())).toEqual([
      "b.yaml:1:11 include a.yaml is read already",
      "b.yaml:1:19 include maasochist.yaml is read already",
    ]);
  });

  test("is read for its machines even where there are none in the main file", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": "include: a.yaml\nmachines:\n", "a.yaml": BOARD });
    const { configuration } = await folder.load();
    expect(configuration?.machines.map(({ facts }) => facts.name)).toEqual(["a"]);
    expect(configuration?.watchedFiles).toEqual([folder.file("maasochist.yaml"), folder.file("a.yaml")]);
  });

  test("may be named by an absolute path, and problems in it name it so", async () => {
    await using elsewhere = await Folder.with({ "other.yaml": "machines: { b: 5 }\n" });
    await using folder = await Folder.with({ "maasochist.yaml": `include: ${elsewhere.file("other.yaml")}\n` });
    const { problems } = await folder.load();
    expect(problems[0]?.file).toBe(elsewhere.file("other.yaml"));
  });
});

describe("`!file`", () => {
  const using = (path: string) =>
    `hubs: { p: { driver: plug, host: 10.0.0.1, password: !file ${path} } }\nmachines: {}\n`;

  test("takes the file without its last line end", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": using("key"), key: "line 1\nline 2\r\n" });
    const { configuration } = await folder.load();
    const settings = configuration?.hubs[0]?.settings as { readonly password: { reveal(): string } };
    expect(settings.password.reveal()).toBe("line 1\nline 2");
  });

  test.runIf(unix)("refuses folders, devices, pipes and what is no text, at its place", async () => {
    await using folder = await Folder.with({ binary: new Uint8Array([0x61, 0x0a, 0xff, 0x00]) });
    execFileSync("mkfifo", [folder.file("pipe")]);
    await mkdir(folder.file("folder"));
    for (const [path, message] of [
      ["folder", "folder is a folder"],
      ["/dev/zero", "/dev/zero is no regular file"],
      ["pipe", "pipe is no regular file"],
      ["binary", "binary is not in UTF-8, first in line 2"],
      ["gone", "there is no file gone"],
    ] as const) {
      await folder.write("maasochist.yaml", using(path));
      expect(told(await folder.load())[0]).toBe(`maasochist.yaml:1:60 file-unreadable ${message}`);
    }
  });
});
