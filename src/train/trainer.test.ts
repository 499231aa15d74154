import { expect, test, vi } from "vitest";
import { furthest } from "../../test/support/adamw.ts";
import { tinyBatch, tinyCases } from "../../test/support/golden.ts";
import {
  CLASSES,
  madeUpBatch,
  rowsOf,
  settingsOf,
  smallNetwork,
  withTrainer,
} from "../../test/support/training.ts";
import { requireEntry } from "../base/present.ts";
import { keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import { EMBEDDINGS } from "../bert/names.ts";
import type { BoundMethod } from "../contract/method.ts";
import { Engine } from "../engine/engine.ts";
import { scale } from "../graph/ops/elementwise.ts";
import { methodById } from "../methods/registry.ts";
import type { Network } from "../network/network.ts";
import { ADAMW } from "./adamw.ts";
import type { TrainBatch } from "./feeds.ts";
import { BUFFERS } from "./placement.ts";
import { Trainer, type TrainerSettings, type TrainerState } from "./trainer.ts";

const HEADS: readonly Head[] = [CLASSES, { kind: "regression" }, { kind: "mlm" }];

function finetuning(network: Network): BoundMethod {
  return methodById("finetune").bind(network, { steps: 10, key: keyOf(0) });
}

/** Fine-tuning without dropout. */
function plain(network: Network, change: Partial<TrainerSettings> = {}): TrainerSettings {
  return { ...settingsOf(finetuning(network), undefined), ...change };
}

interface Run {
  readonly losses: number[];
  readonly norms: number[];
  readonly tensors: ReadonlyMap<string, { readonly data: Float32Array }>;
  readonly state: TrainerState;
}

/** Steps at rate 1e-2, the parts of each given. */
function run(
  settings: TrainerSettings,
  steps: readonly (readonly TrainBatch[])[],
  state?: TrainerState,
): Promise<Run> {
  const work = async (trainer: Trainer): Promise<Run> => {
    const losses: number[] = [];
    const norms: number[] = [];
    for (const parts of steps) {
      const { loss, gradNorm } = await trainer.step(parts, 1e-2);
      losses.push(loss);
      norms.push(gradNorm);
    }
    return { losses, norms, tensors: await trainer.tensors(), state: await trainer.state() };
  };
  return withTrainer(settings, work, state === undefined ? {} : { state });
}

/** With an ε far above rounding: AdamW's own makes whole steps of gradients that are nothing but rounding. */
const CALM = { adamw: { ...ADAMW, epsilon: 1e-3 } };

/** The largest distance between two runs' tensors, relative above 1. */
function apart(a: Run, b: Run): number {
  const each = [...b.tensors].map(([name, { data }]) => furthest(a.tensors.get(name)?.data ?? [], data, 1));
  return Math.max(...each);
}

function norm(values: Iterable<number>): number {
  return Math.sqrt([...values].reduce((total, x) => total + x * x, 0));
}

test("steps after `forget` are those of a run that begins there, also after a checkpoint", async () => {
  const network = smallNetwork(CLASSES, 2, 0);
  const batches = [0, 1, 2, 3].map((i) => [madeUpBatch(CLASSES, i)]);
  const host: BoundMethod["host"] = {
    due: (done) => done === 2,
    run: async (progress, _, bench) => {
      await bench.forget();
      return progress;
    },
  };
  const forgetting = plain(network);
  const settings = { ...forgetting, method: { ...forgetting.method, host } };
  const whole = await run(settings, batches);
  const first = await run(settings, batches.slice(0, 2));
  const tensors = new Map(
    [...network.tensors].map(([name, { shape }]) => [
      name,
      floatTensor(shape, requireEntry(first.tensors, name, "tensor").data),
    ]),
  );
  const then = { ...network, tensors };
  const fresh = await run(plain(then), batches.slice(2));
  expect(apart(whole, fresh)).toBe(0);
  const resumed = await run(settings, batches.slice(2), first.state);
  expect(apart(whole, resumed)).toBe(0);
  const going = await run(forgetting, batches);
  expect(apart(going, fresh)).toBeGreaterThan(1e-4);
});

const golden = tinyCases().filter(({ network }) => network.head.kind !== "mlm");
test.each(golden.map((c) => [c.name, c] as const))(
  "%s: the first step's moments are PyTorch's gradients within 1e-4 relative, and its norm within 1e-5",
  async (_, c) => {
    const { losses, norms, state, placement } = await withTrainer(
      plain(c.network, { clip: Infinity }),
      async (t) => {
        const { loss, gradNorm } = await t.step([tinyBatch(c)], 0);
        return { losses: [loss], norms: [gradNorm], state: await t.state(), placement: t.placement };
      },
    );
    expect(Math.abs((losses[0] ?? 0) / c.loss - 1)).toBeLessThan(1e-5);
    const whole = norm([...c.gradients.values()].map(({ data }) => norm(data)));
    expect(Math.abs((norms[0] ?? 0) / whole - 1)).toBeLessThan(1e-5);
    const far = [...c.gradients].filter(([name, g]) => {
      const view = placement.views.get(name);
      const buffer = view?.buffer === BUFFERS.table ? `${BUFFERS.table}.m` : BUFFERS.mean;
      const mean =
        state.buffers.get(buffer)?.subarray(view?.offset, (view?.offset ?? 0) + g.data.length) ?? [];
      const error = norm(g.data.map((x, i) => x - 10 * (mean[i] ?? Number.NaN)));
      // A key's bias has no gradient but rounding: see step.test.ts.
      const scaleOf = c.gradients.get(name.replace("self.key.bias", "self.query.bias"))?.data ?? [];
      return !(error < 1e-4 * norm(scaleOf));
    });
    expect(far.map(([name]) => name)).toEqual([]);
  },
);

test("12 steps with word embeddings row by row are within 2e-6 of 12 steps with the whole table", async () => {
  const network = smallNetwork(CLASSES, 2);
  const steps = Array.from({ length: 12 }, (_, i) => [madeUpBatch(CLASSES, i)]);
  const rows = await run(plain(network, CALM), steps);
  const whole: BoundMethod = {
    ...finetuning(network),
    // Not a plain look-up any more, so no table of its own.
    sites: () => ({ weight: (name, w) => (name === EMBEDDINGS.words ? scale(scale(w, 2), 0.5) : w) }),
  };
  const dense = await run(plain(network, { ...CALM, method: whole }), steps);
  expect([...rows.state.buffers.keys()]).toContain("table");
  expect([...dense.state.buffers.keys()]).not.toContain("table");
  expect(apart(rows, dense)).toBeLessThan(2e-6);
  expect(furthest(rows.norms, dense.norms, 1e-3)).toBeLessThan(1e-5);
});

test.each([
  ["finetune", {}, true],
  ["distil", { layers: "1" }, true],
  ["sparsebert", { sparsity: "0.5" }, false],
  ["sparsebert", { sparsity: "0.5", distil: "false" }, true],
  ["tinybert", { layers: "1" }, false],
] as const)("%s with %o reads labels: %s", async (id, set, expected) => {
  const network = smallNetwork(CLASSES, 2);
  const facts = { steps: 4, key: keyOf(0), pretrained: network, finetuned: network };
  const method = methodById(id, { set }).bind(network, facts);
  const reads = await withTrainer(settingsOf(method, undefined), async (trainer) =>
    [0, 3].map((step) => trainer.readsLabels(step)),
  );
  expect(reads).toEqual([expected, expected]);
});

test("a batch of 32 in two parts of 16 gives the same loss and norm within 1e-6 and weights within 2e-6", async () => {
  for (const head of HEADS.slice(0, 2)) {
    const network = smallNetwork(head, 2);
    const batches = [0, 1, 2].map((i) => madeUpBatch(head, i, 32));
    const once = await run(
      plain(network, CALM),
      batches.map((b) => [b]),
    );
    const parts = await run(
      plain(network, CALM),
      batches.map((b) => [rowsOf(b, 0, 16), rowsOf(b, 16, 32)]),
    );
    expect(furthest(parts.losses, once.losses, 1)).toBeLessThan(1e-6);
    expect(furthest(parts.norms, once.norms, 1e-3)).toBeLessThan(1e-5);
    expect(apart(parts, once)).toBeLessThan(2e-6);
  }
});

test("parts weigh by their labels: masked pieces of uneven parts average to the loss over all of them", async () => {
  const head: Head = { kind: "mlm" };
  const parts = [madeUpBatch(head, 0, 2), madeUpBatch(head, 1, 7)];
  const { loss, each } = await withTrainer(plain(smallNetwork(head, 2)), async (trainer) => {
    const losses = [];
    for (const part of parts) losses.push((await trainer.loss(part)) * part.labels.length);
    return { each: losses, loss: (await trainer.step(parts, 0)).loss };
  });
  const labels = parts.reduce((n, part) => n + part.labels.length, 0);
  expect(loss).toBeCloseTo(each.reduce((a, b) => a + b, 0) / labels, 5);
});

test.each([0.25, 0.5, 2])(
  "clipping at %s of the norm: moments are those of a gradient of that norm, or of a smaller own",
  async (share) => {
    const network = smallNetwork(CLASSES, 2);
    const batch = [madeUpBatch(CLASSES, 0)];
    const free = await run(plain(network, { clip: Infinity }), [batch]);
    const own = free.norms[0] ?? 0;
    const clipped = await run(plain(network, { clip: share * own }), [batch]);
    const moments = ({ state }: Run) =>
      norm([BUFFERS.mean, `${BUFFERS.table}.m`].map((name) => norm(state.buffers.get(name) ?? [])));
    expect(clipped.norms).toEqual(free.norms);
    expect(moments(free) / (0.1 * own)).toBeCloseTo(1, 5);
    expect(moments(clipped) / (0.1 * own)).toBeCloseTo(Math.min(1, share), 5);
  },
);

test("without dropout a step's loss is the evaluation's, under every head, within 1e-6", async () => {
  for (const head of HEADS) {
    const batch = madeUpBatch(head, 3);
    const [before, step, after] = await withTrainer(plain(smallNetwork(head, 2)), async (trainer) => {
      const evaluated = await trainer.loss(batch);
      return [evaluated, (await trainer.step([batch], 1e-2)).loss, await trainer.loss(batch)];
    });
    expect(Math.abs((step ?? 0) / (before ?? 0) - 1)).toBeLessThan(1e-6);
    expect(after).toBeLessThan(before ?? 0);
  }
});

test("a loss that is not finite moves nothing and leaves no gradients behind", async () => {
  const head: Head = { kind: "regression" };
  const network = smallNetwork(head, 2);
  const good = [0, 1].map((i) => [madeUpBatch(head, i)]);
  const bad = { ...madeUpBatch(head, 7), labels: Float32Array.of(1, Number.NaN, 0, 2) };
  const clean = await run(plain(network), good);
  const stained = await withTrainer(plain(network), async (trainer) => {
    await trainer.step(good[0] ?? [], 1e-2);
    const before = await trainer.tensors();
    const { loss } = await trainer.step([bad], 1e-2);
    expect(loss).toBeNaN();
    expect(trainer.steps).toBe(1);
    expect(await trainer.tensors()).toEqual(before);
    await trainer.step(good[1] ?? [], 1e-2);
    return trainer.tensors();
  });
  expect(apart({ ...clean, tensors: stained }, clean)).toBeLessThan(1e-6);
});

test("train/state: a state of another network or another method is refused", async () => {
  const small = await run(plain(smallNetwork(CLASSES, 1)), [[madeUpBatch(CLASSES, 0)]]);
  const network = smallNetwork(CLASSES, 2);
  const theseus = methodById("theseus", { set: { layers: "1", init: "fine-tuned" } }).bind(network, {
    steps: 5,
    key: keyOf(1),
  });
  for (const settings of [plain(network), settingsOf(theseus, undefined)]) {
    const opened = withTrainer(settings, async () => undefined, { state: small.state });
    await expect(opened).rejects.toMatchObject({ code: "train/state" });
  }
});

test("clipping over all counts frozen tensors' gradients in the norm, as plain fine-tuning does", async () => {
  const network = smallNetwork(CLASSES, 2);
  const norms: number[] = [];
  for (const clipOver of ["trained", "all"]) {
    const set = { layers: "1", init: "fine-tuned", base: "1", clipOver };
    const theseus = methodById("theseus", { set }).bind(network, { steps: 5, key: keyOf(1) });
    const settings = settingsOf(theseus, undefined);
    norms.push(
      await withTrainer(settings, async (trainer) => {
        const { gradNorm } = await trainer.step([madeUpBatch(CLASSES, 0)], 1e-3);
        return gradNorm;
      }),
    );
  }
  const truncate = methodById("truncate", { set: { layers: "1" } }).bind(network, {
    steps: 5,
    key: keyOf(1),
  });
  const whole = await withTrainer(settingsOf(truncate, undefined), async (trainer) => {
    const { gradNorm } = await trainer.step([madeUpBatch(CLASSES, 0)], 1e-3);
    return gradNorm;
  });
  expect(norms[0]).toBeLessThan(whole);
  expect(Math.abs((norms[1] ?? 0) / whole - 1)).toBeLessThan(1e-5);
});

test("graphs of units that have gone are unloaded, and those of the step that comes are not", async () => {
  const network = smallNetwork(CLASSES, 2);
  const set = { unit: "head+ffn", ratio: "0.5", ranking: "global", penalise: "0.5", rounds: "2" };
  const method = methodById("snip", { set }).bind(network, { steps: 8, key: keyOf(1), learningRate: 1 });
  await withTrainer(settingsOf(method, 1), async (trainer, engine) => {
    const session = vi.spyOn(engine, "session");
    const unload = vi.spyOn(engine, "unload");
    for (let step = 0; step < 8; step++) {
      await trainer.step([madeUpBatch(CLASSES, step)], 1e-2);
      await trainer.loss(madeUpBatch(CLASSES, 100));
    }
    const gone = new Set(unload.mock.calls.flatMap(([keys]) => keys));
    const asked = session.mock.calls.map(([key]) => key);
    const structures = new Set(asked.filter((key) => key.startsWith("train")));
    // All structures but the last: what a round took, and the end of the penalty.
    expect(structures.size).toBeGreaterThan(2);
    const last = asked.findLast((key) => key.startsWith("train"));
    expect([...structures].some((key) => gone.has(key))).toBe(true);
    expect(gone).not.toContain(last);
    for (const key of gone) expect(asked.lastIndexOf(key)).toBeLessThan(asked.indexOf(last ?? ""));
  });
});

test("an engine that is closed under a trainer is reported by the next use, and by nothing else", async () => {
  const engine = new Engine({ threads: 1 });
  const trainer = await Trainer.open(engine, plain(smallNetwork(CLASSES, 1)));
  await trainer.step([madeUpBatch(CLASSES, 0)], 1e-2);
  await engine.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(trainer.tensors()).rejects.toMatchObject({ code: "engine/closed" });
});
