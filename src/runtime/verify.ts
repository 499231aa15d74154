/**
 * Every kernel tried once against the reference, on sizes with and without remainders: some milliseconds when a model is
 * loaded. A processor or a compiler that computes wrongly is found here and not in a user's results. Browser-safe.
 */

import { levelsOf, roundToLevels } from "../base/levels.ts";
import { mapPairs, requireItem } from "../base/present.ts";
import { fold, keyOf, normals, uniform } from "../base/random.ts";
import { floatTensor, largestGap } from "../base/tensor.ts";
import type { Arena } from "../sparse/arena.ts";
import {
  BYTE_KERNEL_NAMES,
  type ByteKernel,
  placeLevels,
  runLevels,
  USUAL_BYTE_RATES,
} from "../sparse/byte-linear.ts";
import { ALL_TOKENS, BYTE_TWINS, isTwin, type Kernels } from "../sparse/kernels.ts";
import { forEachKernel, type LinearKernel, placeLinear, runLinear, USUAL_RATES } from "../sparse/linear.ts";
import { bytePanelBytes, fromPanels, PANEL, panelBytes, panelsOf, toPanels } from "../sparse/panels.ts";
import { angleTable } from "../sparse/places.ts";
import {
  ACTIVATIONS,
  attention,
  byteLinear,
  dequantize,
  gather,
  layerNorm,
  linear,
  placesOf,
  quantize,
  type Rows,
  rotate,
} from "../sparse/reference.ts";

/** Far above any rounding, far below any wrong number. */
const BOUND = 1e-4;
const TOKENS = 37;
const [INPUTS, OUTPUTS, HEADS, SIZE] = [45, 26, 2, 6] as const;
/** Numbers of a row of terms, the one of distance 0 in the middle. */
const TERMS = 128;

/** The first kernel that disagrees, in words; undefined when all do that nothing can stand in for. */
export function disagreement(kernels: Kernels, arena: Arena): string | undefined {
  const bench: Bench = { kernels, arena };
  const trials: Readonly<Record<string, () => number>> = {
    ...forEachKernel((kernel) => () => linearError(bench, kernel)),
    quantize: () => quantizeError(bench),
    dequantize: () => dequantizeError(bench),
    ...Object.fromEntries(
      BYTE_KERNEL_NAMES.filter((kernel) => !isTwin(kernel)).map((kernel) => [
        kernel,
        () => byteLinearError(bench, kernel),
      ]),
    ),
    attention: () => attentionError(bench),
    rotate: () => rotateError(bench),
    multiply: () => multiplyError(bench),
    layer_norm: () => normError(bench),
    gather: () => gatherError(bench),
    ...Object.fromEntries(FUNCTIONS.map((name) => [name, () => functionError(bench, name)])),
  };
  for (const [name, error] of Object.entries(trials)) {
    const got = error();
    if (!(got <= BOUND)) return `${name}: expected at most ${BOUND} from the reference, got ${got}`;
  }
  return undefined;
}

/** Whether the kernels agree that multiply by one instruction; when one does not, none is to be trusted. */
export function areTwinsRight(kernels: Kernels, arena: Arena): boolean {
  return BYTE_TWINS.every((kernel) => byteLinearError({ kernels, arena }, kernel) <= BOUND);
}

interface Bench {
  readonly kernels: Kernels;
  readonly arena: Arena;
}

const FUNCTIONS = ["gelu_erf", "gelu_tanh", "relu", "tanh"] as const;

function rows(name: string, features: number, spread = 1): Rows {
  return { tokens: TOKENS, features, data: normals(fold(keyOf(1), name), TOKENS * features, spread) };
}

function placeRows(arena: Arena, { data, tokens, features }: Rows): number {
  return arena.place(toPanels(data, tokens, features));
}

function room(arena: Arena, features: number): number {
  return arena.allocate(panelsOf(TOKENS) * panelBytes(features));
}

/** The largest distance between panels in memory and rows. */
function distance(arena: Arena, address: number, { data, features }: Rows): number {
  const panels = arena.floats(address, (panelsOf(TOKENS) * panelBytes(features)) / 4);
  const got = fromPanels(panels, TOKENS, features);
  return largestGap(got, data);
}

function linearError({ kernels, arena }: Bench, kernel: LinearKernel): number {
  const x = rows("x", INPUTS);
  const key = keyOf(2);
  const weight = normals(key, OUTPUTS * INPUTS, 0.3).map((w, i) => (uniform(key, i) < 0.3 ? w : 0));
  const bias = normals(keyOf(3), OUTPUTS);
  const rates = { ...USUAL_RATES, [kernel]: 1e9 };
  const layer = placeLinear(
    arena,
    floatTensor([OUTPUTS, INPUTS], weight),
    floatTensor([OUTPUTS], bias),
    rates,
  );
  const y = room(arena, OUTPUTS);
  const strides = { x: panelBytes(INPUTS), y: panelBytes(OUTPUTS) };
  runLinear(kernels, layer, placeRows(arena, x), y, panelsOf(TOKENS), strides);
  return distance(arena, y, linear(x, weight, bias));
}

/** Of the bytes, scales and zero points of panels in 8 bits. */
function quantizeError({ kernels, arena }: Bench): number {
  const x = rows("x", INPUTS);
  const to = quantized({ kernels, arena }, x);
  const expected = quantize(x);
  let most = 0;
  for (let t = 0; t < TOKENS; t++) {
    const panel = to + Math.floor(t / PANEL) * bytePanelBytes(INPUTS);
    const lane = t % PANEL;
    const scale = requireItem(arena.floats(panel, PANEL), lane, "scales");
    const zero = -requireItem(arena.integers(panel + 4 * PANEL, PANEL), lane, "zero points") | 0;
    const words = arena.integers(panel + 8 * PANEL, PANEL * Math.ceil(INPUTS / 4));
    const gaps = Array.from({ length: INPUTS }, (_, f) => {
      const byte = (requireItem(words, (f >> 2) * PANEL + lane, "bytes") >>> (8 * (f & 3))) & 255;
      return byte - (expected.bytes[t * INPUTS + f] ?? Number.NaN);
    });
    const all = [
      ...gaps,
      scale - (expected.scales[t] ?? Number.NaN),
      zero - (expected.zeros[t] ?? Number.NaN),
    ];
    most = Math.max(most, ...all.map(Math.abs)); // NaN stays NaN
  }
  return most;
}

function dequantizeError(bench: Bench): number {
  const x = rows("x", INPUTS);
  const y = room(bench.arena, INPUTS);
  const strides = [bytePanelBytes(INPUTS), panelBytes(INPUTS)] as const;
  bench.kernels.dequantize(quantized(bench, x), y, panelsOf(TOKENS), ...strides, INPUTS);
  return distance(bench.arena, y, dequantize(quantize(x)));
}

/** Address of rows as panels in 8 bits. */
function quantized({ kernels, arena }: Bench, x: Rows): number {
  const stride = bytePanelBytes(INPUTS);
  const to = arena.allocate(panelsOf(TOKENS) * stride);
  kernels.quantize(placeRows(arena, x), to, panelsOf(TOKENS), panelBytes(INPUTS), stride, INPUTS);
  return to;
}

function byteLinearError({ kernels, arena }: Bench, kernel: ByteKernel): number {
  const x = rows("x", INPUTS);
  const key = keyOf(2);
  const weight = roundToLevels(
    floatTensor(
      [OUTPUTS, INPUTS],
      normals(key, OUTPUTS * INPUTS, 0.3).map((w, i) => (uniform(key, i) < 0.3 ? w : 0)),
    ),
  );
  const bias = normals(keyOf(3), OUTPUTS);
  const rates = { ...USUAL_BYTE_RATES, [kernel]: 1e9 };
  const layer = placeLevels(arena, weight, floatTensor([OUTPUTS], bias), rates);
  const y = room(arena, OUTPUTS);
  const strides = { x: bytePanelBytes(INPUTS), y: panelBytes(OUTPUTS) };
  runLevels(kernels, layer, quantized({ kernels, arena }, x), y, panelsOf(TOKENS), strides);
  return distance(arena, y, byteLinear(quantize(x), levelsOf(weight), bias));
}

function attentionError({ kernels, arena }: Bench): number {
  const [q, k, v] = [rows("q", HEADS * SIZE), rows("k", HEADS * SIZE), rows("v", HEADS * SIZE)];
  const stride = panelBytes(HEADS * SIZE);
  const out = room(arena, HEADS * SIZE);
  const scratch = arena.allocate((TOKENS + 8) * PANEL * 4);
  const at = [placeRows(arena, q), placeRows(arena, k), placeRows(arena, v)] as const;
  // A term for each distance, more of them where lanes lie before or behind the text.
  const rowsOfTerms = normals(keyOf(6), HEADS * TERMS);
  const origin = arena.place(rowsOfTerms) + 2 * TERMS;
  const term = (h: number, distance: number): number =>
    requireItem(rowsOfTerms, h * TERMS + TERMS / 2 + distance, "terms");
  const sizes = [stride, stride, panelsOf(TOKENS), TOKENS, HEADS, SIZE, scratch, 0] as const;
  kernels.attention(...at, out, ...sizes, ALL_TOKENS, 0, 0);
  const plain = distance(arena, out, attention(q, k, v, HEADS));
  kernels.attention(...at, out, ...sizes, ALL_TOKENS, origin, 4 * TERMS);
  return Math.max(plain, distance(arena, out, attention(q, k, v, HEADS, term)));
}

function rotateError({ kernels, arena }: Bench): number {
  const x = rows("x", HEADS * SIZE);
  const rates = Float32Array.from({ length: SIZE / 2 }, (_, i) => 1 / (i + 1));
  const y = placeRows(arena, x);
  const [stride, panels] = [panelBytes(HEADS * SIZE), panelsOf(TOKENS)];
  kernels.rotate(y, stride, panels, HEADS, SIZE, arena.place(angleTable(rates, panels)));
  return distance(arena, y, rotate(x, HEADS, rates));
}

function multiplyError({ kernels, arena }: Bench): number {
  const [x, y] = [normals(keyOf(7), 200), normals(keyOf(8), 200)];
  const address = arena.place(x);
  kernels.multiply(address, arena.place(y), x.length);
  return largestGap(
    arena.floats(address, x.length),
    mapPairs(x, y, "numbers", (a, b) => a * b),
  );
}

function normError({ kernels, arena }: Bench): number {
  const [x, r] = [rows("x", INPUTS), rows("r", INPUTS)];
  const [gamma, beta] = [normals(keyOf(4), INPUTS), normals(keyOf(5), INPUTS)];
  const y = placeRows(arena, x);
  const at = [arena.place(gamma), arena.place(beta)] as const;
  kernels.layer_norm(y, placeRows(arena, r), y, panelsOf(TOKENS), panelBytes(INPUTS), INPUTS, ...at, 1e-5);
  return distance(arena, y, layerNorm(x, r, gamma, beta, 1e-5));
}

function gatherError({ kernels, arena }: Bench): number {
  const ids = Array.from({ length: TOKENS }, (_, i) => (i * 7) % 11);
  const types = ids.map((id) => id % 2);
  const table = (n: number): Float32Array => normals(keyOf(n), n * INPUTS);
  const tables = { words: table(11), positions: table(TOKENS + 1), segments: table(2) };
  const [i, t] = [arena.place(Uint32Array.from(ids)), arena.place(Uint32Array.from(types))];
  const at = [arena.place(tables.words), arena.place(tables.positions), 4 * INPUTS] as const;
  const segments = arena.place(tables.segments);
  const x = room(arena, INPUTS);
  const end = panelsOf(TOKENS) * PANEL;
  const gaps = [-1, 3].map((pad) => {
    kernels.gather(x, panelBytes(INPUTS), 0, end, TOKENS, i, t, INPUTS, ...at, segments, pad);
    return distance(arena, x, gather(ids, types, placesOf(ids, pad), tables, INPUTS));
  });
  return Math.max(...gaps);
}

function functionError({ kernels, arena }: Bench, name: (typeof FUNCTIONS)[number]): number {
  const x = Float32Array.from({ length: 200 }, (_, i) => (i - 100) / 12);
  const address = arena.place(x);
  kernels[name](address, x.length);
  return largestGap(arena.floats(address, x.length), x.map(ACTIVATIONS[name]));
}
