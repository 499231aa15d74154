/** Made-up records of a study, each with what a test says and plain values for the rest. */

import type { PairRecord, RunRecord } from "../../src/study/record.ts";

/** What a test says of a run; its name follows from the rest. */
export type RunFacts = Partial<Omit<RunRecord, "kind">>;

/** A run of two layers at half of its weights, which keeps 80 of 100 points. */
export function runRecord(facts: RunFacts = {}): RunRecord {
  const { task = "sst2", method = "magnitude", seed = 0, sparsity = 0.5, settings = {} } = facts;
  return {
    kind: "run",
    id: [task, `s${seed}`, method, sparsity, ...Object.values(settings)].join("-"),
    task,
    method,
    settings,
    sparsity,
    seed,
    metric: "accuracy",
    score: 80,
    dense: 100,
    layers: 2,
    hidden: 8,
    ...facts,
    measures: { density: 0.5, "density.encoder": 0.5, "density.embeddings": 0.5, ...facts.measures },
  };
}

/** Two runs that share so much of the encoder, and of all weights, where density explains so much. */
export function pairRecord(first: RunRecord, second: RunRecord, found: number, expected: number): PairRecord {
  return {
    kind: "pair",
    first: first.id,
    second: second.id,
    jaccard: found,
    chance: expected,
    byMatrix: expected,
    encoderJaccard: found,
    encoderByMatrix: expected,
  };
}
