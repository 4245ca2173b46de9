import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { webApp } from "./webapp.mjs";

const GATEWAY = "http://127.0.0.1:8000";
const proxied = ["/session_manager", "/captures", "/pipelines", "/studies", "/video", "/readyz", "/docs"];
const library = "^/library/(captures|summary|review|relabel|reassign|withdraw)"; // the rest of /library are pages
const sockets = ["/camera_feed_worker", "/ws"];

/** For `npm test`: how much of each older folder may stay untested. Lower a number when you test more; never raise one. */
const MAY_STAY_UNTESTED = {
  api: untested(4, 7, 1),
  camera: untested(11, 14, 2),
  capture: untested(16, 33, 4),
  components: untested(5, 3, 3),
  library: untested(8, 26, 2),
  pages: untested(5, 4, 2),
  session: untested(7, 6, 3),
  upload: untested(7, 18, 1),
};

/** Thresholds for Vitest. A negative one is a count, not a share, so deleting tested code cannot make the check fail. */
function untested(statements: number, branches: number, functions: number) {
  return { statements: -statements, branches: -branches, functions: -functions, lines: -statements };
}

export default defineConfig({
  plugins: [react(), webApp()],
  base: "./", // relative, so that a proxy may serve the gateway below any path; gateway/http/pages.py completes the shell
  build: {
    target: ["chrome109", "edge109", "firefox115", "safari16", "ios16"], // for the syntax; test_browsers.py tests the APIs
    outDir: "../static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the Content-Security-Policy forbids data: addresses
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700, // kB: one script for all pages is read once, and an installed app keeps it
    rolldownOptions: {
      checks: { pluginTimings: false }, // drawing the icons takes a second, which is no warning
      input: { index: "index.html", worker: "src/worker/main.ts" },
      // the worker's address must not change, and a worker's scope is the folder that it is served from
      output: { entryFileNames: ({ name }) => (name === "worker" ? "worker.js" : "assets/[name]-[hash].js") },
    },
  },
  server: {
    // for `npm run dev`: Vite serves the pages, a gateway everything else; the gateway checks the origin, so rewrite it
    proxy: Object.fromEntries([
      ...[...proxied, library].map((path) => [
        path,
        { target: GATEWAY, changeOrigin: true, headers: { origin: GATEWAY } },
      ]),
      ...sockets.map((path) => [path, { target: GATEWAY, ws: true, changeOrigin: true, headers: { origin: GATEWAY } }]),
    ]),
  },
  test: {
    environment: "jsdom",
    globals: true,
    setupFiles: ["src/test/setup.ts"],
    testTimeout: 300_000, // long, so that a busy machine does not fail a test: pytest runs beside them
    hookTimeout: 300_000,
    restoreMocks: true,
    maxWorkers: "100%", // of the cores
    isolate: false, // src/test/setup.ts separates the files, at a quarter of the cost of a process each
    coverage: {
      provider: "v8",
      include: ["src/**/*.{ts,tsx}"],
      exclude: ["src/**/*.test.{ts,tsx}", "src/test/**", "src/main.tsx", "src/worker/main.ts", "src/api/messages.ts"],
      reporter: [["text", { skipFull: true }]],
      reportsDirectory: "../../.cache/web-coverage",
      thresholds: {
        // src/live, files directly in src/, and every new folder: tests must run all lines and branches
        [`src/!(${Object.keys(MAY_STAY_UNTESTED).join("|")})/**`]: { 100: true },
        ...Object.fromEntries(Object.entries(MAY_STAY_UNTESTED).map(([name, most]) => [`src/${name}/**`, most])),
      },
    },
    unstubGlobals: true,
  },
});
