/** The configuration: YAML in, checked machines and hubs out. */
export { plainTokens } from "./access.ts";
export { WARNINGS } from "./checks.ts";
export { DEMONSTRATION } from "./demonstration.ts";
export { driverForm } from "./driver-form.ts";
export { ForeignFile, namesWritten } from "./foreign.ts";
export { type Fragment, fragmentText, shownFragment } from "./fragment.ts";
export { jsonSchema } from "./json-schema.ts";
export type { ListenAddress, ListenerSettings, TlsSettings } from "./listen.ts";
export {
  type Configuration,
  findConfiguration,
  type Loaded,
  type LoadOptions,
  loadConfiguration,
  parseConfiguration,
  storePathOf,
} from "./load.ts";
export { formatProblem, type Problem } from "./problem.ts";
export { LOG_LEVELS, type LogLevel } from "./schema.ts";
export { showConfiguration, showMachine } from "./show.ts";
