import { afterAll, expect, test } from "vitest";
import { smallConfigOf } from "../../test/support/architectures.ts";
import { tinyBatch, tinyCases } from "../../test/support/golden.ts";
import { keyOf } from "../base/random.ts";
import { type BertConfig, isStock, type LayerConfig } from "../bert/config.ts";
import { Engine } from "../engine/engine.ts";
import { randomNetwork } from "../obligations/small-network.ts";
import { openNetwork } from "./inference.ts";
import { initialNetwork, type Network } from "./network.ts";
import { toStock } from "./stock.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const [golden] = tinyCases();
if (!golden) throw new Error("goldens: none");
const batch = tinyBatch(golden);
const { config: whole, vocabulary } = golden.network;
const { headSize } = whole.layers[0] ?? { headSize: 1 };

/** Large enough weights that a mistake shows. */
function pruned(layers: readonly LayerConfig[], activation: BertConfig["activation"] = "gelu"): Network {
  const config = { ...whole, layers, activation, initializerRange: 0.4 };
  return initialNetwork(config, { kind: "classification", labels: ["a", "b"] }, vocabulary, keyOf(2));
}

test.each(["gelu", "gelu_new", "relu"] as const)(
  "padded layers under %s compute the same within 1e-5",
  async (activation) => {
    const network = pruned(
      [
        { heads: 1, headSize, ffn: 5 },
        { heads: 2, headSize, ffn: 9 },
      ],
      activation,
    );
    const stock = toStock(network);
    expect([isStock(network.config), isStock(stock.config)]).toEqual([false, true]);
    const a = await (await openNetwork(engine, network)).logits(batch);
    const b = await (await openNetwork(engine, stock)).logits(batch);
    expect(new Set(a).size).toBeGreaterThan(1);
    expect(Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))))).toBeLessThan(1e-5);
  },
);

test("removed modules come back as zeros that leave their output bias alone", async () => {
  const network = pruned([
    { heads: 0, headSize, ffn: 7 },
    { heads: 1, headSize, ffn: 0 },
  ]);
  const a = await (await openNetwork(engine, network)).logits(batch);
  const b = await (await openNetwork(engine, toStock(network))).logits(batch);
  expect(Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))))).toBeLessThan(1e-5);
});

test("a network that is stock already is the same object", () => {
  expect(toStock(golden.network)).toBe(golden.network);
});

test("a head that reads a mixture of the layers has no stock form (stock/reader)", () => {
  const head = { kind: "classification", labels: ["a", "b"], reader: "mixture" } as const;
  const mixed = initialNetwork(whole, head, vocabulary, keyOf(2));
  expect(() => toStock(mixed)).toThrow(expect.objectContaining({ code: "stock/reader" }));
});

test.each([
  [
    "of two sizes",
    [
      { heads: 1, headSize: headSize * 2, ffn: 4 },
      { heads: 1, headSize, ffn: 4 },
    ],
  ],
  ["of a size that does not divide the hidden size", [{ heads: 1, headSize: whole.hiddenSize - 1, ffn: 4 }]],
])("heads %s are refused (stock/heads)", (_, layers) => {
  expect(() => toStock(pruned(layers))).toThrow(expect.objectContaining({ code: "stock/heads" }));
});

test("a layer that was moved before or after a missing norm has no stock form", () => {
  const config = smallConfigOf("modernbert");
  const [first = { heads: 1, headSize: 6, ffn: 1 }, second = first] = config.layers;
  const moved = randomNetwork({ ...config, layers: [second, first] }, { kind: "mlm" });
  expect(isStock(config)).toBe(true);
  expect(isStock(moved.config)).toBe(false);
  expect(() => toStock(moved)).toThrow(expect.objectContaining({ code: "stock/norm" }));
});
