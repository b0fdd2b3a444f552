/** The daemon's own way to MAAS: a client of whatever MAAS is known now. It does not wait for a MAAS that is busy. */
import type { Configuration } from "../config/index.ts";
import type { MaasClient } from "../maas/client.ts";
import { MaasError } from "../maas/maas-error.ts";
import { sameData } from "../power/same-data.ts";
import type { StorePaths } from "../store/paths.ts";
import { findMaas, type MaasAccess, type NoMaas } from "./maas-access.ts";

export interface MaasLinkOptions {
  readonly configuration: () => Pick<Configuration, "maas">;
  readonly paths: StorePaths;
  readonly env: NodeJS.ProcessEnv;
}

export class MaasLink implements AsyncDisposable {
  readonly #options: MaasLinkOptions;
  #open: { readonly access: MaasAccess; readonly client: MaasClient } | undefined;

  constructor(options: MaasLinkOptions) {
    this.#options = options;
  }

  /** Does anybody speak of a MAAS? It may be logged in to, or written down, while the daemon runs. */
  get isKnown(): boolean {
    const access = this.#access();
    return !("problem" in access) || access.kind !== "unknown";
  }

  /** A new one where another MAAS or key is known since. Throws MaasError where there is none to be asked. */
  async client(): Promise<MaasClient> {
    const access = this.#access();
    if ("problem" in access) throw new MaasError("key", access.problem, { hint: access.hint });
    const { MaasClient } = await import("../maas/client.ts");
    const open = this.#open;
    if (open && sameData(open.access, access)) return open.client;
    const { from: _from, ...options } = access;
    const client = new MaasClient({ ...options, patienceMs: 0 });
    this.#open = { access, client };
    await open?.client[Symbol.asyncDispose]();
    return client;
  }

  #access(): MaasAccess | NoMaas {
    const { configuration, paths, env } = this.#options;
    return findMaas({ maas: configuration().maas, paths, env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.client[Symbol.asyncDispose]();
  }
}
