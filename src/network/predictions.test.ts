import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { RunError } from "../base/errors.ts";
import { tokenizerOf } from "./encoding.ts";
import { classifyTexts, predictionsOf, type ReadText, requireTexts, requireWindows } from "./predictions.ts";

const TWO = { kind: "classification", labels: ["no", "yes"] } as const;

/** Texts that were read whole, for texts "a", ["b", "c"] and the like. */
function read(...texts: (string | readonly [string, string])[]): ReadText[] {
  return texts.map((given) => {
    const [text, pair] = typeof given === "string" ? [given, null] : given;
    return { text, pair, tokens: 3, cut: 0 };
  });
}

test("a label has the probability of its logit; a regression's value is its score", () => {
  const [first, second] = predictionsOf(TWO, read("a", ["b", "c"]), Float32Array.of(0, Math.log(3), 2, 0));
  expect(first).toMatchObject({ text: "a", pair: null, label: "yes", score: expect.closeTo(0.75, 6) });
  expect(second).toMatchObject({ text: "b", pair: "c", label: "no", score: expect.closeTo(0.8808, 4) });
  expect(predictionsOf({ kind: "regression" }, read("a"), Float32Array.of(2.5))).toEqual([
    { text: "a", pair: null, label: null, score: 2.5, labels: [], scores: [], tokens: 3, cut: 0 },
  ]);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  "a logit of %s gives an error and never a label",
  (bad) => {
    const twice = () => predictionsOf(TWO, read("a", "b"), Float32Array.of(0, 1, bad, 2));
    expect(twice).toThrow(RunError);
    expect(twice).toThrow(
      expect.objectContaining({ code: "predict/finite", message: expect.stringMatching(/text 2.*float32/) }),
    );
    const later = () => predictionsOf(TWO, read("a", "b"), Float32Array.of(0, 1, bad, 2), 4096);
    expect(later).toThrow(expect.objectContaining({ message: expect.stringMatching(/text 4098/) }));
    const once = () => predictionsOf({ kind: "regression" }, read("a"), Float32Array.of(bad));
    expect(once).toThrow(expect.objectContaining({ code: "predict/finite" }));
  },
);

test.each([
  ["a film", "texts: expected a list of texts (or [text, pair]), got a text"],
  [undefined, "texts: expected a list of texts (or [text, pair]), got undefined"],
  [{ text: "a film" }, "texts: expected a list of texts (or [text, pair]), got an object"],
  [["a film", null], "texts: expected a text or [text, pair], got null (text 2)"],
  [[7], "texts: expected a text or [text, pair], got a number (text 1)"],
  [new Array(1), "texts: expected a text or [text, pair], got undefined (text 1)"],
  [
    [["a", "b", "c", "d"]],
    "texts: expected a text or [text, pair], got [a text, a text, a text, …] (text 1)",
  ],
  [[["a", null]], "texts: expected a text or [text, pair], got [a text, null] (text 1)"],
])("what is no list of texts is refused: %j", (given, message) => {
  const refusal = expect.objectContaining({ name: "ConfigError", code: "texts/kind", message });
  expect(() => requireTexts(given, "predict/none")).toThrow(refusal);
});

test("texts and pairs are texts; an empty list has the code of who asks", () => {
  expect(() => requireTexts(["a", ["b", "c"]], "predict/none")).not.toThrow();
  expect(() => requireTexts([], "runtime/none")).toThrow(expect.objectContaining({ code: "runtime/none" }));
});

test("windows share fewer tokens than they have room for beside what the template adds", () => {
  const reading = { head: TWO, tokenizer: tokenizerOf(tinyModel()), maxLength: 10 };
  for (const stride of [undefined, 0, 7]) expect(() => requireWindows({ ...reading, stride })).not.toThrow();
  for (const stride of [8, 10, -1, 0.5])
    expect(() => requireWindows({ ...reading, stride })).toThrow(
      expect.objectContaining({ name: "ConfigError", code: "options/stride" }),
    );
  expect(() => requireWindows({ ...reading, head: { kind: "none" }, stride: 2 })).toThrow(
    expect.objectContaining({ code: "stride/task" }),
  );
});

test("timers have their turn while long texts are cut into pieces, and the answers stay in order", async () => {
  const turns: number[] = [];
  const timer = setInterval(() => turns.push(0));
  const texts = Array.from({ length: 12 }, (_, i) => `${"good film ".repeat(5000)}${i}`);
  const logits = async (read: readonly unknown[]) => Float32Array.from(read, (_, i) => i);
  const head = { kind: "regression" } as const;
  const said = await classifyTexts(
    { head, tokenizer: tokenizerOf(tinyModel()), maxLength: 24, logits },
    texts,
  );
  clearInterval(timer);
  expect(turns.length).toBeGreaterThan(2);
  expect(said.map(({ text, score }) => [text, score])).toEqual(texts.map((text, i) => [text, i]));
});
