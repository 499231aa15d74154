import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { Engine } from "../engine/engine.ts";
import { openNetwork } from "./inference.ts";
import { openMasked } from "./masked-lm.ts";

test("logits at chosen places are those of the whole batch within 1e-5", async () => {
  const network = tinyModel({ kind: "mlm" });
  const engine = new Engine({ threads: 1 });
  const batch = {
    size: 2,
    length: 4,
    ids: Int32Array.of(2, 5, 4, 3, 2, 4, 3, 0),
    types: Int32Array.of(0, 0, 1, 1, 0, 0, 0, 0),
    mask: Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0),
  };
  const all = await (await openNetwork(engine, network)).logits(batch);
  const some = await (await openMasked(engine, network)).logits(batch, Int32Array.of(2, 5));
  await engine.close();
  const V = network.config.vocabSize;
  const expected = [...all.subarray(2 * V, 3 * V), ...all.subarray(5 * V, 6 * V)];
  expect(some).toHaveLength(2 * V);
  some.forEach((logit, i) => {
    expect(Math.abs(logit - (expected[i] ?? Number.NaN))).toBeLessThan(1e-5);
  });
});

test("a network with another head, and a batch longer than its positions, are refused", async () => {
  const engine = new Engine({ threads: 1 });
  const refused = (work: Promise<unknown>, code: string) =>
    expect(work).rejects.toThrow(expect.objectContaining({ code }));
  await refused(openMasked(engine, tinyModel()), "masked/head");
  await refused(openMasked(engine, tinyModel({ kind: "none" })), "masked/head");
  const model = await openMasked(engine, tinyModel({ kind: "mlm" }));
  const [ids, types, mask] = [new Int32Array(25), new Int32Array(25), new Float32Array(25)];
  await refused(
    model.logits({ size: 1, length: 25, ids, types, mask }, Int32Array.of(0)),
    "inference/length",
  );
  await engine.close();
});
