import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const GATEWAY = "http://127.0.0.1:8000";
const proxied = ["/session_manager", "/captures", "/pipelines", "/video", "/readyz", "/docs"];
const sockets = ["/camera_feed_worker", "/ws"];

export default defineConfig({
  plugins: [react()],
  base: "./", // relative, so that a proxy may serve the gateway below a path; gateway/http/pages.py completes the shell
  build: {
    target: ["chrome109", "edge109", "firefox115", "safari16", "ios16"], // syntax; test_browsers.py looks at the APIs
    outDir: "../static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the Content-Security-Policy has no room for data: addresses
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    // for `npm run dev`: pages from here, everything else from a gateway; rewrites the origin, which the gateway checks
    proxy: Object.fromEntries([
      ...proxied.map((path) => [path, { target: GATEWAY, changeOrigin: true, headers: { origin: GATEWAY } }]),
      ...sockets.map((path) => [path, { target: GATEWAY, ws: true, changeOrigin: true, headers: { origin: GATEWAY } }]),
    ]),
  },
  test: {
    environment: "jsdom",
    globals: true,
    setupFiles: ["src/test/setup.ts"],
    testTimeout: 30_000, // a busy machine is no failure
    restoreMocks: true,
    coverage: {
      // `npm test` measures; what the real-time view does is run whole by its own tests
      provider: "v8",
      include: ["src/**/*.{ts,tsx}"],
      exclude: ["src/**/*.test.{ts,tsx}", "src/test/**", "src/main.tsx", "src/api/messages.ts"],
      reporter: ["text-summary"],
      reportsDirectory: "../../.cache/web-coverage",
    },
    unstubGlobals: true,
  },
});
