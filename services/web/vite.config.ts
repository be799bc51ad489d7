import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { licenses } from "./licenses.mjs";

export default defineConfig({
  plugins: [react(), licenses()],
  // Files find each other wherever the page is served; the gateway completes the document's own addresses.
  base: "./",
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    outDir: "../gateway/phonoscope_gateway/web/static",
    emptyOutDir: true,
    target: "es2022",
    // A data: address in a style sheet would need a laxer policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // A test measures colours: style sheets are read as they are.
  test: { include: ["tests/**/*.test.ts"], css: true, testTimeout: 60_000 },
});
