import type { MaasFields, Machine } from "../api/types.ts";
import { CopyButton } from "../parts/copy-button.tsx";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { Loading } from "../parts/loading.tsx";
import { TextView } from "../parts/text-view.tsx";
import { useAnswer } from "../parts/use-answer.ts";

/** What to enter in MAAS's form "Power configuration", field by field in its order. */
export default function MaasTab({ machine: { name, polled } }: { readonly machine: Machine }) {
  const { value, failure } = useAnswer<MaasFields>(`machines/${encodeURIComponent(name)}/maas`);
  if (failure) return <FailureNotice title="The settings cannot be shown" failure={failure} />;
  if (!value) return <Loading what="settings" />;
  const command = commandOf(value.fields, polled?.systemId ?? "SYSTEM_ID");
  return (
    <>
      <p>
        In MAAS open the machine, its tab <em>Configuration</em>, and there <em>Power configuration</em>. Choose the
        power type <strong>Webhook</strong>, fill in these fields, and press <em>Save changes</em>.
      </p>
      <table className="maas-fields" aria-label="Fields of MAAS's webhook form">
        <thead>
          <tr>
            <th scope="col">Field in MAAS</th>
            <th scope="col">Value</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {value.fields.map((field) => (
            <tr key={field.name}>
              <th scope="row">{field.label}</th>
              <td>
                {field.value === "" ? (
                  <span className="u-text--muted">{field.hint ?? "leave empty"}</span>
                ) : (
                  <>
                    <code>{field.value}</code>
                    {field.hint !== undefined && <span className="maas-fields__hint">{field.hint}</span>}
                  </>
                )}
              </td>
              <td className="maas-fields__copy">
                {field.value !== "" && <CopyButton text={field.value} what={field.label} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <h2 className="card__title">Or by MAAS's command line</h2>
      <p>
        Put your profile for <code>admin</code>
        {polled?.systemId === undefined && (
          <>
            , and the machine's system ID for <code>SYSTEM_ID</code>
          </>
        )}
        . What is a secret goes in at the end.
      </p>
      <TextView text={command} what="the command" />
    </>
  );
}

function commandOf(fields: MaasFields["fields"], systemId: string): string {
  const settings = fields
    .filter(({ value, secret }) => value !== "" || secret)
    .filter(({ name, value }) => value !== "" || name === "power_token")
    .map(
      ({ name, value, secret }) => `  power_parameters_${name}=${secret && value === "" ? "TOKEN" : shellWord(value)}`,
    );
  return [`maas admin machine update ${systemId} power_type=webhook`, ...settings].join(" \\\n");
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
