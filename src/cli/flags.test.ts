import { expect, test } from "vitest";
import { flagOf, wordsFor } from "../options/flags.ts";
import { resolveOptions } from "../options/schema.ts";
import { COMPRESS } from "../options/training.ts";
import { parseArguments } from "./arguments.ts";

test("a flag is the option's name with hyphens", () => {
  expect(["batchSize", "out", "keepCheckpoints"].map(flagOf)).toEqual([
    "--batch-size",
    "--out",
    "--keep-checkpoints",
  ]);
});

test("the words for settings are read back as the same settings, and defaults are not typed", () => {
  const settings = resolveOptions(COMPRESS, {
    model: "embedded",
    method: "theseus",
    set: { layers: "2", schedule: "curriculum" },
    data: "my reviews.csv",
    out: "runs/a b",
    learningRate: 3e-5,
    latency: false,
    allowConstant: true,
    limit: 100,
  });
  const words = wordsFor(COMPRESS.fields, { ...settings, dropped: "by a later version" }, "model");
  expect(words).not.toContain("--batch-size");
  const request = parseArguments(["compress", ...words], "0.0.0");
  expect(request.kind === "run" && resolveOptions(COMPRESS, request.given)).toEqual(settings);
});
