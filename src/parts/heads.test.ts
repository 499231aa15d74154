import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import type { Head, PoolingMode } from "../bert/config.ts";
import { HEADS, type HeadSetting, withReader } from "./heads.ts";

const NETWORK = smallNetwork(CLASSES, 2);

/** The reader that a setting gives, beside an encoder that was read with this head before. */
function readerOf(setting: HeadSetting, before?: Head): string {
  const pretrained = before === undefined ? {} : { pretrained: smallNetwork(before, 2) };
  const { head } = withReader("test", NETWORK, setting, { key: keyOf(1), ...pretrained });
  return ("reader" in head && head.reader) || "pooler";
}

const vectors = (mode: PoolingMode): Head => ({ kind: "none", pooling: { mode, normalize: true } });

test.each([
  ["an encoder of means", vectors("mean"), "means"],
  ["one of means by the root of their number", vectors("mean_sqrt_len_tokens"), "means"],
  ["one of first tokens", vectors("cls"), "mixture"],
  ["one of largest numbers", vectors("max"), "mixture"],
  ["one that says nothing of vectors", { kind: "none" }, "mixture"],
  ["a masked language model", { kind: "mlm" }, "mixture"],
  ["nothing that is known", undefined, "mixture"],
] as const)("a mixture over %s reads what that was trained to be read by", (_, before, reader) => {
  expect(readerOf("mixture", before)).toBe(reader);
});

test("firsts, means and pooler say what is read, whatever the encoder was", () => {
  for (const before of [vectors("mean"), vectors("cls")]) {
    expect(HEADS.filter((each) => each !== "mixture").map((each) => readerOf(each, before))).toEqual([
      "pooler",
      "mixture",
      "means",
    ]);
  }
});

test("a head that is there is left as it is, and a new one is drawn from the key", () => {
  const facts = { key: keyOf(1) };
  expect(withReader("test", NETWORK, "pooler", facts)).toBe(NETWORK);
  const means = withReader("test", NETWORK, "means", facts);
  expect(withReader("test", means, "means", facts)).toBe(means);
  expect([...means.tensors.keys()].filter((name) => name.startsWith("mixture."))).toEqual([
    "mixture.mean_weights",
    "mixture.dense.weight",
    "mixture.dense.bias",
  ]);
});
