import { afterAll, expect, test } from "vitest";
import { ownTemplates, ruledModel } from "../../test/support/ruled-model.ts";
import { TINY_CONFIG, tinyModel } from "../../test/support/tiny-model.ts";
import { Engine } from "../engine/engine.ts";
import { openNetwork } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { type CandidateRules, nearByEmbeddings, openProposer } from "./augment-candidates.ts";

const RULES: CandidateRules = { candidates: 5, context: "pair", maxLength: 24, batchSize: 4 };
const TEXTS = ["Good films, not bad!", "a very dull plot", "the", "very bright film; bright plot"];

/** The tiny masked language model with one more piece, `##s`. */
function model(): Network {
  const base = tinyModel({ kind: "mlm" }, { ...TINY_CONFIG, vocabSize: TINY_CONFIG.vocabSize + 1 });
  return { ...base, vocabulary: { ...base.vocabulary, vocab: [...base.vocabulary.vocab, "##s"] } };
}

const network = model();
const { vocab } = network.vocabulary;
const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

/** The five best pieces at `position` of one sequence, by a full sort of the logits of all places. */
async function best(ids: readonly number[], position: number, second: number): Promise<string[]> {
  const inference = await openNetwork(engine, network);
  const logits = await inference.logits({
    size: 1,
    length: ids.length,
    ids: Int32Array.from(ids),
    types: Int32Array.from(ids, (_, i) => (i < second ? 0 : 1)),
    mask: new Float32Array(ids.length).fill(1),
  });
  const row = [...logits.subarray(position * vocab.length, (position + 1) * vocab.length)];
  const order = row.map((logit, id) => ({ logit, piece: vocab[id] ?? "" })).sort((a, b) => b.logit - a.logit);
  return order.slice(0, 5).map(({ piece }) => piece);
}

function isWhole(piece: string): boolean {
  return !piece.startsWith("##") && !piece.startsWith("[");
}

test.each(["pair", "alone"] as const)(
  "a word of one piece gets the most probable pieces at its place, as if it were asked alone (%s)",
  async (context) => {
    const { special, pieces } = createTokenizer(network.vocabulary);
    const propose = await openProposer(engine, network, { ...RULES, context });
    const found = await propose(TEXTS);
    const plain = [...pieces("very bright film; bright plot")];
    const masked = plain.map((id, i) => (i === 2 ? special.mask : id));
    const second = context === "pair" ? [...plain, special.sep] : [];
    const ids = [special.cls, ...masked, special.sep, ...second];
    const expected = (await best(ids, 3, plain.length + 2)).filter(isWhole);
    expect(found[3]?.[1]).toEqual({ start: 12, end: 16, candidates: expected });
    expect(expected.length).toBeGreaterThan(0);
    expect(found.map((words, t) => words.map(({ start, end }) => TEXTS[t]?.slice(start, end)))).toEqual([
      ["Good", "films", "bad"],
      ["dull", "plot"],
      [],
      ["bright", "film", "bright", "plot"],
    ]);
    expect(found.flat().flatMap(({ candidates }) => candidates.filter((piece) => !isWhole(piece)))).toEqual(
      [],
    );
  },
);

test("a word of several pieces gets its neighbours", async () => {
  const pieces = [vocab.indexOf("film"), vocab.indexOf("##s")];
  const near = nearByEmbeddings(network, 5)("films", pieces);
  expect(near).toHaveLength(5);
  const byEmbeddings = await (await openProposer(engine, network, RULES))(TEXTS);
  expect(byEmbeddings[0]?.[1]).toEqual({ start: 5, end: 10, candidates: near });
  const given = await openProposer(engine, network, RULES, (word, ids) => [`${word}:${ids}`]);
  expect((await given(TEXTS))[0]?.[1]?.candidates).toEqual([`films:${pieces}`]);
});

test("candidates do not depend on the texts beside them", async () => {
  const propose = await openProposer(engine, network, RULES);
  const together = await propose(TEXTS);
  for (const [t, text] of TEXTS.entries()) expect(await propose([text])).toEqual([together[t]]);
  expect(await propose([])).toEqual([]);
});

test("of a long text the second one is cut first, and words behind the limit have no candidates", async () => {
  const text = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? "film" : "plot")).join(" ");
  const lengths = async (maxLength: number, context: "pair" | "alone"): Promise<number[]> => {
    const propose = await openProposer(engine, network, { ...RULES, maxLength, context });
    return ((await propose([text]))[0] ?? []).map(({ candidates }) => candidates.length);
  };
  expect((await lengths(14, "pair")).every((n) => n > 0)).toBe(true);
  expect((await lengths(10, "pair")).map((n) => n > 0)).toEqual(Array.from({ length: 12 }, (_, i) => i < 8));
  expect(await lengths(14, "pair")).toEqual(await lengths(15, "alone"));
});

test("words in added tokens are not replaced; nor is a text whose tokens reach over its words", async () => {
  const propose = await openProposer(engine, ruledModel(undefined, { kind: "mlm" }), RULES);
  const texts = ["bad [E1] film<s> plot", "a very good film", "[MASK] film", "covfefe film"];
  const found = await propose(texts);
  expect(found.map((words, t) => words.map(({ start, end }) => texts[t]?.slice(start, end)))).toEqual([
    ["bad", "film", "plot"],
    [],
    ["film"],
    ["covfefe", "film"],
  ]);
  expect(found.flat().flatMap(({ candidates }) => candidates)).not.toContain("<s>");
});

test("a tokenizer with another template than BERT's is refused (augment/template)", async () => {
  const opened = openProposer(engine, ruledModel(ownTemplates, { kind: "mlm" }), RULES);
  await expect(opened).rejects.toMatchObject({ code: "augment/template" });
});
