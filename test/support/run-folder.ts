/** Folders of finished runs for tests of reports, made without training: their numbers are invented, their shapes are real. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { keyOf, normals } from "../../src/base/random.ts";
import type { Tensor } from "../../src/base/tensor.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { figuresOf } from "../../src/measure/figures.ts";
import { type RunResult, resultText } from "../../src/measure/result.ts";
import { writeFolder } from "../../src/network/folder.ts";
import type { Network } from "../../src/network/network.ts";
import { answersOf, answersText } from "../../src/runs/answers.ts";
import { runPaths } from "../../src/runs/folder.ts";
import type { Recipe } from "../../src/runs/recipe.ts";
import { placesOf } from "../../src/topology/structure.ts";
import { newFolder, tinyModel } from "./tiny-model.ts";

const MACHINE = { cpu: "AMD EPYC", cores: 2, threads: 1, node: "v20.20.2", platform: "linux-x64" };

/** Of a run that knows no files. */
export const RECIPE: Recipe = {
  version: 1,
  command: "finetune",
  code: "0.1.0",
  settings: { epochs: 3 },
  model: [],
  data: [],
  machine: MACHINE,
};

/** What such a run may have come to. */
export const RESULT: RunResult = {
  version: 1,
  command: "finetune",
  code: "0.1.0",
  task: "sst2",
  method: null,
  metric: { name: "accuracy", better: "higher", before: null, after: 0.9, examples: 872 },
  models: [
    {
      stage: "fine-tuned",
      metrics: { accuracy: 0.9 },
      parameters: { total: 10, nonzero: 10, embeddings: 4 },
      bytes: { raw: 40, compressed: 38 },
      multiplyAccumulates: 60,
      latency: [{ batchSize: 1, length: 128, p50: 1, p95: 2, repetitions: 30 }],
    },
  ],
  length: 128,
  seeds: [0],
  wallSeconds: 1,
  peakBytes: 1,
  machine: MACHINE,
  verdict: { smaller: false, faster: false, text: "Trained." },
};

/** What a made-up run is like; what is left out is ordinary. */
export interface MadeRun {
  readonly name?: string;
  readonly network?: Network;
  readonly labels?: readonly string[];
  readonly texts?: readonly string[];
  readonly task?: string;
  readonly seed?: number;
  /** Leave these files out. */
  readonly without?: readonly ("result" | "answers" | "model" | "recipe")[];
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** The tiny network with a mask that keeps so much of every matrix. */
export function maskedModel(kept: number, seed = 5, network = tinyModel()): Network {
  const tensors = new Map(network.tensors);
  const masks = new Map<string, Tensor<"uint8">>();
  for (const { name, layer } of placesOf(network.config)) {
    const tensor = tensors.get(name);
    if (tensor === undefined || layer === null) continue;
    const draws = normals(keyOf(seed + masks.size), tensor.data.length, 1);
    const border = draws.toSorted()[Math.floor((1 - kept) * draws.length)] ?? 0;
    const data = Uint8Array.from(draws, (draw) => Number(draw >= border));
    masks.set(name, { dtype: "uint8", shape: tensor.shape, data });
    tensors.set(name, { ...tensor, data: tensor.data.map((weight, i) => (data[i] === 1 ? weight : 0)) });
  }
  return { ...network, tensors, masks };
}

/** Writes the folder of a compression. @returns its path */
export async function madeRun(made: MadeRun = {}): Promise<string> {
  const {
    name = "half",
    network = tinyModel(),
    labels = ["negative", "positive"],
    without = [],
    seed = 1,
  } = made;
  const root = join(await newFolder(), name);
  const paths = runPaths(root);
  await mkdir(root, { recursive: true });
  const texts =
    made.texts ?? Array.from({ length: 40 }, (_, i) => `a ${i % 2 === 0 ? "good" : "bad"} film ${i}`);
  const settings = {
    model: "embedded",
    method: "magnitude",
    sparsity: 0.8,
    data: "reviews.csv",
    out: root,
    seed: 0,
    epochs: 3,
    batchSize: 32,
    learningRate: 5e-5,
    ...made.settings,
  };
  const recipe: Recipe = {
    version: 1,
    command: "compress",
    code: "0.1.0",
    settings,
    folder: "/home/me",
    model: [{ path: "config.json", bytes: 9, sha256: "0".repeat(64) }],
    data: [{ path: "reviews.csv", bytes: 99, sha256: "1".repeat(64) }],
    machine: MACHINE,
  };
  if (!without.includes("recipe")) await writeFile(paths.recipe, JSON.stringify(recipe));
  await writeFile(paths.metrics, metricsText());
  if (!without.includes("answers")) await writeFile(paths.answers, madeAnswers(labels, texts, seed));
  if (!without.includes("model")) await writeFolder(paths.model, network);
  const result = resultOf(network, texts.length, made.task ?? null);
  if (!without.includes("result")) await writeFile(paths.result, resultText(result));
  return root;
}

function metricsText(): string {
  const steps = Array.from({ length: 60 }, (_, i) => ({
    kind: "step",
    step: i + 1,
    total: 60,
    loss: 1 / (i + 1),
    rate: 1e-4,
    at: i,
  }));
  const looks = [20, 40, 60].map((step) => ({
    kind: "evaluation",
    step,
    loss: 0.5,
    metrics: { accuracy: 0.7 + step / 1000 },
    kept: true,
    at: step,
  }));
  const events = [
    { kind: "start", title: "compressing tiny with magnitude on reviews.csv", at: 0 },
    { kind: "data", train: 400, dev: 40, shares: {}, range: null, cut: 0, maxLength: 16, at: 0 },
    ...steps,
    ...looks,
    { kind: "note", text: "kept the model of step 60 of 60", at: 60 },
  ];
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

function madeAnswers(labels: readonly string[], texts: readonly string[], seed: number): string {
  const examples = texts.map((text, i) => ({ text, label: i % labels.length, where: `a:${i}` }));
  const data: Dataset = { name: "reviews", task: "classification", labels, examples };
  const said = (n: number) =>
    normals(keyOf(seed + n), texts.length * labels.length, 1.5).map(
      (x, i) => x + Number(i % labels.length === Math.floor(i / labels.length) % labels.length),
    );
  return answersText(
    answersOf(data, {
      before: { stage: "fine-tuned", logits: said(1) },
      after: { stage: "compressed", logits: said(2) },
    }),
  );
}

function resultOf(network: Network, examples: number, task: string | null): RunResult {
  const latency = [1, 32].map((batchSize) => ({
    batchSize,
    length: 16,
    p50: batchSize,
    p95: 1.2 * batchSize,
    repetitions: 9,
  }));
  const measured = (accuracy: number, raw: number) => ({
    metrics: { accuracy },
    bytes: { raw, compressed: raw },
    latency,
    length: 16,
  });
  return {
    version: 1,
    command: "compress",
    code: "0.1.0",
    task,
    method: "magnitude",
    metric: { name: "accuracy", better: "higher", before: 0.8, after: 0.75, examples },
    kept: { step: 60, steps: 60 },
    models: [
      figuresOf("fine-tuned", network, measured(0.8, 90_000)),
      figuresOf("compressed", network, measured(0.75, 60_000)),
    ],
    length: 16,
    seeds: [0],
    wallSeconds: 70,
    peakBytes: 1e8,
    machine: MACHINE,
    verdict: {
      smaller: true,
      faster: false,
      text: "Smaller: 67 % of the bytes are left. Not faster: the same.",
    },
  };
}
