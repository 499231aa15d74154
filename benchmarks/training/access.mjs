// What a checked access costs in an inner loop: a product of 2^20 numbers with `?? 0` and with `requireItem`, before and
// after that function has seen other kinds of array, as in any run of ours it has.
//
//   npm run build && node benchmarks/training/access.mjs

import { requireItem } from "../../dist/base/present.js";

const SIZE = 1 << 20;
const a = new Float32Array(SIZE).fill(1.5);
const b = new Float64Array(SIZE).fill(2);

function plain() {
  let sum = 0;
  for (let i = 0; i < SIZE; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function checked() {
  let sum = 0;
  for (let i = 0; i < SIZE; i++) sum += requireItem(a, i, "a") * requireItem(b, i, "b");
  return sum;
}

/** @param {() => number} work */
function least(work) {
  const times = Array.from({ length: 20 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return Math.min(...times).toFixed(2);
}

const lists = [["a"], [{}], new Uint8Array(1), new Int32Array(1)];
for (let i = 0; i < 100_000; i++) for (const list of lists) requireItem(list, 0, "list");
console.log(`2^20 products: ${least(plain)} ms with ?? 0, ${least(checked)} ms with requireItem`);
