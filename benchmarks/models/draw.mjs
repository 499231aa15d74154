/**
 * How much of a mask that Adapting by Pruning has learnt is its random start: of the weights that it keeps, the share whose
 * initial score is among the largest so many. Where that share is the mask's own density, the start says nothing.
 *
 *   npm run build && node benchmarks/models/draw.mjs RUN…
 *
 * The scores are drawn again from the run's seed, so it has to be a run of `compress` with that method.
 */

import { fold, keyOf, normals } from "../../dist/base/random.js";
import { readMaskedConfig } from "../../dist/network/folder.js";
import { runPaths } from "../../dist/runs/folder.js";
import { readRecipe } from "../../dist/runs/recipe.js";
import { structureOfMasks } from "../../dist/topology/structure.js";

console.log("| run | part | kept | of these drawn to the top |\n|---|---|---|---|");
for (const run of process.argv.slice(2)) {
  const paths = runPaths(run);
  const { settings } = await readRecipe(paths.recipe);
  const { matrices } = structureOfMasks(await readMaskedConfig(paths.model));
  const key = fold(keyOf(Number(settings.seed)), "method");
  for (const part of ["embeddings", "encoder"]) {
    const own = matrices.filter(({ component }) => (component === "embeddings") === (part === "embeddings"));
    const weights = own.reduce((n, { bits }) => n + bits.rows * bits.columns, 0);
    const kept = own.reduce((n, { bits }) => n + countKept(bits), 0);
    const top = own.reduce((n, { name, bits }) => n + countTop(bits, fold(key, name), kept / weights), 0);
    const share = (/** @type {number} */ x) => `${(100 * x).toFixed(1)} %`;
    console.log(`| ${run} | ${part} | ${share(kept / weights)} | ${share(top / kept)} |`);
  }
}

/** @param {import("../../dist/topology/bits.js").BitMatrix} bits */
function countKept({ rows, columns, stride, words }) {
  let n = 0;
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) n += (words[r * stride + (c >> 5)] >>> (c & 31)) & 1;
  return n;
}

/**
 * Kept entries whose draw is among the largest `share` of a normal's.
 * @param {import("../../dist/topology/bits.js").BitMatrix} bits
 * @param {import("../../dist/base/random.js").Key} key
 * @param {number} share
 */
function countTop({ rows, columns, stride, words }, key, share) {
  const drawn = normals(key, rows * columns);
  const least = Float32Array.from(drawn).sort()[Math.floor((1 - share) * drawn.length)];
  let n = 0;
  for (let r = 0, i = 0; r < rows; r++)
    for (let c = 0; c < columns; c++, i++)
      if (drawn[i] >= least) n += (words[r * stride + (c >> 5)] >>> (c & 31)) & 1;
  return n;
}
