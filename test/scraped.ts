/** Prometheus's text, read back by its own rules and not by our code. */

/** `name{label="text"} value`, with escapes in texts. */
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/;

export interface Scraped {
  /** `gauge` and so on, by the metric's name. */
  readonly types: ReadonlyMap<string, string>;
  readonly helps: ReadonlyMap<string, string>;
  /** Values by name and labels as they are written: `up{job="x"}`. */
  readonly samples: ReadonlyMap<string, number>;
}

/** Throws where a line is not of the format, a sample stands twice, or one has no metric it belongs to. */
export function scraped(text: string): Scraped {
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  const samples = new Map<string, number>();
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  for (const line of text.slice(0, -1).split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind !== undefined) {
      const known = kind === "HELP" ? helps : types;
      if (known.has(name)) throw new Error(`twice: ${line}`);
      known.set(name, rest);
      continue;
    }
    const [, sample = "", labels = "", written = ""] = LINE.exec(line) ?? [];
    const value = written === "+Inf" ? Infinity : Number(written);
    if (sample === "" || Number.isNaN(value)) throw new Error(`no sample: ${line}`);
    if (!isOf(sample, types)) throw new Error(`of no metric that was named before: ${line}`);
    const key = labels === "" ? sample : `${sample}{${labels}}`;
    if (samples.has(key)) throw new Error(`twice: ${line}`);
    samples.set(key, value);
  }
  return { types, helps, samples };
}

function isOf(sample: string, types: ReadonlyMap<string, string>): boolean {
  const base = sample.replace(/_(?:bucket|sum|count)$/, "");
  return types.has(sample) || types.get(base) === "histogram" || types.get(base) === "summary";
}
