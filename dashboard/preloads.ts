/** Names in the page's head what its entry imports later, so that the browser loads it beside the entry, not behind it. */
import type { Plugin, Rollup } from "vite";

export function preloads(): Plugin {
  return {
    name: "maasochist:preloads",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (_html, { bundle = {}, chunk }) => (chunk ? imported(chunk, bundle).map((file) => preload(file)) : []),
    },
  };
}

/** Files that the entry imports later, with what these import at once; those it imports at once itself are named already. */
function imported(entry: Rollup.OutputChunk, bundle: Rollup.OutputBundle): readonly string[] {
  const withImports = (files: readonly string[], found = new Set<string>()): ReadonlySet<string> => {
    for (const file of files) {
      const chunk = bundle[file];
      if (chunk?.type !== "chunk" || found.has(file)) continue;
      withImports(chunk.imports, found.add(file));
    }
    return found;
  };
  const named = withImports(entry.imports);
  return [...withImports(entry.dynamicImports)].filter((file) => !named.has(file));
}

function preload(file: string) {
  return {
    tag: "link",
    attrs: { rel: "modulepreload", crossorigin: true, href: `./${file}` },
    injectTo: "head" as const,
  };
}
