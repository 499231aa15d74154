/**
 * What the analyses of src/topology/ cost for a network of BERT-base's size with a random mask.
 *
 *   node benchmarks/models/topology.mjs [--kept 0.5,0.05] [--scores]
 *
 * For each share that is kept, one JSON line by analysis, with the bytes of its record: seconds of processor time in user
 * mode, which does not count what else the machine does. `one mask` is the sum of turning a mask into bits (`structureOf`)
 * and all analyses of it; those of two masks come after. The first share's numbers hold what the compiler takes. With
 * --scores also the agreement of two random scores of every weight, and the most memory that the process held.
 */

import { parseArgs } from "node:util";
import { keyOf, sequence } from "../../dist/base/random.js";
import { parameters } from "../../dist/bert/names.js";
import { compareHubs, measureDegrees } from "../../dist/topology/degrees.js";
import { measureDensity } from "../../dist/topology/density.js";
import { compareImportance } from "../../dist/topology/importance.js";
import { countJunctions } from "../../dist/topology/junctions.js";
import { compareMasks } from "../../dist/topology/overlap.js";
import { findPaths } from "../../dist/topology/paths.js";
import { placesOf, structureOf } from "../../dist/topology/structure.js";
import { surveyUnits } from "../../dist/topology/units.js";
import { BERT_BASE, configOf } from "../shapes.mjs";

const config = configOf(BERT_BASE);
const SHAPES = parameters(config, { kind: "none" });

/** Analyses of one mask, and of two. */
const ALONE = {
  density: measureDensity,
  units: (structure) => surveyUnits(structure),
  degrees: measureDegrees,
  junctions: countJunctions,
  paths: (structure) => findPaths(structure),
};
const PAIRED = { overlap: compareMasks, hubs: compareHubs };

const { values } = parseArgs({
  options: {
    kept: { type: "string", default: "0.5,0.05" },
    scores: { type: "boolean", default: false },
  },
});

for (const share of values.kept.split(",").map(Number)) {
  const print = (analysis, seconds, more = {}) =>
    console.log(JSON.stringify({ kept: share, analysis, seconds: Number(seconds.toFixed(3)), ...more }));
  const network = randomNetwork(share, 1);
  const [structure, bits] = timed(() => structureOf(network));
  print("structureOf", bits);
  const measure = ([analysis, run]) => {
    const [record, seconds] = timed(run);
    print(analysis, seconds, { bytes: JSON.stringify(record).length });
    return seconds;
  };
  const alone = Object.entries(ALONE).map(([analysis, run]) => measure([analysis, () => run(structure)]));
  print(
    "one mask",
    alone.reduce((sum, seconds) => sum + seconds, bits),
  );
  const other = structureOf(randomNetwork(share, 2));
  for (const [analysis, run] of Object.entries(PAIRED)) measure([analysis, () => run(structure, other)]);
}

if (values.scores) {
  const [first, second] = [randomScores(1), randomScores(2)];
  const [{ total }, seconds] = timed(() => compareImportance(first, second, 0.05));
  const gigabytes = Number((process.resourceUsage().maxRSS / 2 ** 20).toFixed(1));
  console.log(
    JSON.stringify({ analysis: "importance", seconds: Number(seconds.toFixed(1)), gigabytes, total }),
  );
}

/** Scores for every weight: half of each is common to all seeds. */
function randomScores(seed) {
  const [common, own] = [sequence(keyOf(0)), sequence(keyOf(seed))];
  return new Map(
    placesOf(config).map(({ name }) => {
      const scores = new Float32Array(SHAPES.get(name).reduce((n, size) => n * size));
      for (let i = 0; i < scores.length; i++) scores[i] = common() + own();
      return [name, scores];
    }),
  );
}

/** A network of masks alone: no analysis of masks looks at weights. */
function randomNetwork(share, seed) {
  const next = sequence(keyOf(seed));
  const limit = share * 2 ** 32;
  const masks = new Map();
  for (const { name } of placesOf(config)) {
    const [rows, columns] = SHAPES.get(name);
    const data = new Uint8Array(rows * columns);
    for (let i = 0; i < data.length; i++) data[i] = next() < limit ? 1 : 0;
    masks.set(name, { dtype: "uint8", shape: [rows, columns], data });
  }
  /** @type {unknown} */
  const network = { config, head: { kind: "none" }, tensors: masks, masks };
  return /** @type {import("../../dist/network/network.js").Network} */ (network);
}

/** What was computed, and the seconds of user time it took. */
function timed(run) {
  const start = process.cpuUsage();
  const result = run();
  return [result, process.cpuUsage(start).user / 1e6];
}
