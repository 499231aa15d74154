import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files of half a minute and more. Begun first, no core waits for one of them at the end. */
const LONG = [
  "/contract.test.ts",
  "/contract-sparse.test.ts",
  "/job.test.ts",
  "/reproduce.test.ts",
  "/bench.test.ts",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((end) => moduleId.endsWith(end));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["test/support/temporary.ts", "test/support/build.ts"],
    // Two cores: the engine runs two threads of its own in some tests, so more workers only make them wait.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
  },
});
