import { type Command, Option } from "commander";
import type { Cli } from "./context.ts";
import { FORMATS, isFormat } from "./maas-formats.ts";

interface PlanOptions {
  readonly replace?: boolean;
  readonly create?: boolean;
}

interface RegisterOptions extends PlanOptions {
  readonly rotate?: boolean;
  readonly architecture?: string;
  readonly yes?: boolean;
}

export function add(program: Command, cli: Cli): void {
  const maas = program
    .command("maas")
    .description(
      "Register machines in MAAS, and check that MAAS can switch them. All but `verify` work without a daemon.",
    );
  maas
    .command("login")
    .description("Try MAAS's address and the API key of an administrator, and keep them beside the journal.")
    .argument("[url]", "MAAS's address, such as http://192.168.1.2:5240/MAAS")
    .option(
      "--key-file <file>",
      "read the key from a file; else MAAS_API_KEY, else it is asked for, else standard input",
    )
    .action(async (url: string | undefined, { keyFile }: { readonly keyFile?: string }) => {
      const { login } = await import("./maas-login.ts");
      await login(cli, { url, keyFile });
    });
  maas
    .command("status")
    .description("Tell what is known of MAAS, and how it knows each machine.")
    .action(async () => {
      const { status } = await import("./maas-status.ts");
      await status(cli);
    });
  planOptions(
    maas
      .command("plan")
      .description("Tell what `maas register` would change in MAAS, and change nothing.")
      .argument("[machine...]", "names, or patterns with * in quotes; all machines where none is given"),
  ).action(async (names: string[], { replace = false, create = false }: PlanOptions) => {
    const { plan } = await import("./maas-plan.ts");
    await plan(cli, { names, replace, create });
  });
  planOptions(
    maas
      .command("register")
      .description(
        "Give MAAS the webhooks of machines, each with a token of its own. What is right already is left as it is.",
      )
      .argument("[machine...]", "names, or patterns with * in quotes; all machines where none is given"),
  )
    .option("--architecture <name>", "of machines that are added, such as amd64/generic")
    .option("--rotate", "make new tokens, though those of MAAS are right")
    .option("-y, --yes", "do not ask")
    .action(async (names: string[], options: RegisterOptions) => {
      const { register } = await import("./maas-register.ts");
      const { replace = false, create = false, rotate = false, architecture, yes = false } = options;
      await register(cli, { names, replace, create, rotate, architecture, yes });
    });
  maas
    .command("verify")
    .description("Let MAAS itself ask machines, compare with what the daemon reads, and tell why they differ.")
    .argument("[machine...]", "names, or patterns with * in quotes; all that are registered where none is given")
    .action(async (names: string[]) => {
      const { verify } = await import("./maas-verify.ts");
      await verify(cli, { names });
    });
  maas
    .command("print")
    .description("Print what to enter in MAAS by hand. MAAS is not asked.")
    .argument("<machine>", "a machine")
    .addOption(new Option("--format <format>", "how").choices(FORMATS).default("form"))
    .option("--token", "make a token for it, and print it; others of it go on to count until `maas register`")
    .action(async (name: string, { format, token = false }: { readonly format: string; readonly token?: boolean }) => {
      const { print } = await import("./maas-print.ts");
      if (isFormat(format)) await print(cli, { name, format, token });
    });
  maas
    .command("unregister")
    .description("Let MAAS no longer switch machines: their power type becomes Manual, and their tokens count no more.")
    .argument("<machine...>", "names, or patterns with * in quotes")
    .option("-y, --yes", "do not ask")
    .action(async (names: string[], { yes = false }: { readonly yes?: boolean }) => {
      const { unregister } = await import("./maas-unregister.ts");
      await unregister(cli, { names, yes });
    });
}

function planOptions(command: Command): Command {
  return command
    .option("--replace", "take over machines that MAAS powers in another way")
    .option("--create", "add machines that MAAS does not have (they need a MAC address)");
}
