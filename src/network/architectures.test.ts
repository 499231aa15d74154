/**
 * Every architecture beside transformers, from a folder of the hub and back (test/goldens/encoders.py). A case that is
 * added to the script is tested by being added.
 */

import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type EncoderCase, encoderCases, hubFolder, padOf } from "../../test/support/encoders.ts";
import { newFolder } from "../../test/support/tiny-model.ts";
import { requireEntry, requireFloats } from "../base/present.ts";
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

/** A network's outputs, and the gradients of Σ logits ∘ upstream under their names inside. */
type Asked = (ids: Int32Array) => Promise<ReadonlyMap<string, Float32Array>>;

/** The network as training runs it. */
async function open({ config, head, tensors }: Network, { batch, upstream }: EncoderCase): Promise<Asked> {
  const context = contextOf(config, parameters(config, head));
  const output = outputOf(context, batchInputs(), { config, head });
  const axes = output.shape.map((_, i) => i);
  const loss = sum(mul(output, input("upstream", "float32", output.shape)), axes);
  const names = [...parameters(config, head).keys()];
  const gradients = backward(loss, names.map(context.parameter));
  const outputs = Object.fromEntries(gradients.map((value, i) => [`gradient ${names[i]}`, value]));
  const session = await engine.session(`case ${sessions++}`, () => program({ ...outputs, [LOGITS]: output }));
  const shape = [batch.size, batch.length];
  const sizes: Readonly<Record<string, number>> = { B: batch.size, T: batch.length };
  return async (ids) => {
    const feeds: Record<string, Tensor> = {
      ...Object.fromEntries(tensors),
      input_ids: { dtype: "int32", shape, data: ids },
      token_type_ids: { dtype: "int32", shape, data: batch.types },
      mask: { dtype: "float32", shape, data: batch.mask },
      upstream: {
        dtype: "float32",
        shape: output.shape.map((dim) => sizes[dim] ?? Number(dim)),
        data: upstream,
      },
    };
    const read = Object.entries(feeds).filter(([key]) => session.program.inputs.has(key));
    const [results = {}] = await engine.run([{ session, feeds: Object.fromEntries(read) }]);
    const numbers = (output: string): Float32Array => requireFloats(results[output]?.data, output).slice();
    return new Map([
      ...names.map((name) => [name, numbers(`gradient ${name}`)] as const),
      [LOGITS, numbers(LOGITS)] as const,
    ]);
  };
}

const LOGITS = "logits";
let sessions = 0;

/** Gradients as transformers has them: under its names, those of matrices that it stores as one joined. */
function asStored({ config, head, tensors }: Network, asked: ReadonlyMap<string, Float32Array>) {
  const { spelling } = ARCHITECTURES[factsOf(config).type];
  const inside = new Map(
    [...tensors].map(([name, { shape }]) => [
      name,
      floatTensor(shape, requireEntry(asked, name, "gradient")),
    ]),
  );
  const stored = storedTensors({ config, head, tensors: inside });
  return new Map(stored.map(({ name, tensor }) => [nameInside(name, spelling), tensor.data]));
}

test.each(cases)("$name: logits and every gradient are those of transformers", async (given) => {
  const { batch, logits, tensors, config } = given;
  const notes: string[] = [];
  const network = await readFolder(await hubFolder(given, tensors), (note) => notes.push(note));
  expect(notes).toEqual([]);
  const ask = await open(network, given);
  const asked = await ask(batch.ids);
  expect(apart(asked.get(LOGITS) ?? [], logits, isMeant(given))).toBeLessThan(1e-5);
  const padded = (await ask(batch.ids.with(4, padOf(config)))).get(LOGITS)?.subarray(0, given.padded.length);
  expect(apart(padded ?? [], given.padded, isMeant(given))).toBeLessThan(1e-5);

  const gradients = asStored(network, asked);
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
