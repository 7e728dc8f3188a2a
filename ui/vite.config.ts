import { defineConfig } from "vitest/config";
import { measure } from "./build/measure.ts";
import { precompress } from "./build/precompress.ts";

// The gateway that `npm run dev` talks to.
const GATEWAY = process.env.CHELA_URL ?? "http://127.0.0.1:18789";

export default defineConfig({
  build: {
    target: "es2023",
    outDir: process.env.CHELA_UI_OUT ?? "dist",
    emptyOutDir: true,
    // Inline scripts, styles and data: addresses are what the content security policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  plugins: [measure(), precompress()],
  server: {
    // The gateway checks the origin, so it is told its own.
    proxy: { "^/(control-ui-config\\.json)?$": { target: GATEWAY, ws: true, changeOrigin: true, bypass: keepPage } },
  },
  test: { include: ["src/**/*.test.ts"], setupFiles: ["src/testing.ts"] },
});

/** While developing, sockets go to the gateway and the page comes from here. */
function keepPage(request: { url?: string; headers: { upgrade?: string } }): string | undefined {
  return request.url === "/" && !request.headers.upgrade ? "/index.html" : undefined;
}
