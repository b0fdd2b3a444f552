/** How the pages are built; `scripts/build.mjs` does it. For work on them, beside a daemon: `npx vite dashboard`. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { licenses } from "./licenses.ts";
import { preloads } from "./preloads.ts";

/** Where the daemon is that the development server passes requests on to. */
const DAEMON = process.env["MAASOCHIST_URL"] ?? "http://127.0.0.1:6227";

export default defineConfig({
  root: import.meta.dirname,
  // Relative: the daemon may stand behind a proxy under any path.
  base: "./",
  plugins: [react(), licenses(), preloads()],
  build: {
    emptyOutDir: true,
    target: "es2022",
    // The page's policy allows neither scripts nor fonts that are written into another file.
    assetsInlineLimit: 0,
    // Read by scripts/dashboard.mjs, which weighs what a page loads.
    manifest: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What asks the daemon, and what shows the answer: one file each, for every file takes both sides its time.
          groups: [
            { name: "begin", test: /[\\/]follow-session\.ts$/, priority: 2 },
            { name: "page", test: /[\\/]src[\\/]page\.tsx$/, priority: 1 },
          ],
        },
      },
    },
  },
  css: {
    preprocessorOptions: {
      // Vanilla is written with what newer versions of Sass discourage.
      scss: { quietDeps: true, silenceDeprecations: ["import", "global-builtin", "color-functions", "if-function"] },
    },
  },
  server: { proxy: { "/api": DAEMON } },
});
