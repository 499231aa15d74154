/** A model that is kept ready: vectors here, labels in commands/predict.test.ts. */

import { expect, test } from "vitest";
import { tinyModel, written } from "../../test/support/tiny-model.ts";
import { POOLING_MODES } from "../bert/config.ts";
import { load as loadFile } from "../runtime/load.ts";
import { encodeEsp } from "../sparse/esp/model.ts";
import { load, openTextModel } from "./text-model.ts";

const TEXTS = ["a good film", ["good", "the plot"] as const, "very ".repeat(40), "bad"];

test.each(POOLING_MODES)(
  "vectors by %s of a folder are those of its packed file within 1e-5",
  async (mode) => {
    const network = tinyModel({ kind: "none", pooling: { mode, normalize: mode === "cls" } });
    const ours = await load(await written(network), { batchSize: 3 });
    const packed = await loadFile(await encodeEsp(network, { values: "float32" }), { path: "sparse" });
    try {
      expect(ours).toMatchObject({ task: "embedding", labels: [], dimensions: 16, pooling: { mode } });
      const [a, b] = [await ours.embed(TEXTS), await packed.embed(TEXTS)];
      expect(a.map(({ length }) => length)).toEqual(TEXTS.map(() => 16));
      a.forEach((vector, i) => {
        const far = vector.map((x, f) => Math.abs(x - (b[i]?.[f] ?? Number.NaN)));
        expect(Math.max(...far)).toBeLessThan(1e-5);
      });
    } finally {
      await ours.close();
      await packed.close();
    }
  },
);

test("wrong calls are refused by name, a stop and a close too", async () => {
  const encoder = await openTextModel(tinyModel({ kind: "none" }));
  await expect(encoder.classify(["a"])).rejects.toMatchObject({ code: "model/task" });
  await expect(encoder.embed([])).rejects.toMatchObject({ code: "embed/none" });
  const stop = encoder.embed(["a"], {}, { signal: AbortSignal.abort() });
  await expect(stop).rejects.toMatchObject({ name: "InterruptedError", code: "embed/stopped" });
  await encoder.close();
  await expect(encoder.embed(["a"])).rejects.toMatchObject({ code: "model/closed" });
  const classifier = await openTextModel(tinyModel());
  await expect(classifier.embed(["a"])).rejects.toMatchObject({ code: "model/task" });
  await classifier.close();
});

test("a stride that leaves a window no room, or takes vectors' means, is refused when a model is opened", async () => {
  await expect(openTextModel(tinyModel(), { stride: 22 })).rejects.toMatchObject({ code: "options/stride" });
  await expect(openTextModel(tinyModel(), { stride: 6, maxLength: 8 })).rejects.toMatchObject({
    code: "options/stride",
  });
  await (await openTextModel(tinyModel(), { stride: 21 })).close();
  const encoder = openTextModel(tinyModel({ kind: "none" }), { stride: 2 });
  await expect(encoder).rejects.toMatchObject({ code: "stride/task" });
});

test("what is told of a model cannot be changed, and the network keeps its own", async () => {
  const network = tinyModel();
  const model = await openTextModel(network);
  const [before] = await model.classify(["good"]);
  // As a program without types would do it.
  const labels = model.labels as string[];
  expect(() => labels.reverse()).toThrow(TypeError);
  expect(await model.classify(["good"])).toEqual([before]);
  expect(network.head).toMatchObject({ labels: ["negative", "positive"] });
  await model.close();
});

test("`await using` closes a model", async () => {
  const model = await openTextModel(tinyModel());
  {
    await using same = model;
    expect(await same.classify(["good"])).toHaveLength(1);
  }
  await expect(model.classify(["good"])).rejects.toMatchObject({ code: "model/closed" });
});
