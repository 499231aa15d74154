/**
 * The runtime's kernels one by one: what each reaches on one thread, and which share of what the processor could do.
 *
 *   npm run build && node benchmarks/runtime/kernels.mjs [--sparsity 0.95] [--json]
 *
 * Run it with another node binary to see that one's. The roof is measured, not looked up: products and sums on registers
 * alone, with the vectors that the kernels have (128 bits, or 256 where V8 joins them).
 */

import { parseArgs } from "node:util";
import { blockSize } from "../../dist/base/blocks.js";
import { floatTensor } from "../../dist/base/tensor.js";
import { compileKernels } from "../../dist/runtime/module.js";
import { Arena } from "../../dist/sparse/arena.js";
import { BYTE_KERNELS, placeLevels, runLevels } from "../../dist/sparse/byte-linear.js";
import { ALL_TOKENS, isTwin, kernelsOf } from "../../dist/sparse/kernels.js";
import { LINEAR_KERNELS, placeLinear, runLinear, USUAL_RATES } from "../../dist/sparse/linear.js";
import { bytePanelBytes, PANEL, panelBytes } from "../../dist/sparse/panels.js";

const { values } = parseArgs({
  options: { sparsity: { type: "string", default: "0.95" }, json: { type: "boolean", default: false } },
});
const density = 1 - Number(values.sparsity);
const TOKENS = 128;
const PANELS = TOKENS / PANEL;
const ROUNDS = 60;

const compiled = await compileKernels(false);
const { module, wide, fused } = compiled;
const arena = new Arena(false);
const kernels = kernelsOf(compiled, arena.memory);

/** Least milliseconds of a run: everything else that the machine does only adds. */
function least(run) {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function scattered(rows, columns, block) {
  const { height, width } = block === "dense" ? { height: 4, width: 4 } : blockSize(block);
  const data = new Float32Array(rows * columns);
  let state = 1;
  for (let r = 0; r < rows; r += height) {
    for (let c = 0; c < columns; c += width) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      if (block !== "dense" && state >= density * 2 ** 32) continue;
      for (let i = r; i < r + height; i++) data.fill(0.01, i * columns + c, i * columns + c + width);
    }
  }
  return floatTensor([rows, columns], data);
}

const SHAPES = [
  [768, 768],
  [768, 3072],
  [3072, 768],
];
const x = arena.allocate(PANELS * panelBytes(3072));
const y = arena.allocate(PANELS * panelBytes(3072));
const results = [];

for (const [kernel, block] of Object.entries({ ...LINEAR_KERNELS, ...BYTE_KERNELS })) {
  if (isTwin(kernel) && !compiled.dot) continue;
  for (const [inputs, outputs] of SHAPES) {
    const weight = scattered(outputs, inputs, block);
    const bias = floatTensor([outputs], new Float32Array(outputs));
    const rates = { ...USUAL_RATES, [kernel]: 1e9 };
    const inBytes = kernel in BYTE_KERNELS;
    const strides = { x: inBytes ? bytePanelBytes(inputs) : panelBytes(inputs), y: panelBytes(outputs) };
    const levels = placeLevels(arena, weight, bias, rates);
    const floats = placeLinear(arena, weight, bias, rates);
    const layer = inBytes ? levels : floats;
    const ms = least(() => {
      if (inBytes) runLevels(kernels, levels, x, y, PANELS, strides);
      else runLinear(kernels, floats, x, y, PANELS, strides);
    });
    const operations = 2 * layer.stored * TOKENS;
    const whole = 2 * inputs * outputs * TOKENS;
    results.push({
      kernel,
      work: `${inputs} to ${outputs}`,
      ms,
      gflops: operations / ms / 1e6,
      inBytes,
      asDense: whole / ms / 1e6,
    });
  }
}

const [HEADS, SIZE] = [12, 64];
const stride = panelBytes(HEADS * SIZE);
const [q, k, v, out] = Array.from({ length: 4 }, () => arena.allocate(PANELS * stride));
const scratch = arena.allocate((TOKENS + 8) * PANEL * 4);
const attention = least(() =>
  kernels.attention(q, k, v, out, stride, stride, PANELS, TOKENS, HEADS, SIZE, scratch, 0, ALL_TOKENS, 0, 0),
);
results.push({
  kernel: "attention",
  work: `${TOKENS} tokens, ${HEADS} heads of ${SIZE}`,
  ms: attention,
  gflops: (4 * TOKENS * TOKENS * HEADS * SIZE) / attention / 1e6,
});
for (const name of ["gelu_erf", "gelu_tanh", "relu"]) {
  results.push({ kernel: name, work: `${TOKENS} x 3072`, ms: least(() => kernels[name](x, TOKENS * 3072)) });
}
const [gamma, beta] = [arena.allocate(4 * 768), arena.allocate(4 * 768)];
results.push({
  kernel: "layer_norm",
  work: `${TOKENS} x 768, of a sum`,
  ms: least(() => kernels.layer_norm(x, y, x, PANELS, panelBytes(768), 768, gamma, beta, 1e-12)),
});

const bytes = arena.allocate(PANELS * bytePanelBytes(3072));
results.push({
  kernel: "quantize",
  work: `${TOKENS} x 3072`,
  ms: least(() => kernels.quantize(x, bytes, PANELS, panelBytes(3072), bytePanelBytes(3072), 3072)),
});

/** Products and sums of float32 on registers, in 10⁹ a second. */
const raw = /** @type {Record<string, (at: number, times: number) => void>} */ (
  new WebAssembly.Instance(module, { env: { memory: /** @type {WebAssembly.Memory} */ (arena.memory) } })
    .exports
);
const roof = Math.max(
  ...[12, 24].map((chains) => (8 * chains * 500_000) / least(() => raw[`roof_${chains}`](x, 500_000)) / 1e6),
);
/** Without VNNI four products of bytes take two multiplications (dot.ts) where one of float32 takes one: twice the operations. */
const byteRoof = 2 * roof;

if (values.json) console.log(JSON.stringify({ node: process.version, wide, fused, roof, byteRoof, results }));
else {
  const registers = `${wide ? 256 : 128} bits${fused ? ", products fused" : ""}`;
  console.log(
    `node ${process.version}, ${registers}, ${TOKENS} tokens, sparse kernels at ${values.sparsity}`,
  );
  console.log(
    `roof: ${roof.toFixed(0)} GFLOP/s of products and sums on registers alone, so ${byteRoof.toFixed(0)} GOP/s in 8 bits without VNNI`,
  );
  for (const { kernel, work, ms, gflops, inBytes, asDense } of results) {
    const rate = gflops === undefined ? "" : `${gflops.toFixed(1).padStart(7)} GFLOP/s`;
    const share =
      gflops === undefined
        ? ""
        : `${((100 * gflops) / (inBytes ? byteRoof : roof)).toFixed(0).padStart(4)} % of the roof`;
    const dense = asDense === undefined ? "" : `, a dense kernel would need ${asDense.toFixed(0)}`;
    console.log(
      `${kernel.padEnd(14)} ${work.padEnd(28)} ${ms.toFixed(3).padStart(7)} ms ${rate}${share}${dense}`,
    );
  }
}
