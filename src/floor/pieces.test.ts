import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { newFolder, tinyModel, WORDS } from "../../test/support/tiny-model.ts";
import type { Dataset } from "../data/dataset.ts";
import { openTextModel } from "../runs/text-model.ts";
import { readFloor, writeFloor } from "./folder.ts";
import { distilReader, fitFloor, floorLogits } from "./model.ts";
import type { PieceTable } from "./pieces.ts";

/** Without the first two words, each of the others as often. */
const USED = WORDS.slice(2);
const DATA: Dataset = {
  name: "pairs",
  task: "classification",
  labels: ["no", "yes"],
  examples: USED.map((text, i) => ({
    text,
    pair: USED[(3 * i + 1) % USED.length] ?? "",
    label: i % 2,
    where: `${i}`,
  })),
};
const NETWORK = tinyModel({ kind: "none", pooling: { mode: "mean", normalize: false } });
let table: PieceTable;

beforeAll(async () => {
  ({ table } = await distilReader(DATA, { network: NETWORK, threads: 1, device: "cpu" }));
});

/** Distances of all vectors to the first, in the first one's. */
function distances(vectors: readonly ArrayLike<number>[]): number[] {
  const [first = []] = vectors;
  const apart = vectors
    .slice(1)
    .map((each) => Math.hypot(...Array.from(first, (x, f) => x - (each[f] ?? 0))));
  return apart.map((x) => x / (apart[0] ?? Number.NaN));
}

test("pieces that training texts have lie as the encoder's own vectors of them do; others leave", async () => {
  expect(table.vocabulary.vocab.slice(5)).toEqual(USED);
  const { vectors, width, tokenizer } = table;
  const own = USED.map((word) => {
    const piece = tokenizer.pieces(word)[0] ?? 0;
    return vectors?.subarray(piece * width, (piece + 1) * width) ?? [];
  });
  const model = await openTextModel(NETWORK);
  const theirs = await model.embed(USED);
  await model.close();
  const expected = distances(theirs);
  // Rounded to 16 bits.
  distances(own).forEach((x, i) => {
    expect(Math.abs(x - (expected[i] ?? 0)), USED[i + 1]).toBeLessThan(3e-3);
  });
  const squares = own.flatMap((each) => Array.from(each, (x) => x * x)).reduce((a, b) => a + b, 0);
  expect(squares / USED.length).toBeCloseTo(1, 2);
});

test("of single texts a piece is one number, and a text's score the mean of its pieces'", async () => {
  const data = { ...DATA, examples: DATA.examples.map(({ pair: _, ...each }) => each) };
  const model = await fitFloor({ kind: "static", table }, "classification", data);
  expect(model.linear.weight).toHaveLength(table.vocabulary.vocab.length);
  const [one, two, both, none] = ["film", "plot", "film plot", ""].map(
    (text) => floorLogits(model, [text])[1],
  );
  expect(both).toBeCloseTo(((one ?? 0) + (two ?? 0)) / 2, 5);
  expect(one).not.toBeCloseTo(two ?? 0, 2);
  expect(none).toBeCloseTo(model.linear.bias[0] ?? Number.NaN, 6);
});

test("pieces and vectors are kept in the files, number for number, for pairs and for single texts", async () => {
  for (const examples of [DATA.examples, DATA.examples.map(({ pair: _, ...each }) => each)]) {
    const model = await fitFloor({ kind: "static", table }, "classification", { ...DATA, examples });
    const folder = join(await newFolder(), "static");
    const { raw } = await writeFloor(folder, model);
    expect(raw).toBeGreaterThan(0);
    const read = await readFloor(folder);
    expect(read.isPair).toBe("pair" in (examples[0] ?? {}));
    const texts = [["a film", "the plot"], "very bright"] as const;
    expect(floorLogits(read, texts)).toEqual(floorLogits(model, texts));
  }
});
