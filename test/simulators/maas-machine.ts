/** Machines of a simulated MAAS, and what its forms make of a change (canonical/maas src/maasserver/forms, config_forms.py). */
export interface MachineSeed {
  readonly hostname: string;
  readonly systemId?: string;
  readonly macs?: readonly string[];
  readonly powerType?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** `New`, `Ready`, `Deployed`, … */
  readonly status?: string;
  readonly locked?: boolean;
  readonly architecture?: string;
  readonly tags?: readonly string[];
  readonly domain?: string;
  /** system_id of the rack controller that serves its network. */
  readonly rack?: string;
  /** What it has now: by DHCP or for good. */
  readonly addresses?: readonly string[];
}

interface Field {
  readonly label: string;
  readonly required: boolean;
  readonly preset?: string;
  readonly choices?: readonly string[];
}

const optional = (label: string): Field => ({ label, required: false });
const required = (label: string, preset?: string): Field => ({
  label,
  required: true,
  ...(preset !== undefined && { preset }),
});

/** Fields of some power types, as their drivers declare them. */
export const POWER_TYPES: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  manual: {},
  webhook: {
    power_on_uri: required("URI to power on the node"),
    power_off_uri: required("URI to power off the node"),
    power_query_uri: required("URI to query the nodes power status"),
    power_on_regex: required("Regex to confirm the node is on", String.raw`status.*\:.*running`),
    power_off_regex: required("Regex to confirm the node is off", String.raw`status.*\:.*stopped`),
    power_user: optional("Power user"),
    power_pass: optional("Power password"),
    power_token: optional("Power token, will be used in place of power_user and power_pass"),
    power_verify_ssl: {
      ...required("Verify SSL connections with system CA certificates", "n"),
      choices: ["n", "y"],
    },
  },
  ipmi: {
    power_address: required("IP address"),
    power_user: optional("Power user"),
    power_pass: optional("Power password"),
  },
};

/** What a form says of its fields: MAAS's 400. */
export class FormError extends Error {
  override readonly name = "FormError";
  readonly fields: Readonly<Record<string, readonly string[]>>;

  constructor(field: string, message: string) {
    super(message);
    this.fields = { [field]: [message] };
  }
}

const LONGEST_PARAMETERS = 32 * 1_024;

export class MaasMachineRecord {
  readonly systemId: string;
  readonly hostname: string;
  readonly domain: string;
  readonly macs: readonly string[];
  readonly architecture: string;
  readonly tags: readonly string[];
  readonly rack: string | undefined;
  addresses: readonly string[];
  status: string;
  locked: boolean;
  powerType: string;
  parameters: Readonly<Record<string, string>>;
  powerState = "unknown";

  constructor(seed: MachineSeed, systemId: string) {
    this.systemId = seed.systemId ?? systemId;
    this.hostname = seed.hostname;
    this.domain = seed.domain ?? "maas";
    this.macs = seed.macs ?? [];
    this.architecture = seed.architecture ?? "amd64/generic";
    this.tags = seed.tags ?? [];
    this.rack = seed.rack;
    this.addresses = seed.addresses ?? [];
    this.status = seed.status ?? "New";
    this.locked = seed.locked ?? false;
    this.powerType = seed.powerType ?? "";
    this.parameters = seed.parameters ?? {};
  }

  /** Takes `power_type` and `power_parameters_…` of a form over. Throws FormError; then nothing is changed. */
  takePower(form: URLSearchParams): void {
    const type = form.get("power_type") ?? this.powerType;
    const given = new Map(
      [...form].flatMap(([key, value]): [string, string][] =>
        key.startsWith("power_parameters_") ? [[key.slice("power_parameters_".length), value]] : [],
      ),
    );
    const skipped = given.get("skip_check") === "true";
    given.delete("skip_check");
    const fields = POWER_TYPES[type];
    if (!fields)
      throw new FormError("power_type", `Select a valid choice. ${type} is not one of the available choices.`);
    if (type !== "" && type !== "manual" && this.macs.length === 0)
      throw new FormError("power_type", `Can't set power type to ${type} without network interfaces`);
    const unknown = [...given.keys()].filter((name) => !(name in fields));
    if (unknown.length > 0) throw new FormError("power_parameters", `Unknown parameter(s): ${unknown.join(", ")}.`);
    const parameters: Record<string, string> = {};
    for (const [name, { label, required: needed, preset, choices }] of Object.entries(fields)) {
      // What is not sent stays, from whichever type it came.
      const value = given.get(name) ?? this.parameters[name] ?? preset ?? "";
      if (needed && value === "" && !skipped)
        throw new FormError("power_parameters", `${label}: This field is required.`);
      if (choices && !choices.includes(value))
        throw new FormError("power_parameters", `${label}: '${value}' is not a valid choice.`);
      parameters[name] = value;
    }
    if (JSON.stringify(parameters).length > LONGEST_PARAMETERS)
      throw new FormError("power_parameters", "Ensure this value has at most 32768 characters.");
    this.powerType = type;
    this.parameters = parameters;
  }

  /** As the API shows it; a real one has some hundred keys more. */
  shown(): object {
    const interfaces = this.macs.map((mac, index) => ({
      id: index + 1,
      name: `eth${index}`,
      mac_address: mac,
      vlan: this.rack === undefined ? null : { id: 1, vid: 0, primary_rack: this.rack, secondary_rack: null },
    }));
    return {
      system_id: this.systemId,
      hostname: this.hostname,
      fqdn: `${this.hostname}.${this.domain}`,
      status: 0,
      status_name: this.status,
      power_type: this.powerType,
      power_state: this.powerState,
      locked: this.locked,
      architecture: this.architecture,
      tag_names: this.tags,
      ip_addresses: this.addresses,
      interface_set: interfaces,
      boot_interface: interfaces[0] ?? null,
      pool: { name: "default", description: "", id: 0 },
      zone: { name: "default", description: "", id: 1 },
      owner: "",
      resource_uri: `/MAAS/api/2.0/machines/${this.systemId}/`,
    };
  }
}
