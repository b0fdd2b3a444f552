/** What the API asks of the configuration; the app knows it. */
import type {
  ConfigurationShape,
  DriverPageShape,
  DriverShape,
  ReloadShape,
  TryShape,
} from "./configuration-shapes.ts";
import type { MachineDetails } from "./shapes.ts";

export interface TryOptions {
  /** As it would stand under its name. */
  readonly machine: Readonly<Record<string, unknown>>;
  readonly name: string;
  /** May it run programs of the host? */
  readonly mayRun: boolean;
}

export interface ConfigurationServices {
  state(): ConfigurationShape;
  /** All of it as YAML, with secrets as •••. */
  resolved(): string;
  /** One machine's part of it; undefined where it is not there any more. */
  machine(name: string): Pick<MachineDetails, "config" | "origin"> | undefined;
  drivers(): readonly DriverShape[];
  driver(name: string): DriverPageShape | undefined;
  /** Reads it again, and takes it over. */
  reload(options: { readonly dryRun: boolean }): Promise<ReloadShape>;
  /** Rejects with AccessError where it would run a program and may not. */
  tryMachine(options: TryOptions): Promise<TryShape>;
}
