/** Every network in every format, written and read back. Adding a row to a table of `support/formats.ts` adds its tests. */

import { afterAll, expect, test } from "vitest";
import { fold, keyOf, randint } from "../../src/base/random.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { InputBatch } from "../../src/network/inference.ts";
import { withLength } from "../../src/network/length.ts";
import type { Network } from "../../src/network/network.ts";
import { FORMATS, NETWORKS, ofTokens, openHere } from "../support/formats.ts";
import { newFolder } from "../support/tiny-model.ts";

/** Three texts of 9, 6 and 3 pieces. */
function batchFor({ config }: Network): InputBatch {
  const [size, length] = [3, 9];
  const draw = (name: string, below: number): Int32Array =>
    Int32Array.from({ length: size * length }, (_, i) => randint(fold(keyOf(6), name), below, i));
  const mask = Float32Array.from({ length: size * length }, (_, i) =>
    Number((i % length) + 3 * Math.floor(i / length) < length),
  );
  return { size, length, ids: draw("ids", config.vocabSize), types: draw("types", config.typeVocab), mask };
}

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const CASES = FORMATS.flatMap((format) =>
  NETWORKS.map(([name, network]) => ({
    name: `${format.name}: ${name}`,
    bound: format.bound,
    code: format.refuses?.(network),
    format,
    network,
  })),
);

test.for(CASES.filter(({ code }) => code === undefined))(
  "$name gives the same outputs, the largest difference at most $bound",
  async ({ format, network, bound }, context) => {
    const path = await format.write(await newFolder(), network);
    const theirs = await format.open(path, network, engine);
    if (theirs === undefined) return context.skip(`no reader for ${format.name} here`);
    try {
      const [batch, ours] = [batchFor(network), await openHere(network, engine, format.vectors)];
      const [all, said] = [await ours.outputs(batch), await theirs.outputs(batch)];
      expect(said.length).toBe(all.length);
      const [a, b] = [ofTokens(network, batch, all), ofTokens(network, batch, said)];
      expect(new Set(a).size).toBeGreaterThan(1);
      const far = a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN)));
      expect(Math.max(...far)).toBeLessThanOrEqual(bound);
    } finally {
      await theirs.close();
    }
  },
);

test.for(FORMATS)("$name: texts are cut where the network cuts them", async (format, context) => {
  const [, whole] = NETWORKS[0] ?? [];
  if (whole === undefined) throw new Error("no network to write");
  const path = await format.write(await newFolder(), withLength(whole, 7));
  const length = await format.length(path);
  if (length === undefined) return context.skip(`no reader for ${format.name} here`);
  expect(length).toBe(7);
});

test.each(CASES.filter(({ code }) => code !== undefined))(
  "$name is refused ($code)",
  async ({ format, network, code }) => {
    await expect(format.write(await newFolder(), network)).rejects.toThrow(expect.objectContaining({ code }));
  },
);
