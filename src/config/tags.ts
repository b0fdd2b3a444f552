/** `!secret NAME`, `!env NAME` and `!file PATH`: texts that stand elsewhere. */
import { dirname, resolve } from "node:path";
import { type Document, visit, type Scalar as YamlScalar } from "yaml";
import { hasOwnTag } from "./convert.ts";
import type { Files } from "./files.ts";
import type { Problems } from "./problem.ts";
import { SecretsFile } from "./secrets.ts";
import { type Source, type Span, spanOf } from "./source.ts";

export interface TagOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly files: Files;
  readonly problems: Problems;
  /** Of the file with the secrets. */
  readonly secretsPath: string;
}

export interface TaggedIn {
  readonly source: Source;
  /** Where the document begins in the source. */
  readonly offset: number;
  /** Of the file, absolute. */
  readonly path: string;
}

export class Tags {
  readonly #options: TagOptions;
  readonly #secrets: SecretsFile;

  constructor(options: TagOptions) {
    this.#options = options;
    this.#secrets = new SecretsFile(options.secretsPath, options);
  }

  /** The texts behind all tags of a document, by node; undefined for those that are missing, said in the problems. */
  async texts(
    document: Document,
    { source, offset, path }: TaggedIn,
  ): Promise<ReadonlyMap<unknown, string | undefined>> {
    const scalars: YamlScalar[] = [];
    // Looking at every node of a large file takes its time.
    if (source.text.includes("!")) {
      visit(document, {
        Scalar: (_key, node) => {
          if (hasOwnTag(node)) scalars.push(node);
        },
      });
    }
    const texts = new Map<unknown, string | undefined>();
    for (const node of scalars) {
      const [start, end] = node.range ?? [0, 1];
      const at = spanOf(source, offset + start, offset + end);
      texts.set(node, await this.#text(node.tag ?? "", String(node.value), { at, path }));
    }
    return texts;
  }

  async #text(
    tag: string,
    name: string,
    { at, path }: { readonly at: Span; readonly path: string },
  ): Promise<string | undefined> {
    const { problems, env, files } = this.#options;
    switch (tag) {
      case "!secret":
        return this.#secrets.get(name, at);
      case "!env": {
        const text = env[name];
        if (text === undefined) {
          problems.error(at, {
            code: "env-missing",
            message: `the environment has no variable "${name}"${problems.didYouMean(name, Object.keys(env))}`,
          });
        }
        return text;
      }
      case "!file":
        return (await files.named(resolve(dirname(path), name), at))?.replace(/\r?\n$/, "");
      default:
        problems.error(at, {
          code: "unknown-tag",
          message: `unknown tag ${tag}`,
          hint: "There are !secret NAME, !env NAME and !file PATH.",
        });
        return undefined;
    }
  }
}
