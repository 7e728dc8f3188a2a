import { defineConfig } from "vitest/config";

// One after the other: each file has a browser and a gateway of its own, and they are large.
export default defineConfig({
  test: {
    include: [process.env.CHELA_SHOTS ? "e2e/shots.ts" : "e2e/**/*.test.ts"],
    setupFiles: ["src/testing.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
