/**
 * Every architecture as a .esp file, beside transformers (test/goldens/encoders.py); the one that differs most on two
 * threads. A case that is added to the script is tested by being added.
 */

import { expect, test } from "vitest";
import { type EncoderCase, encoderCases, hubFolder, padOf } from "../../test/support/encoders.ts";
import { readFolder } from "../network/folder.ts";
import type { EncodedText } from "../sparse/batch.ts";
import { decodeEsp, encodeEsp, networkOf } from "../sparse/esp/model.ts";
import { openSession } from "./session.ts";

/** The texts of a case without their padding, and the first of them with the padding's own piece within. */
function textsOf({ batch, config }: EncoderCase): readonly [texts: EncodedText[], padded: EncodedText] {
  const { size, length, mask } = batch;
  const texts = Array.from({ length: size }, (_, i) => {
    const tokens = mask.subarray(i * length, (i + 1) * length).indexOf(0);
    const end = i * length + (tokens < 0 ? length : tokens);
    return { ids: batch.ids.subarray(i * length, end), types: batch.types.subarray(i * length, end) };
  });
  const [first = { ids: batch.ids, types: batch.types }] = texts;
  return [texts, { ...first, ids: first.ids.with(4, padOf(config)) }];
}

/** Rows of logits of every token, without those of padding; or logits of texts, as they are. */
function meant(
  logits: Float32Array,
  texts: readonly EncodedText[],
  length: number,
  labels: number,
): number[] {
  if (logits.length === texts.length * labels) return [...logits];
  return texts.flatMap(({ ids }, i) => {
    const start = i * length * labels;
    return [...logits.subarray(start, start + ids.length * labels)];
  });
}

const answering = (await encoderCases()).filter(
  ({ config }) => !/Model$|MaskedLM$/.test(String(config.architectures)),
);

test.each(answering)("$name: logits of a packed file within 1e-5 of those of transformers", async (given) => {
  const network = await readFolder(await hubFolder(given, given.tensors));
  const file = await encodeEsp(network, { values: "float32" });
  expect(networkOf(await decodeEsp(file))).toEqual(network);
  const [texts, padded] = textsOf(given);
  const threads = given.config.model_type === "modernbert" ? 2 : 1;
  const session = await openSession(file, { threads, where: given.name });
  try {
    const { length } = given.batch;
    const labels = "labels" in network.head ? network.head.labels.length : 1;
    const expected = [
      ...meant(given.logits, texts, length, labels),
      ...meant(given.padded, [padded], length, labels),
    ];
    const got = await session.logits([...texts, padded]);
    expect(got).toHaveLength(expected.length);
    expect(Math.max(...expected.map((x, i) => Math.abs(x - (got[i] ?? Number.NaN))))).toBeLessThan(1e-5);
  } finally {
    await session.close();
  }
});
