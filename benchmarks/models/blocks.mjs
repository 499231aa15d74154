/**
 * What blocks hold of a model's encoder before anything is trained: the share of Σw² that the highest blocks keep.
 *
 *   node benchmarks/models/blocks.mjs MODEL [--sparsity 0.9,0.95]
 *
 * For each shape of blocks and sparsity one JSON line: the share kept when blocks are ranked by the sum of sizes (`sizes`), which
 * is what pruning does, and by the sum of squares (`squares`), which is the most that any choice can keep; and the share
 * of blocks that both choose (`common`). Each matrix for itself.
 */

import { parseArgs } from "node:util";
import { BLOCK_SHAPES, blocksIn, blockThreshold, rankedBlocks } from "../../dist/base/blocks.js";
import { matricesIn } from "../../dist/parts/matrices.js";
import { countKept } from "../../dist/parts/ramp.js";
import { loadModel } from "../../dist/runs/models.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sparsity: { type: "string", default: "0.5,0.8,0.9,0.95" } },
});
const [model] = positionals;
if (model === undefined) throw new Error("blocks: expected a model");
const { network } = await loadModel(model, {});
const names = matricesIn(network.tensors, "encoder");

for (const block of BLOCK_SHAPES) {
  for (const sparsity of values.sparsity.split(",").map(Number)) {
    const sums = { all: 0, sizes: 0, squares: 0, common: 0, blocks: 0 };
    for (const name of names) addMatrix(network.tensors.get(name), block, sparsity, sums);
    const share = (x, of) => Number((x / of).toFixed(3));
    const { all, sizes, squares, common, blocks } = sums;
    console.log(
      JSON.stringify({
        block,
        sparsity,
        sizes: share(sizes, all),
        squares: share(squares, all),
        common: share(common, blocks),
      }),
    );
  }
}

function addMatrix({ shape, data }, block, sparsity, sums) {
  const bySize = rankedBlocks(shape, data.map(Math.abs), block, "value");
  const energy = rankedBlocks(
    shape,
    data.map((w) => w * w),
    block,
    "value",
  );
  const keep = countKept(data.length, sparsity);
  const [size, square] = [bySize, energy].map((ranked) => blockThreshold([ranked], keep, "value"));
  for (let i = 0; i < blocksIn(shape, block); i++) {
    const here = energy.ranks[i];
    const [chosen, best] = [bySize.ranks[i] >= size, here >= square];
    sums.all += here;
    if (chosen) sums.sizes += here;
    if (best) sums.squares += here;
    if (chosen) sums.blocks++;
    if (chosen && best) sums.common++;
  }
}
