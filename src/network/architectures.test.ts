/**
 * Every architecture beside transformers, from a folder of the hub and back (test/goldens/encoders.py). A case that is
 * added to the script is tested by being added.
 */

import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type EncoderCase, encoderCases, hubFolder, padOf } from "../../test/support/encoders.ts";
import { newFolder } from "../../test/support/tiny-model.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import { nameInside } from "../bert/architectures/spelling.ts";
import { ARCHITECTURES } from "../bert/architectures/table.ts";
import { factsOf } from "../bert/config.ts";
import { batchInputs, contextOf } from "../bert/forward.ts";
import { parameters } from "../bert/names.ts";
import { Engine } from "../engine/engine.ts";
import { backward } from "../graph/backward.ts";
import { sum } from "../graph/ops/broadcast.ts";
import { mul } from "../graph/ops/elementwise.ts";
import { program } from "../graph/program.ts";
import { input } from "../graph/value.ts";
import { readFolder, writeFolder } from "./folder.ts";
import { storedTensors } from "./folder-tensors.ts";
import { openNetwork } from "./inference.ts";
import type { Network } from "./network.ts";
import { outputOf } from "./onnx.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());
const cases = await encoderCases();

function largest(numbers: Iterable<number>): number {
  return Math.max(...Array.from(numbers, Math.abs));
}

/** The largest difference. */
function apart(
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  counts = (_: number): boolean => true,
): number {
  expect(ours).toHaveLength(theirs.length);
  return largest(Array.from(theirs, (x, i) => (counts(i) ? x - (ours[i] ?? Number.NaN) : 0)));
}

/** Logits of tokens that are padding mean nothing. */
function isMeant({ batch, logits }: EncoderCase): (i: number) => boolean {
  const width = logits.length / batch.size;
  return (i) => width % batch.length !== 0 || batch.mask[Math.floor(i / (width / batch.length))] === 1;
}

/** Gradients of Σ logits ∘ upstream, under the checkpoint's names. */
async function gradientsOf(network: Network, { batch, upstream, logits, name }: EncoderCase) {
  const { config, head, tensors } = network;
  const context = contextOf(config, parameters(config, head));
  const inputs = batchInputs();
  const output = outputOf(context, inputs, network);
  const loss = sum(
    mul(output, input("upstream", "float32", output.shape)),
    output.shape.map((_, i) => i),
  );
  const names = [...parameters(config, head).keys()];
  const wanted = backward(
    loss,
    names.map((each) => context.parameter(each)),
  );
  const graph = program(Object.fromEntries(wanted.map((value, i) => [`g ${names[i]}`, value])));
  const shape = [batch.size, batch.length];
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries(tensors),
    input_ids: { dtype: "int32", shape, data: batch.ids },
    token_type_ids: { dtype: "int32", shape, data: batch.types },
    mask: { dtype: "float32", shape, data: batch.mask },
    upstream: {
      dtype: "float32",
      shape: output.shape.map((dim) => (dim === "B" ? batch.size : dim === "T" ? batch.length : Number(dim))),
      data: upstream,
    },
  };
  expect(upstream).toHaveLength(logits.length);
  const session = await engine.session(
    `gradients ${name} ${cases.findIndex((each) => each.name === name)}`,
    () => graph,
  );
  const read = Object.fromEntries(Object.entries(feeds).filter(([key]) => graph.inputs.has(key)));
  const [results] = await engine.run([{ session, feeds: read }]);
  const inside = new Map(
    names.map((each) => {
      const result = results?.[`g ${each}`];
      if (!(result?.data instanceof Float32Array)) throw new Error(`no gradient of ${each}`);
      return [each, floatTensor(tensors.get(each)?.shape ?? [], result.data)];
    }),
  );
  const { spelling } = ARCHITECTURES[factsOf(config).type];
  const stored = storedTensors({ config, head, tensors: inside });
  return new Map(stored.map((each) => [nameInside(each.name, spelling), each.tensor.data]));
}

test.each(cases)("$name: logits and every gradient are those of transformers", async (given) => {
  const { batch, logits, tensors } = given;
  const notes: string[] = [];
  const network = await readFolder(await hubFolder(given, tensors), (note) => notes.push(note));
  expect(notes).toEqual([]);
  const model = await openNetwork(engine, network);
  const ours = await model.logits(batch);
  expect(apart(ours, logits, isMeant(given))).toBeLessThan(1e-5);
  const ids = batch.ids.with(4, padOf(given.config));
  const padded = (await model.logits({ ...batch, ids })).subarray(0, given.padded.length);
  expect(apart(padded, given.padded, isMeant(given))).toBeLessThan(1e-5);
  const gradients = await gradientsOf(network, given);
  const { spelling } = ARCHITECTURES[factsOf(network.config).type];
  const theirs = new Map([...given.gradients].map(([name, data]) => [nameInside(name, spelling), data]));
  expect([...gradients.keys()].sort()).toEqual([...theirs.keys()].sort());
  const all = largest([...theirs.values()].map(largest));
  for (const [name, data] of theirs) {
    // A softmax does not see what is added to all keys: such a bias has no gradient but rounding.
    const most = largest(data) < 1e-9 * all ? all : largest(data);
    expect(apart(gradients.get(name) ?? [], data) / most, name).toBeLessThan(1e-5);
  }

  const folder = join(await newFolder(), "written");
  await writeFolder(folder, network);
  expect(await readFolder(folder)).toEqual(network);
});
