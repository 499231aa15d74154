import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["test/support/temporary.ts", "test/support/build.ts"],
    // Two cores: the engine runs two threads of its own in some tests, so more workers only make them wait.
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
