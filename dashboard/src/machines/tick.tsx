import type { Ticked } from "./selection.ts";

interface Props {
  readonly label: string;
  readonly ticked: Ticked;
  readonly onChange: (ticked: boolean) => void;
}

export function Tick({ label, ticked, onChange }: Props) {
  return (
    <label className="tick">
      <input
        type="checkbox"
        aria-label={label}
        checked={ticked === "all"}
        ref={(input) => {
          if (input) input.indeterminate = ticked === "some";
        }}
        onChange={(event) => onChange(event.target.checked)}
      />
    </label>
  );
}
