/** Exit codes, as scripts may rely on them. docs/cli.md is generated from this. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  config: 3,
  denied: 4,
  someFailed: 5,
  unreachable: 6,
  unproven: 7,
  interrupted: 130,
} as const;

export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "done",
  failed: "the action failed",
  usage: "wrong usage, or cancelled at the prompt",
  config: "the configuration is invalid",
  denied: "not allowed: authentication, role, protected, locked, disabled",
  someFailed: "some of several machines failed, or were left alone",
  unreachable: "the daemon or MAAS cannot be reached",
  unproven: "the state was not proven in time",
  interrupted: "interrupted by Ctrl-C; orders go on in the daemon",
};

/** What exit code a failure with this code of the API means. */
export function exitFor(code: string): number {
  switch (code) {
    case "unproven":
    case "timeout":
      return EXIT.unproven;
    case "protected":
    case "locked":
    case "disabled":
    case "forbidden":
    case "unauthenticated":
    case "forbidden_network":
    case "throttled":
      return EXIT.denied;
    case "not_found":
    case "bad_request":
    case "unsupported":
      return EXIT.usage;
    default:
      return EXIT.failed;
  }
}
