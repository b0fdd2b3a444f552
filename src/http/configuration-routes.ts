import { z } from "zod";
import type { Difference } from "../power/api.ts";
import { type ApiServices, type App, admit } from "./api-services.ts";
import { parsed } from "./bad-request.ts";

/** What became of a reload, as the API tells it. */
export interface ReloadShape {
  readonly applied: boolean;
  readonly difference?: Difference;
  readonly restart: readonly string[];
  readonly problems: readonly {
    readonly severity: "error" | "warning";
    readonly code: string;
    readonly message: string;
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly hint?: string;
  }[];
}

const RELOAD_REQUEST = z.strictObject({ dry_run: z.boolean().default(false) });

export function configurationRoutes(app: App, services: ApiServices): void {
  app.post("/api/v1/configuration/reload", async (request): Promise<ReloadShape> => {
    await admit(services, request, "configure");
    const { dry_run: dryRun } = parsed(RELOAD_REQUEST, request.body);
    const { problems, ...reload } = await services.reload({ dryRun });
    return {
      ...reload,
      problems: problems.map(({ severity, code, message, file, line, column, hint }) => ({
        severity,
        code,
        message,
        file,
        line,
        column,
        ...(hint !== undefined && { hint }),
      })),
    };
  });
}
