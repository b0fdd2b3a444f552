/** The configuration: YAML in, checked machines and hubs out. */
export { plainTokens } from "./access.ts";
export { WARNINGS } from "./checks.ts";
export { DEMONSTRATION } from "./demonstration.ts";
export { jsonSchema } from "./json-schema.ts";
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
export type { ListenAddress } from "./server.ts";
export { showConfiguration } from "./show.ts";
