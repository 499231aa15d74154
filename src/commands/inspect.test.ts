import { expect, test } from "vitest";
import { PRUNED_CONFIG, TINY_CONFIG, tinyModel, written } from "../../test/support/tiny-model.ts";
import type { Head } from "../bert/config.ts";
import { headText } from "../measure/parts.ts";
import { inspect } from "./inspect.ts";

test.each([
  ["classification", { kind: "classification", labels: ["no", "yes"] }, TINY_CONFIG, "no / yes"],
  ["regression", { kind: "regression" }, PRUNED_CONFIG, "regression"],
  [
    "mixture",
    { kind: "classification", labels: ["no", "yes"], reader: "mixture" },
    PRUNED_CONFIG,
    "no / yes",
  ],
  ["mlm", { kind: "mlm" }, PRUNED_CONFIG, "masked language model"],
  ["none", { kind: "none" }, TINY_CONFIG, "none"],
] satisfies [string, Head, typeof TINY_CONFIG, string][])(
  "the parts of a %s model add up to the whole",
  async (_, head, config, text) => {
    const result = await inspect({ model: await written(tinyModel(head, config)), maxLength: 10 });
    const sum = (of: (part: (typeof result.parts)[number]) => number) =>
      result.parts.reduce((n, part) => n + of(part), 0);
    expect(sum((part) => part.parameters)).toBe(result.parameters.total);
    expect(sum((part) => part.nonzero)).toBe(result.parameters.nonzero);
    expect(sum((part) => part.multiplyAccumulates)).toBe(result.multiplyAccumulates);
    expect(result).toMatchObject({ model: "tiny", head: text, length: 10 });
    expect(result.parts.map(({ name }) => name).slice(0, 3)).toEqual(["embeddings", "layer 0", "layer 1"]);
    expect(result.parts[1]?.structure).toBe(
      `${config.layers[0]?.heads} heads × 8, ffn ${config.layers[0]?.ffn}`,
    );
  },
);

test("more than six labels are counted, not listed", () => {
  const labels = Array.from({ length: 7 }, (_, i) => `l${i}`);
  expect(headText({ kind: "classification", labels })).toBe("7 labels");
});
