/**
 * A method of one's own: sparse evolutionary training. The encoder is sparse from the first step on; now and then the
 * weakest weights leave it and as many others, chosen by chance, come in.
 *   Paper   Mocanu et al. 2018, "Scalable training of artificial neural networks with adaptive sparse connectivity"
 *   espalier compress embedded --method examples/own-method.mjs --data embedded:sentiment --epochs 8 --learning-rate 3e-4 --out runs/evolved
 */
import * as parts from "espalier/methods";

const START = 1e-4; // a newcomer's size: 0 would say that it is pruned

/** As many weights in other places: the weakest `share` of them go, others come in where there were none. */
function evolve(weights, share, key) {
  const alive = [...weights.keys()].filter((i) => weights[i] !== 0);
  const empty = [...weights.keys()].filter((i) => weights[i] === 0);
  const weakest = alive.toSorted((a, b) => Math.abs(weights[a]) - Math.abs(weights[b]));
  const count = Math.min(Math.round(share * alive.length), empty.length);
  for (const i of weakest.slice(0, count)) weights[i] = 0;
  const newcomers = parts.permutation(key, empty.length).subarray(0, count);
  for (const i of newcomers) weights[empty[i]] = i % 2 === 0 ? START : -START;
  return weights;
}

/** @type {import("espalier/methods").Method<{ sparsity: number, share: number, every: number, until: number }, any>} */
export default {
  id: "evolve",
  summary: "Stay sparse throughout, and let weights change places.",
  paper: undefined,
  from: "pre-trained",
  config: {
    sparsity: { default: 0.8, help: "share of the encoder's weights that is 0, from the first step on" },
    share: { default: 0.2, help: "zeta: share of the weights that change places each time" },
    every: { default: 10, help: "steps between two changes" },
    until: { default: 0.7, help: "share of the steps after which nothing changes places any more" },
  },
  prepare(network, { sparsity }) {
    parts.checkSparsity("evolve", sparsity);
    const groups = parts.groupsOf(parts.matricesIn(network.tensors, "encoder"), "matrix");
    return { ...network, tensors: parts.pruneAtOnce(network.tensors, groups, sparsity) };
  },
  init({ tensors }, config, { steps, key }) {
    const names = parts.matricesIn(tensors, "encoder");
    return { tensors: new Map(), config, names, last: config.until * steps, key };
  },
  trains: () => true,
  rule: ({ names }, name) => (names.includes(name) ? parts.KEEP_ZEROS : undefined),
  sites: () => ({}),
  host: {
    due: ({ config, last }, done) => done % config.every === 0 && done <= last,
    async run({ names, config, key }, progress, done, bench) {
      for (const name of names) {
        const chance = parts.fold(parts.fold(key, name), done);
        await bench.write(name, evolve(await bench.read(name), config.share, chance));
      }
      return progress;
    },
  },
  finish: (network, { names, config }, tensors) =>
    parts.keepPruned("evolve", network, tensors, names, config.sparsity),
};
