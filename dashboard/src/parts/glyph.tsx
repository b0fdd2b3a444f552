/** Our own small pictures, drawn in the colour of the text around them. */
import type { Look } from "../words/words.ts";

const GLYPHS = {
  power: "M8 1.6v6M4.3 3.6a5.6 5.6 0 1 0 7.4 0",
  question: "M5.6 6.1a2.4 2.4 0 1 1 3.5 2.1c-.7.4-1.1.8-1.1 1.7M8 12.1v.4M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13",
  error: "M8 4.6v4.2M8 11.2v.3M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13",
  lock: "M4.7 7V5a3.3 3.3 0 0 1 6.6 0v2M3.3 7h9.4v7H3.3z",
  shield: "M8 1.6l5.2 1.8v4.2c0 3-2 5.4-5.2 6.8c-3.2-1.4-5.2-3.8-5.2-6.8V3.4z",
  busy: "M8 1.5a6.5 6.5 0 1 1-6.5 6.5",
  menu: "M2 4h12M2 8h12M2 12h12",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  machines: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  hubs: "M8 5.5V3M8 10.5V13M5.6 9.2L3.4 10.5M10.4 9.2l2.2 1.3M8 5.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 0 1 0-5",
  events: "M8 4.5V8l2.5 1.5M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13",
  configuration: "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 3v3M5.5 10v3",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5l3.3 3.3L13 4.8",
  up: "M4 10l4-4l4 4",
  down: "M4 6l4 4l4-4",
} as const;

export type GlyphName = keyof typeof GLYPHS;

interface Props {
  readonly name: GlyphName;
  readonly className?: string;
}

export function Glyph({ name, className = "" }: Props) {
  return (
    <svg className={`glyph ${className}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={GLYPHS[name]} />
    </svg>
  );
}

const OF_LOOK: Readonly<Record<Look, GlyphName>> = {
  on: "power",
  off: "power",
  "assumed-on": "power",
  "assumed-off": "power",
  unknown: "question",
  error: "error",
  busy: "busy",
};

/** What a machine is doing. A word stands beside it: colour and form alone tell nothing to some. */
export function StateGlyph({ look }: { readonly look: Look }) {
  return <Glyph name={OF_LOOK[look]} className={`state-glyph is-${look}`} />;
}
