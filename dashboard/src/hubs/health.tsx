import type { Hub } from "../api/types.ts";
import { Glyph } from "../parts/glyph.tsx";

interface Shown {
  readonly look: "on" | "error" | "unknown" | "off";
  readonly word: string;
}

function healthOf({ failing, breaker, lastExchange }: Hub): Shown {
  if (failing) return { look: "error", word: breaker === "open" ? "Failing, left alone for now" : "Failing" };
  return lastExchange ? { look: "on", word: "Answers" } : { look: "off", word: "Not asked yet" };
}

const GLYPHS = { on: "check", error: "error", unknown: "question", off: "question" } as const;

export function Health({ hub }: { readonly hub: Hub }) {
  const { look, word } = healthOf(hub);
  return (
    <span className={`power is-${look}`}>
      <Glyph name={GLYPHS[look]} className={`state-glyph is-${look}`} />
      <span className="power__word">{word}</span>
    </span>
  );
}

/** `12 ms · 40 ms`: of half, and of all but one in a hundred. */
export function latencyWords({ latency }: Hub): string {
  if (!latency) return "–";
  return `${Math.round(latency.p50)} ms · ${Math.round(latency.p99)} ms`;
}
