import Input from "@canonical/react-components/dist/esm/components/Input";
import Select from "@canonical/react-components/dist/esm/components/Select";
import { useId } from "react";
import { Marked } from "../parts/marked.tsx";
import type { Field, Typed } from "./schema-fields.ts";

interface Props {
  readonly field: Field;
  readonly typed: string | Typed | undefined;
  readonly onChange: (typed: string | Typed) => void;
  /** Values to choose from, where some are known. */
  readonly offered?: readonly { readonly value: string; readonly label: string }[];
}

export function FieldInput({ field, typed, onChange, offered = [] }: Props) {
  const id = useId();
  if (field.kind === "group")
    return <Group field={field} typed={typeof typed === "object" ? typed : {}} onChange={onChange} />;
  const value = typeof typed === "string" ? typed : "";
  const label = (
    <>
      <code>{field.key}</code>
      {!field.required && <span className="u-text--muted"> optional</span>}
    </>
  );
  const help = helpOf(field);
  switch (field.kind) {
    case "flag":
    case "choice": {
      const values = field.kind === "flag" ? ["yes", "no"] : field.values.map(String);
      return (
        <Select
          id={id}
          label={label}
          help={<Marked text={help} />}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          options={[
            { value: "", label: field.preset === undefined ? "–" : `${field.preset} (as it is by default)` },
            ...values.filter((each) => each !== field.preset).map((each) => ({ value: each, label: each })),
          ]}
        />
      );
    }
    case "list":
    case "pairs":
      return (
        <div className="p-form__group">
          <label className="p-form__label" htmlFor={id}>
            {label}
          </label>
          <textarea
            id={id}
            rows={3}
            value={value}
            placeholder={field.preset}
            spellCheck={false}
            aria-describedby={`${id}-help`}
            onChange={(event) => onChange(event.target.value)}
          />
          <p className="p-form-help-text" id={`${id}-help`}>
            <Marked text={help} /> {field.kind === "list" ? "One a line." : "One a line, as name: value."}
          </p>
        </div>
      );
    case "text":
      return (
        <>
          <Input
            id={id}
            type={field.secret ? "password" : "text"}
            label={label}
            help={<Marked text={help} />}
            value={value}
            placeholder={field.preset}
            autoComplete={field.secret ? "new-password" : "off"}
            spellCheck={false}
            list={offered.length > 0 ? `${id}-offered` : undefined}
            onChange={(event) => onChange(event.target.value)}
          />
          {offered.length > 0 && (
            <datalist id={`${id}-offered`}>
              {offered.map((each) => (
                <option key={each.value} value={each.value} label={each.label} />
              ))}
            </datalist>
          )}
        </>
      );
    default:
      return field satisfies never;
  }
}

function helpOf(field: Exclude<Field, { kind: "group" }>): string {
  const from = field.kind === "text" && field.from !== undefined ? ` Left empty: the machine's own ${field.from}.` : "";
  const dot = /[.!?]$/.test(field.description) ? "" : ".";
  return `${field.description}${dot}${from}`;
}

interface GroupProps {
  readonly field: Extract<Field, { kind: "group" }>;
  readonly typed: Typed;
  readonly onChange: (typed: Typed) => void;
}

function Group({ field, typed, onChange }: GroupProps) {
  return (
    <fieldset className="form-group">
      <legend>
        <code>{field.key}</code>
        {!field.required && <span className="u-text--muted"> optional</span>}
      </legend>
      <p className="p-form-help-text">
        <Marked text={field.description} />
      </p>
      {field.fields.map((inner) => (
        <FieldInput
          key={inner.key}
          field={inner}
          typed={typed[inner.key]}
          onChange={(value) => onChange({ ...typed, [inner.key]: value })}
        />
      ))}
    </fieldset>
  );
}
