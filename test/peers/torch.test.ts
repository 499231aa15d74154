/** A real model against PyTorch: logits, every gradient, and 50 steps of fine-tuning (goldens/from_torch.py). */

import { expect, test } from "vitest";
import { keyOf } from "../../src/base/random.ts";
import { linearRate } from "../../src/base/schedule.ts";
import { classOf } from "../../src/data/dataset.ts";
import { readGlue } from "../../src/data/glue.ts";
import { methodById } from "../../src/methods/registry.ts";
import { readFolder } from "../../src/network/folder.ts";
import { createTokenizer } from "../../src/text/tokenizer.ts";
import type { TrainBatch } from "../../src/train/feeds.ts";
import { BUFFERS } from "../../src/train/placement.ts";
import { type TrainerSettings, tensorsOf } from "../../src/train/trainer.ts";
import { type Curve, lossCurve, wikiGolden, withMadeUpHead } from "../support/golden.ts";
import { sharedPath } from "../support/shared.ts";
import { withTrainer } from "../support/training.ts";

const model = sharedPath("models", "wiki-bert-6x256");
const glue = sharedPath("data", "glue");

/** The 6 x 256 model under the golden's made-up head, without dropout. */
async function settingsOf(change: Partial<TrainerSettings>): Promise<TrainerSettings> {
  const { config, head, tensors, vocabulary } = withMadeUpHead(await readFolder(model ?? ""));
  const network = { config, head, tensors, vocabulary };
  const method = methodById("finetune").bind(network, { steps: 1, key: keyOf(0) });
  const adamw = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 };
  return { method, adamw, clip: 1, ...change };
}

/** Rows padded to the longest, all of type 0. */
function batchOf(rows: readonly ArrayLike<number>[], labels: readonly number[]): TrainBatch {
  const length = Math.max(...rows.map((ids) => ids.length));
  const ids = new Int32Array(rows.length * length);
  const mask = new Float32Array(ids.length);
  rows.forEach((row, i) => {
    ids.set(row, i * length);
    mask.fill(1, i * length, i * length + row.length);
  });
  const types = new Int32Array(ids.length);
  return { size: rows.length, length, ids, types, mask, labels: Int32Array.from(labels) };
}

test.skipIf(!model)(
  "wiki-bert: logits within 1e-5 of PyTorch in float64 (needs ESPALIER_SHARED)",
  async () => {
    const golden = wikiGolden();
    const batch = batchOf(golden.ids, golden.labels);
    const logits = await withTrainer(await settingsOf({}), (trainer) => trainer.logits(batch));
    const expected = golden.logits.flat();
    expect(logits).toHaveLength(16);
    expect(Math.max(...expected.map((x, i) => Math.abs(x - (logits[i] ?? Number.NaN))))).toBeLessThan(1e-4);
  },
);

test.skipIf(!model)(
  "wiki-bert: loss within 1e-5, gradient norm within 1e-6, and every gradient within 1e-5 of its norm (needs ESPALIER_SHARED)",
  async () => {
    const golden = wikiGolden();
    const batch = batchOf(golden.ids, golden.labels);
    const settings = await settingsOf({ clip: Number.POSITIVE_INFINITY });
    const { result, state, placement } = await withTrainer(settings, async (trainer) => ({
      // At rate 0 nothing moves, and the mean is a tenth of the gradient.
      result: await trainer.step([batch], 0),
      state: await trainer.state(),
      placement: trainer.placement,
    }));
    expect(Math.abs(result.loss / golden.loss - 1)).toBeLessThan(1e-5);
    expect(Math.abs(result.gradNorm / golden.gradientNorm - 1)).toBeLessThan(1e-6);
    const far = Object.entries(golden.gradients).filter(([name, { norm, index, values }]) => {
      const view = placement.views.get(name);
      const buffer = view?.buffer === BUFFERS.table ? `${BUFFERS.table}.m` : BUFFERS.mean;
      const size = tensorsOf(settings.method).get(name)?.data.length ?? 0;
      const mean = state.buffers.get(buffer)?.subarray(view?.offset, (view?.offset ?? 0) + size);
      if (mean === undefined) return true;
      // A key's bias has no gradient but rounding, which is compared with the query bias beside it.
      const scale = golden.gradients[name.replace("self.key.bias", "self.query.bias")]?.norm ?? 0;
      const own = 10 * Math.sqrt(mean.reduce((total, x) => total + x * x, 0));
      const entries = index.map((i, k) => Math.abs(10 * (mean[i] ?? Number.NaN) - (values[k] ?? 0)));
      return !(Math.abs(own - norm) < 1e-5 * scale && Math.max(...entries) < 1e-5 * scale);
    });
    expect(Object.keys(golden.gradients)).toHaveLength(tensorsOf(settings.method).size);
    expect(far.map(([name]) => name)).toEqual([]);
  },
);

/** The largest relative distance between a curve and ours. */
function apart(ours: readonly number[], theirs: readonly number[]): number {
  return Math.max(...theirs.map((x, i) => Math.abs((ours[i] ?? Number.NaN) / x - 1)));
}

test.skipIf(!model || !glue)(
  "50 steps on SST-2: losses and gradient norms within 1e-5 of PyTorch's (needs ESPALIER_SHARED)",
  async () => {
    const { settings: s, rates, widths, float32, float64 } = lossCurve();
    const rows = (await readGlue("sst2", glue ?? "", "train")).examples.slice(0, s.rows);
    const { vocabulary } = await readFolder(model ?? "");
    const tokenizer = createTokenizer(vocabulary);
    const adamw = { beta1: s.betas[0], beta2: s.betas[1], epsilon: s.epsilon, decay: s.weightDecay };
    const settings = await settingsOf({ adamw, clip: s.clip });
    const ours: Curve = await withTrainer(settings, async (trainer) => {
      const losses: number[] = [];
      const gradientNorms: number[] = [];
      for (let step = 0; step < s.steps; step++) {
        const part = rows.slice(step * s.batch, (step + 1) * s.batch);
        const batch = batchOf(
          part.map(({ text }) => tokenizer.encode(text, undefined, s.maxLength).ids),
          part.map(classOf),
        );
        expect(batch.length).toBe(widths[step]);
        const rate = linearRate({ peak: s.learningRate, steps: s.steps, warmup: s.warmup }, step);
        expect(rate).toBeCloseTo(rates[step] ?? 0, 15);
        const { loss, gradNorm } = await trainer.step([batch], rate);
        losses.push(loss);
        gradientNorms.push(gradNorm);
      }
      return { losses, gradientNorms };
    });
    for (const theirs of [float32, float64]) {
      expect(apart(ours.losses, theirs.losses)).toBeLessThan(1e-5);
      expect(apart(ours.gradientNorms, theirs.gradientNorms)).toBeLessThan(1e-5);
    }
  },
  300_000,
);
