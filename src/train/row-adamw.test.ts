import { expect, test } from "vitest";
import { furthest, type Moments, plainStep, startOf } from "../../test/support/adamw.ts";
import { heapOf } from "../../test/support/heap.ts";
import { fold, keyOf, normals, randint, uniform } from "../base/random.ts";
import { linearRate } from "../base/schedule.ts";
import type { HostMemory } from "../engine/protocol.ts";
import { ADAMW } from "./adamw.ts";
import {
  addRowGradients,
  openTable,
  prepareRows,
  readProgress,
  readTable,
  restartRows,
  rowNorm,
  SETTLED,
  stepRows,
  writeProgress,
} from "./row-adamw.ts";

const ROWS = 10;
const COLUMNS = 6;
const STEPS = 900;
const NAME = "table";
const KEY = keyOf(11);

/** Buffers as the engine's worker holds them. */
function memoryOf(weights: Float32Array): ReturnType<typeof heapOf> {
  const size = weights.length;
  const memory = heapOf({
    [NAME]: size,
    [`${NAME}.m`]: size,
    [`${NAME}.v`]: size,
    [`${NAME}.g`]: COLUMNS,
    "looked-up": 1000,
  });
  memory.buffers.get(NAME)?.set(weights);
  return memory;
}

function open(memory: HostMemory, rates: readonly number[] = []): void {
  openTable(memory, { name: NAME, rows: ROWS, columns: COLUMNS, adamw: ADAMW, rates });
}

/** What step `t` (from 1) reads: row 0 always, rows 1 to 6 now and then, row 7 until step 30, row 8 once, row 9 never. */
function idsAt(t: number): Int32Array {
  const key = fold(KEY, t);
  const ids = [0, 0];
  if (uniform(key, 1) < 0.02) ids.push(1 + randint(key, 6, 2), 1 + randint(key, 6, 3));
  if (t <= 30) ids.push(7);
  if (t === 100) ids.push(8);
  return Int32Array.from(ids);
}

const rateAt = (t: number): number => linearRate({ peak: 1e-2, steps: STEPS, warmup: 0.1 }, t - 1);
const clipAt = (t: number): number => 0.1 + 0.9 * uniform(fold(KEY, "clip"), t);
const gradientsAt = (t: number, n: number): Float32Array =>
  normals(fold(fold(KEY, "g"), t), n * COLUMNS, 10 ** -(t % 4));

/** One step of the table, as the trainer does it. */
function step(memory: ReturnType<typeof memoryOf>, t: number): void {
  const ids = idsAt(t);
  const gradients = gradientsAt(t, ids.length);
  prepareRows(memory, { name: NAME, ids, t: t - 1 });
  memory.buffers.get("looked-up")?.set(gradients);
  const place = { buffer: "looked-up", offset: 0, shape: [ids.length, COLUMNS] };
  addRowGradients(memory, { name: NAME, ids, gradients: place });
  stepRows(memory, { name: NAME, t, rate: rateAt(t), clip: clipAt(t) });
}

/** The same step for the whole table at once, with moments that began after `began` steps. */
function denseStep(state: Moments, t: number, began = 0): Moments {
  const dense = new Float64Array(ROWS * COLUMNS);
  const gradients = gradientsAt(t, idsAt(t).length);
  idsAt(t).forEach((row, i) => {
    for (let j = 0; j < COLUMNS; j++) {
      dense[row * COLUMNS + j] = (dense[row * COLUMNS + j] ?? 0) + (gradients[i * COLUMNS + j] ?? 0);
    }
  });
  return plainStep(ADAMW, state, dense, { t: t - began, rate: rateAt(t), clip: clipAt(t) });
}

const WEIGHTS = normals(fold(KEY, "w"), ROWS * COLUMNS);

test(`over ${STEPS} steps every row is within 2e-6 of dense AdamW in float64, long after a row's last gradient too`, () => {
  const memory = memoryOf(WEIGHTS);
  open(memory);
  let dense = startOf(WEIGHTS);
  const far: [number, number][] = [];
  for (let t = 1; t <= STEPS; t++) {
    step(memory, t);
    dense = denseStep(dense, t);
    if (t % 50 !== 0) continue;
    const distance = furthest(readTable(memory, { name: NAME, t }), dense.w, 1);
    if (!(distance < 2e-6)) far.push([t, distance]);
  }
  expect(far).toEqual([]);
  expect(STEPS - 100).toBeGreaterThan(2 * SETTLED);
});

test("after a restart every row is that of dense AdamW with moments and steps from zero", () => {
  const memory = memoryOf(WEIGHTS);
  open(memory);
  let dense = startOf(WEIGHTS);
  const RESTART = 300;
  for (let t = 1; t <= 2 * RESTART; t++) {
    step(memory, t);
    dense = denseStep(dense, t, t > RESTART ? RESTART : 0);
    if (t !== RESTART) continue;
    restartRows(memory, { name: NAME, t });
    dense = startOf(dense.w);
  }
  expect(furthest(readTable(memory, { name: NAME, t: 2 * RESTART }), dense.w, 1)).toBeLessThan(2e-6);
});

test("moments of a row that is read again after 800 steps are within 1e-4 of dense AdamW's", () => {
  const memory = memoryOf(WEIGHTS);
  open(memory);
  let dense = startOf(WEIGHTS);
  for (let t = 1; t <= STEPS; t++) {
    step(memory, t);
    dense = denseStep(dense, t);
  }
  const everything = Int32Array.from({ length: ROWS }, (_, i) => i);
  prepareRows(memory, { name: NAME, ids: everything, t: STEPS });
  const [m, v] = [memory.buffers.get(`${NAME}.m`) ?? [], memory.buffers.get(`${NAME}.v`) ?? []];
  expect(furthest(m, dense.m, 1e-6)).toBeLessThan(1e-4);
  expect(furthest(v, dense.v, 1e-9)).toBeLessThan(1e-4);
  expect(memory.buffers.get(NAME)).toEqual(readTable(memory, { name: NAME, t: STEPS }));
});

test("reading the table changes nothing, and preparing a row twice is preparing it once", () => {
  const memory = memoryOf(WEIGHTS);
  open(memory);
  for (let t = 1; t <= 60; t++) step(memory, t);
  // The row that hands a gradient to the kernel is no state.
  const kept = [...memory.buffers].filter(([name]) => name !== `${NAME}.g`);
  const before = kept.map(([, data]) => data.slice());
  const progress = readProgress(memory, { name: NAME });
  const first = readTable(memory, { name: NAME, t: 60 });
  expect(kept.map(([, data]) => data)).toEqual(before);
  expect(readProgress(memory, { name: NAME })).toEqual(progress);
  prepareRows(memory, { name: NAME, ids: Int32Array.of(7, 7), t: 60 });
  prepareRows(memory, { name: NAME, ids: Int32Array.of(7), t: 60 });
  expect(readTable(memory, { name: NAME, t: 60 })).toEqual(first);
});

test("a table opened again with its buffers, progress and rates goes on byte for byte", () => {
  const memory = memoryOf(WEIGHTS);
  open(memory);
  for (let t = 1; t <= 150; t++) step(memory, t);
  const progress = readProgress(memory, { name: NAME });
  const again = memoryOf(WEIGHTS);
  for (const [name, data] of memory.buffers) again.buffers.get(name)?.set(data);
  open(
    again,
    Array.from({ length: 150 }, (_, i) => rateAt(i + 1)),
  );
  writeProgress(again, { name: NAME, ...progress });
  for (let t = 151; t <= 500; t++) {
    step(memory, t);
    step(again, t);
  }
  expect(again.buffers).toEqual(memory.buffers);
  expect(readTable(again, { name: NAME, t: 500 })).toEqual(readTable(memory, { name: NAME, t: 500 }));
});

test("gradients of one row are summed, over parts of a batch too, and counted once in the norm", () => {
  const memory = memoryOf(WEIGHTS);
  open(memory);
  memory.buffers.get("looked-up")?.set([1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]);
  const gradients = { buffer: "looked-up", offset: 0, shape: [3, COLUMNS] };
  addRowGradients(memory, { name: NAME, ids: Int32Array.of(4, 4, 2), gradients });
  expect(rowNorm(memory, { name: NAME })).toBe(9 + 25);
  addRowGradients(memory, { name: NAME, ids: Int32Array.of(3, 4, 2), gradients });
  expect(rowNorm(memory, { name: NAME })).toBe(25 + 1 + 100);
  stepRows(memory, { name: NAME, t: 1, rate: 0, clip: 1 });
  expect(rowNorm(memory, { name: NAME })).toBe(0);
});

test("a table that was never opened is refused by name", () => {
  const memory = memoryOf(WEIGHTS);
  expect(() => rowNorm(memory, { name: "other" })).toThrow("table other is not open");
});
