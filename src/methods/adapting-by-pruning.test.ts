import { afterAll, expect, test } from "vitest";
import {
  CLASSES,
  madeUpBatch,
  settingsOf,
  smallNetwork,
  smallPlan,
  withTrainer,
} from "../../test/support/training.ts";
import { keyOf, normals } from "../base/random.ts";
import { linearRate } from "../base/schedule.ts";
import { kthLargest } from "../base/select.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { BoundMethod, Progress, Workbench } from "../contract/method.ts";
import { Engine } from "../engine/engine.ts";
import { backward } from "../graph/backward.ts";
import { sum } from "../graph/ops/broadcast.ts";
import { program } from "../graph/program.ts";
import { input, pick } from "../graph/value.ts";
import { isHead } from "../parts/heads.ts";
import { matricesIn } from "../parts/matrices.ts";
import { zerosIn } from "../parts/prune.ts";
import { connection } from "./adapting-by-pruning.ts";
import { methodById } from "./registry.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const NETWORK = smallNetwork(CLASSES, 2);
const NAMES = matricesIn(NETWORK.tensors, "encoder");
const SIZE = NAMES.reduce((n, name) => n + (NETWORK.tensors.get(name)?.data.length ?? 0), 0);

function bound(set: Readonly<Record<string, string>>, steps = 10): BoundMethod {
  const request = { set: { scope: "encoder", ...set } };
  return methodById("adapting-by-pruning", request).bind(NETWORK, { steps, learningRate: 1, key: keyOf(1) });
}

/** m and ∂m/∂x of a row of connections, in float64. */
async function mask(
  x: readonly number[],
  temperatures: { readonly hard: number; readonly soft: number; readonly recovery: boolean },
): Promise<{ readonly m: number[]; readonly slope: number[] }> {
  const score = input("x", "float64", ["N"]);
  const m = connection(score, temperatures);
  const slope = pick(backward(sum(m, [0]), [score]), 0);
  const key = `connection ${JSON.stringify(temperatures)}`;
  const session = await engine.session(key, () => program({ m, slope }));
  const feeds = { x: { dtype: "float64" as const, shape: [x.length], data: Float64Array.from(x) } };
  const [results] = await engine.run([{ session, feeds }]);
  const read = (name: string): number[] => Array.from(results?.[name]?.data ?? [], Number);
  return { m: read("m"), slope: read("slope") };
}

const sigma = (x: number): number => 1 / (1 + Math.exp(-x));
const ROW = [-2, -0.3, -1e-4, 0, 1e-5, 0.01, 0.4, 3];

test.each([
  { hard: 1e5, soft: 1 },
  { hard: 10, soft: 0.01 },
  { hard: 2, soft: 3 },
])("m is σ(t_l x), its gradient t_s σ'(t_s x), within 1e-12 (eq. 3, 4): %o", async (temperatures) => {
  const { hard, soft } = temperatures;
  const { m, slope } = await mask(ROW, { ...temperatures, recovery: true });
  ROW.forEach((x, i) => {
    const s = sigma(soft * x);
    expect(m[i]).toBeCloseTo(sigma(hard * x), 12);
    expect(slope[i]).toBeCloseTo(soft * s * (1 - s), 12);
  });
});

test("without recovery m is the same, and what is pruned has no gradient", async () => {
  const temperatures = { hard: 1e5, soft: 1 };
  const [free, held] = [
    await mask(ROW, { ...temperatures, recovery: true }),
    await mask(ROW, { ...temperatures, recovery: false }),
  ];
  expect(held.m).toEqual(free.m);
  ROW.forEach((x, i) => {
    if (x > 0) expect(held.slope[i]).toBe(free.slope[i]);
    else if (x <= 0) expect(held.slope[i]).toBe(0);
  });
});

test("a gradient that prunes a connection and then wants it back gets it back only with recovery", async () => {
  // ∂L/∂m of five steps: two against the connection, three for it; rate 0.1, so that a step is 0.025.
  const wanted = [1, 1, -1, -1, -1];
  const alive = async (recovery: boolean): Promise<boolean[]> => {
    let theta = 0.01;
    const masks: boolean[] = [];
    for (const g of wanted) {
      const { slope } = await mask([theta], { hard: 1e5, soft: 1, recovery });
      theta -= 0.1 * g * (slope[0] ?? 0);
      masks.push(theta > 0);
    }
    return masks;
  };
  expect(await alive(true)).toEqual([false, false, false, true, true]);
  expect(await alive(false)).toEqual([false, false, false, false, false]);
});

/** A bench over tensors in memory. */
function benchOf(method: BoundMethod): Workbench & { readonly tensors: Map<string, Float32Array> } {
  const all = [...method.network.tensors, ...method.tensors];
  const tensors = new Map(all.map(([name, { data }]) => [name, data.slice()]));
  const read = (name: string): Float32Array => tensors.get(name)?.slice() ?? new Float32Array(0);
  return {
    tensors,
    read: async (name) => read(name),
    write: async (name, data) => void tensors.set(name, data.slice()),
    prune: async ({ groups, keep, by }) =>
      groups.map((names, i) => kthLargest(names.map(read), keep[i] ?? 0, by)),
    forget: async () => {},
  };
}

type MemoryBench = ReturnType<typeof benchOf>;

/** The host work that is due after `done` steps. */
async function look(
  method: BoundMethod,
  progress: Progress,
  done: number,
  bench: Workbench,
): Promise<Progress> {
  return method.host?.due(done) ? method.host.run(progress, done, bench) : progress;
}

function pruned(bench: MemoryBench, { threshold = 0 }: Progress): number {
  return NAMES.flatMap((name) => [...(bench.tensors.get(`score.${name}`) ?? [])]).filter(
    (x) => x <= Number(threshold),
  ).length;
}

/** Adds the same to every score: what a gradient of one sign does. */
function drift(bench: MemoryBench, by: number): void {
  for (const name of NAMES) {
    const key = `score.${name}`;
    bench.tensors.set(
      key,
      (bench.tensors.get(key) ?? new Float32Array(0)).map((x) => x + by),
    );
  }
}

test("sparsity grows as in gradual pruning, the threshold never falls, the last look makes it exact", async () => {
  const method = bound({ sparsity: "0.5", until: "1", times: "10" });
  const bench = benchOf(method);
  let progress: Progress = {};
  const thresholds: number[] = [];
  const shares: number[] = [];
  for (let done = 1; done <= 10; done++) {
    // In the middle of the run all scores fall below where the threshold was; at its end they rise again.
    drift(bench, done === 5 ? -0.0004 : done === 7 ? 0.0002 : 0);
    progress = await look(method, progress, done, bench);
    thresholds.push(Number(progress.threshold));
    shares.push(pruned(bench, progress) / SIZE);
  }
  const between = thresholds.slice(0, -1);
  expect(between).toEqual([...between].sort((a, b) => a - b));
  for (const [i, share] of shares.entries()) {
    const due = 0.5 * (1 - (1 - (i + 1) / 10) ** 3);
    if (i < 4 || i === 9) expect(share).toBeCloseTo(due, 3);
    else expect(share).toBeGreaterThanOrEqual(due - 1 / SIZE);
  }
  expect(shares[4]).toBeGreaterThan(0.45);
  expect(progress.fixed).toBe(1);
});

test("decay=constant: γ a step, as far as the sparsity and no further", async () => {
  const method = bound({ sparsity: "0.5", until: "0.8", times: "8", decay: "constant", gamma: "0.002" });
  const bench = benchOf(method);
  let progress: Progress = {};
  const thresholds: number[] = [];
  for (let done = 1; done <= 10; done++) {
    progress = await look(method, progress, done, bench);
    thresholds.push(Number(progress.threshold));
  }
  // Scores are 0.01 with deviation 0.001: γ has come to their median after five steps.
  [0.002, 0.004, 0.006, 0.008].forEach((expected, i) => {
    expect(thresholds[i]).toBeCloseTo(expected, 12);
  });
  expect(new Set(thresholds.slice(5)).size).toBe(1);
  expect(pruned(bench, progress)).toBe(SIZE / 2);
});

test.each([
  ["reaches the sparsity", "0.01", 0.5],
  ["is too small", "1e-6", undefined],
])("decay=constant in a run: γ %s", async (_, gamma, sparsity) => {
  const method = bound({ sparsity: "0.5", until: "0.5", times: "5", decay: "constant", gamma });
  await withTrainer(settingsOf(method, 1), async (trainer) => {
    const plan = smallPlan(CLASSES, 10);
    for (let step = 0; step < 10; step++) await trainer.step(plan.batches(step), 1e-2);
    const tensors = await trainer.tensors();
    const product = () => trainer.finish(tensors);
    if (sparsity === undefined) {
      expect(product).toThrow(expect.objectContaining({ code: "method/unreached" }));
    } else {
      expect(Math.abs(zerosIn(product().tensors, NAMES) - sparsity * SIZE)).toBeLessThanOrEqual(NAMES.length);
    }
  });
});

test.each(["scheduled", "constant"])(
  "equal scores: the mask has its size all the same, decay=%s",
  async (decay) => {
    // Scores begin equal and are moved by less than a float32 near 0.01 can show.
    const set = { sparsity: "0.4", until: "0.5", times: "1", deviation: "0", step: "sgd", alpha: "1e-30" };
    const method = bound({ ...set, decay, gamma: "0.01" });
    await withTrainer(settingsOf(method, 1), async (trainer) => {
      const plan = smallPlan(CLASSES, 10);
      for (let step = 0; step < 10; step++) await trainer.step(plan.batches(step), 1e-2);
      const { tensors } = trainer.finish(await trainer.tensors());
      expect(zerosIn(tensors, NAMES)).toBe(Math.round(0.4 * SIZE));
      // The earlier ones stay.
      expect(zerosIn(tensors, NAMES.slice(0, 1))).toBe(0);
    });
  },
);

test("without steps of its own a run prunes by the initial scores; survivors are the checkpoint's", async () => {
  const method = bound({ sparsity: "0.4", until: "0.1" });
  const bench = benchOf(method);
  const progress = await look(method, {}, 1, bench);
  const { tensors, masks } = method.finish(tensorsIn(method, bench), progress);
  expect(masks?.size).toBe(NAMES.length);
  for (const [name, { data }] of method.network.tensors) {
    const bits = masks?.get(name)?.data;
    const expected = data.map((w, i) => (bits === undefined || bits[i] === 1 ? w : 0));
    expect(tensors.get(name)?.data).toEqual(expected);
  }
});

function tensorsIn(method: BoundMethod, bench: MemoryBench): Map<string, FloatTensor> {
  return new Map(
    [...method.network.tensors, ...method.tensors].map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape, data: bench.tensors.get(name) ?? data },
    ]),
  );
}

/** The product of a run whose scores stay what they were, under a control. */
async function controlled(control: string) {
  const method = bound({ sparsity: "0.5", until: "0.5", control, times: "1" });
  const bench = benchOf(method);
  for (const [i, name] of NAMES.entries()) {
    // Matrices of different sparsities, so that moving bits between them would show.
    bench.tensors.set(
      `score.${name}`,
      normals(keyOf(i), NETWORK.tensors.get(name)?.data.length ?? 0).map((x) => x + i / 5),
    );
  }
  let progress: Progress = {};
  for (let done = 1; done <= 10; done++) progress = await look(method, progress, done, bench);
  expect(method.ready(10, progress)).toBe(true);
  return method.finish(tensorsIn(method, bench), progress);
}

test("with a control half of the run is the run of half the length, and the other half a run of the head", async () => {
  const [plain, shuffled] = [bound({ until: "0.8" }, 20), bound({ until: "0.8", control: "shuffle" }, 40)];
  const own = (step: number): number => linearRate({ peak: 1, steps: 20, warmup: 0.1 }, step);
  expect([plain.rate?.(0), plain.rate?.(19)]).toEqual([undefined, undefined]);
  for (const step of [0, 1, 2, 10, 19]) {
    expect(shuffled.rate?.(step)).toBe(own(step));
    expect(shuffled.rate?.(20 + step)).toBe(own(step));
  }
  const dueOf = (method: BoundMethod, steps: number): number[] =>
    Array.from({ length: steps }, (_, i) => i + 1).filter((done) => method.host?.due(done));
  expect(dueOf(plain, 20).at(-1)).toBe(16);
  expect(dueOf(shuffled, 40)).toEqual([...dueOf(plain, 20), 20]);
  const bench = benchOf(shuffled);
  const bias = [...shuffled.network.tensors.keys()].find(isHead) ?? "a tensor of the head";
  let progress: Progress = {};
  for (let done = 1; done <= 20; done++) {
    if (done === 18) bench.tensors.get(bias)?.fill(1e3);
    expect(shuffled.ready(done, progress)).toBe(false);
    progress = await look(shuffled, progress, done, bench);
    if (done >= 16 && done < 20) expect(shuffled.structure(done, progress)).toBe("");
  }
  // The head is as it began, and the graph from here on reads the mask itself.
  expect(bench.tensors.get(bias)).toBeInstanceOf(Float32Array);
  expect(bench.tensors.get(bias)).toEqual(shuffled.network.tensors.get(bias)?.data);
  expect(shuffled.structure(20, progress)).toBe("head");
  expect(shuffled.ready(20, progress)).toBe(true);
});

test.each(["shuffle", "reinit", "redraw"])(
  "control=%s in a run: the second half moves the head alone",
  async (control) => {
    await withTrainer(settingsOf(bound({ sparsity: "0.5", times: "2", control }, 8), 1), async (trainer) => {
      const plan = smallPlan(CLASSES, 8);
      for (let step = 0; step < 4; step++) await trainer.step(plan.batches(step), 1e-2);
      expect(trainer.ready).toBe(true);
      const [before, product] = [await trainer.tensors(), trainer.finish(await trainer.tensors())];
      const logits = await trainer.logits(plan.batches(0)[0] ?? madeUpBatch(CLASSES, 0));
      for (let step = 4; step < 8; step++) await trainer.step(plan.batches(step), 1e-2);
      const after = await trainer.tensors();
      const moved = [...after.keys()].filter(
        (name) => `${after.get(name)?.data}` !== `${before.get(name)?.data}`,
      );
      expect(moved.length).toBeGreaterThan(0);
      expect(moved.filter((name) => !isHead(name))).toEqual([]);
      expect(trainer.finish(after).masks).toEqual(product.masks);
      expect(await trainer.logits(plan.batches(0)[0] ?? madeUpBatch(CLASSES, 0))).not.toEqual(logits);
    });
  },
);

test("control=shuffle keeps each matrix's count, places others, and survivors are the checkpoint's", async () => {
  const [plain, shuffled] = [await controlled("none"), await controlled("shuffle")];
  for (const name of NAMES) {
    expect(zerosIn(shuffled.tensors, [name])).toBe(zerosIn(plain.tensors, [name]));
    expect(shuffled.masks?.get(name)?.data).not.toEqual(plain.masks?.get(name)?.data);
    shuffled.tensors.get(name)?.data.forEach((w, i) => {
      if (w !== 0) expect(w).toBe(NETWORK.tensors.get(name)?.data[i]);
    });
  }
});

test("control=reinit keeps the mask and multiplies each survivor by its own N(1, 0.01)", async () => {
  const [plain, changed] = [await controlled("none"), await controlled("reinit")];
  const factors: number[] = [];
  for (const name of NAMES) {
    expect(changed.masks?.get(name)).toEqual(plain.masks?.get(name));
    changed.tensors.get(name)?.data.forEach((w, i) => {
      if (w !== 0) factors.push(w / (NETWORK.tensors.get(name)?.data[i] ?? 0));
    });
  }
  const n = factors.length;
  const mean = factors.reduce((a, b) => a + b) / n;
  const deviation = Math.sqrt(factors.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
  expect(n).toBe(SIZE / 2);
  // Five standard errors of a mean and of a deviation of n values.
  expect(Math.abs(mean - 1)).toBeLessThan((5 * 0.01) / Math.sqrt(n));
  expect(Math.abs(deviation - 0.01)).toBeLessThan((5 * 0.01) / Math.sqrt(2 * n));
});

test("control=redraw keeps the mask and draws survivors anew, as large as each matrix's weights were", async () => {
  const [plain, changed] = [await controlled("none"), await controlled("redraw")];
  const squares = (data: Float32Array) => data.reduce((sum, w) => sum + w * w, 0);
  for (const name of NAMES) {
    expect(changed.masks?.get(name)).toEqual(plain.masks?.get(name));
    const [before, after] = [NETWORK.tensors.get(name)?.data, changed.tensors.get(name)?.data];
    if (before === undefined || after === undefined) throw new Error(name);
    const kept = after.filter((w) => w !== 0);
    const ratio = squares(kept) / kept.length / (squares(before) / before.length);
    // A mean square of n normal values has the relative deviation √(2 / n).
    expect(Math.abs(ratio - 1)).toBeLessThan(5 * Math.sqrt(2 / kept.length));
    expect(kept.some((w) => before.includes(w))).toBe(false);
  }
});

test.each([
  ["mean", "0"],
  ["step", "newton"],
  ["decay", "cosine"],
  ["control", "swap"],
  ["scope", "head"],
  ["head", "none"],
  ["sparsity", "1"],
])("a %s of %s is refused", (name, value) => {
  const code = `adapting-by-pruning/${name}`;
  expect(() => bound({ [name]: value })).toThrow(expect.objectContaining({ code }));
});

test.each(["adam", "sign", "sgd"].flatMap((step) => ["scheduled", "constant"].map((decay) => [step, decay])))(
  "recovery=false with step=%s and decay=%s: what a look has pruned is pruned to the end",
  async (step, decay) => {
    const set = {
      ...{ sparsity: "0.5", until: "0.9", times: "9", recovery: "false" },
      ...{ step, alpha: "0.1", decay, gamma: "0.002" },
    };
    await withTrainer(settingsOf(bound(set), 1), async (trainer) => {
      const plan = smallPlan(CLASSES, 10);
      const gone = new Set<string>();
      const back: string[] = [];
      for (let done = 1; done <= 10; done++) {
        await trainer.step(plan.batches(done - 1), 1e-2);
        const [tensors, { progress }] = [await trainer.tensors(), await trainer.state()];
        for (const name of NAMES) {
          tensors.get(`score.${name}`)?.data.forEach((x, i) => {
            if (x <= Number(progress.threshold)) gone.add(`${name} ${i}`);
            else if (gone.has(`${name} ${i}`)) back.push(`${name} ${i}`);
          });
        }
      }
      expect(gone.size).toBeGreaterThan(0.4 * SIZE);
      // The one that is the threshold itself is pruned without being put away.
      expect(back.length).toBeLessThanOrEqual(9);
    });
  },
);
