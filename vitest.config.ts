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

/** Tests that keep nothing outside of themselves: they share a process, which loads each module once. The others have one each. */
const TOGETHER =
  "src/{base,bert,choice,contract,data,floor,formats,graph,look,measure,onnx,options,parts,quantize,report,sparse,study,text,topology}/**/*.test.ts";

/** Of every test; two threads of the engine may run beside them. */
const EACH = { testTimeout: 60_000 };

export default defineConfig({
  test: {
    globalSetup: ["test/support/temporary.ts", "test/support/build.ts"],
    // Two cores: the engine runs two threads of its own in some tests, so more workers only make them wait.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...EACH,
          name: "alone",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [TOGETHER],
        },
      },
      { test: { ...EACH, name: "together", include: [TOGETHER], isolate: false } },
    ],
  },
});
