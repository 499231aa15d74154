import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { percent, times } from "../base/quantity.ts";
import { bytes, clock, count, digits, milliseconds, wrap } from "../base/units.ts";
import type { BenchResult } from "../bench/answer.ts";
import type { EvaluationResult, ModelSizes, ShrinkResult } from "../commands/answers.ts";
import type { FloorFigures, Latency, ModelFigures, RunResult, Stage } from "../measure/result.ts";
import { USUAL_RATES } from "../sparse/linear.ts";
import { parseArguments } from "./arguments.ts";
import { printDemo, printEvaluation, printPredictions, printRun, printShrinking } from "./print.ts";
import { benchTable, inspectTable, renderTable, resultTable, WIDTH } from "./table.ts";

const MACHINE = { cpu: "AMD EPYC 9R14", cores: 2, threads: 2, node: "v20.20.2", platform: "linux-x64" };

function latency(one: number, many: number): Latency[] {
  return [
    { batchSize: 1, length: 128, p50: one, p95: one * 1.2, repetitions: 30 },
    { batchSize: 32, length: 128, p50: many, p95: many * 1.2, repetitions: 30 },
  ];
}

function model(stage: Stage, accuracy: number | undefined, size: number, times: Latency[]): ModelFigures {
  return {
    stage,
    metrics: accuracy === undefined ? {} : { accuracy },
    parameters: { total: size, nonzero: size, embeddings: Math.round(size / 4) },
    bytes: { raw: size * 4, compressed: Math.round(size * 3.7) },
    multiplyAccumulates: size * 100,
    latency: times,
  };
}

const RESULT: RunResult = {
  version: 1,
  command: "compress",
  code: "0.1.0",
  task: "sst2",
  method: "cofi",
  metric: { name: "accuracy", better: "higher", before: 0.912, after: 0.908, examples: 872 },
  models: [
    model("original", undefined, 11_170_000, latency(3.12, 101)),
    model("fine-tuned", 0.912, 11_170_000, latency(3.1, 99.9)),
    model("compressed", 0.908, 6_080_000, latency(1.92, 61.2)),
  ],
  length: 128,
  seeds: [0],
  wallSeconds: 754,
  peakBytes: 1_234_000_000,
  machine: MACHINE,
  verdict: {
    smaller: true,
    faster: true,
    text: "Smaller: 54 % of the bytes are left. Faster: 1.6× at batch 1.",
  },
};

test("a floor has a row of its own below the models, without times", () => {
  const floor: FloorFigures = {
    kind: "tf-idf",
    metrics: { accuracy: 0.814 },
    parameters: 149_000,
    bytes: { raw: 1_630_000, compressed: 619_000 },
    paired: {
      ...{ difference: 0.09, interval: { low: 0.06, high: 0.12 }, margin: 0.01, examples: 872 },
      ...{ lost: 30, gained: 110, p: 0, resamples: null },
    },
  };
  const table = resultTable({ ...RESULT, floors: [floor] });
  expect(table.split("\n").slice(5, 6)).toEqual([
    "tf-idf        81.4 %   149 k   1 %  1.63 MB   4 %        –             –",
  ]);
  expect(table).toContain("\ntf-idf: without a Transformer, the floor to be above");
});

test("the caption says what a mean is the mean of", () => {
  const metric = { ...RESULT.metric, name: "mean" };
  const models = RESULT.models.map((each) => ({
    ...each,
    metrics: { pearson: 0.8, spearman: 0.7, mean: 0.75 },
  }));
  expect(resultTable({ ...RESULT, metric, models })).toContain(
    "mean of pearson and spearman on 872 examples;",
  );
});

function widest(text: string): number {
  return Math.max(...text.split("\n").map((line) => line.length));
}

test("the result table names every model with its metric, sizes and times in 80 columns", () => {
  const table = resultTable(RESULT);
  expect(table).toMatchInlineSnapshot(`
    "            accuracy    parameters          bytes       batch 1      batch 32
    ─────────────────────────────────────────────────────────────────────────────
    original           –  11.2 M 100 %  44.7 MB 100 %  3.12 ms 1.0×   101 ms 1.0×
    fine-tuned    91.2 %  11.2 M        44.7 MB        3.10 ms       99.9 ms
    compressed    90.8 %  6.08 M  54 %  24.3 MB  54 %  1.92 ms 1.6×  61.2 ms 1.6×
    accuracy on 872 examples; time of one batch of 128 tokens, median, 2 threads
    shares and factors beside the fine-tuned model"
  `);
  expect(widest(table)).toBeLessThanOrEqual(WIDTH);
});

test("the largest numbers and the longest metric still fit 80 columns", () => {
  const large = (stage: Stage) => ({
    ...model(stage, undefined, 334_500_000, latency(1234, 123_456)),
    metrics: { spearman: -0.888 },
  });
  const result = {
    ...RESULT,
    metric: { ...RESULT.metric, name: "spearman" },
    models: [large("original"), large("fine-tuned"), large("compressed")],
  };
  expect(widest(resultTable(result))).toBeLessThanOrEqual(WIDTH);
});

test("a run is printed with its verdict, its cost and its folder", () => {
  const text = printRun(RESULT, "runs/small");
  expect(text).toContain("Smaller: 54 %");
  expect(text).toContain("took 12:34, at most 1.23 GB of memory; saved in runs/small");
  expect(widest(text)).toBeLessThanOrEqual(WIDTH);
});

test("a model that was not timed at a batch size gets a dash, not a number", () => {
  const untimed = model("compressed", 0.9, 100, []);
  const rows = resultTable({ ...RESULT, models: [...RESULT.models.slice(0, 2), untimed] }).split("\n");
  expect(rows[4]).toMatch(/–\s+–/);
});

test("bench shows sizes, loading and one table per case, with the first contender as the reference", () => {
  const [fine, half] = [RESULT.models[1], RESULT.models[2]];
  if (!fine || !half) throw new Error("no models");
  const contender = { model: "runs/a", parameters: fine.parameters, sparsity: 0, throughput: [] };
  const result: BenchResult = {
    machine: MACHINE,
    contenders: [
      {
        ...contender,
        engine: "onnx",
        kernels: null,
        bytes: fine.bytes,
        load: 93.1,
        memory: { loaded: 71_000_000, peak: 130_000_000 },
        difference: null,
        latency: fine.latency,
      },
      {
        ...contender,
        engine: "sparse",
        kernels: {
          rates: { ...USUAL_RATES, spmm_1x1: 42.04, gemm_4x1: 57.8 },
          kernels: { spmm_1x1: 35, gemm_4x1: 1 },
          fused: true,
          wide: true,
          density: 0.049,
          memory: 1,
        },
        bytes: half.bytes,
        load: 41.2,
        memory: { loaded: 30_000_000, peak: 52_000_000 },
        difference: 0.0123,
        latency: half.latency,
      },
    ],
    breakEven: [],
    verdict: ["sparse against onnx: faster in all 2 cases, 1.6× to 1.7×.", "A second sentence."],
  };
  const text = benchTable(result);
  expect(text).toMatchInlineSnapshot(`
    "          parameters  not zero          bytes        gzip -6
    ────────────────────────────────────────────────────────────
    onnx    11.2 M           100 %  44.7 MB        41.3 MB
    sparse  11.2 M 100 %     100 %  24.3 MB  54 %  22.5 MB  54 %

               load   memory  at most  answers off by
    ─────────────────────────────────────────────────
    onnx    93.1 ms  71.0 MB   130 MB
    sparse  41.2 ms  30.0 MB  52.0 MB           0.012

    batch 1 × 128 tokens      p50      p95  examples/s  faster
    ──────────────────────────────────────────────────────────
    onnx                  3.10 ms  3.72 ms         323
    sparse                1.92 ms  2.30 ms         521    1.6×

    batch 32 × 128 tokens      p50      p95  examples/s  faster
    ───────────────────────────────────────────────────────────
    onnx                   99.9 ms   120 ms         320
    sparse                 61.2 ms  73.4 ms         523    1.6×

    sparse against onnx: faster in all 2 cases, 1.6× to 1.7×.
    A second sentence.

    sparse: 95 % zeros; 35 × spmm_1x1 at 42.0 GFLOP/s, 1 × gemm_4x1 at 57.8 GFLOP/s;
    256-bit vectors; fused products
    runs/a; AMD EPYC 9R14, 2 threads, Node v20.20.2"
  `);
  expect(widest(text)).toBeLessThanOrEqual(WIDTH);
  const long = `/a/path/much/longer/than/the/column/run-${"x".repeat(90)}`;
  const models = [...result.contenders, ...result.contenders.map((one) => ({ ...one, model: long }))];
  const [sizes = ""] = benchTable({ ...result, contenders: models }).split("\n\n");
  expect(widest(sizes)).toBeLessThanOrEqual(WIDTH);
  expect(sizes).toContain("\n…xxxxxxxxxxxxxxxxx sparse ");
});

test("inspect adds up to its total line", () => {
  const text = inspectTable({
    architecture: "bert",
    model: "m",
    head: "classification of 2 labels",
    parts: [
      {
        name: "embeddings",
        structure: "30522 × 256",
        parameters: 7_900_000,
        nonzero: 7_900_000,
        multiplyAccumulates: 0,
      },
      {
        name: "layer 0",
        structure: "4 heads × 64, ffn 1024",
        parameters: 790_000,
        nonzero: 79_000,
        multiplyAccumulates: 109_000_000,
      },
    ],
    parameters: { total: 8_690_000, nonzero: 7_979_000, embeddings: 7_900_000 },
    bytes: { raw: 34_800_000, compressed: 32_000_000 },
    maxLength: 256,
    positions: 512,
    length: 128,
    multiplyAccumulates: 109_000_000,
  });
  expect(text).toMatchInlineSnapshot(`
    "            structure                 parameters  not zero         MACs
    ───────────────────────────────────────────────────────────────────────
    embeddings  30522 × 256             7.90 M  91 %     100 %      0   0 %
    layer 0     4 heads × 64, ffn 1024   790 k   9 %      10 %  109 M 100 %
    total                               8.69 M            92 %  109 M
    bert; head: classification of 2 labels; 34.8 MB on disk, 32.0 MB after gzip -6
    texts are cut at 256 tokens, of 512 positions
    MACs: multiply-accumulates for one text of 128 tokens"
  `);
  expect(widest(text)).toBeLessThanOrEqual(WIDTH);
});

test("predictions are one line each, tab separated; a regression prints its value", () => {
  const read = { tokens: 4, cut: 0 };
  const predictions = [
    {
      text: "good",
      pair: null,
      label: "positive",
      score: 0.98765,
      labels: ["positive"],
      scores: [0.01235, 0.98765],
      ...read,
    },
    { text: "a", pair: "b", label: null, score: 3.5, labels: [], scores: [], ...read },
  ];
  const lines = "positive\t0.9877\tgood\nvalue\t3.5000\ta\tb";
  const said = { length: 9, task: "classification", labels: [], predictions, tagged: [] } as const;
  expect(printPredictions({ ...said, masks: [] })).toBe(lines);
  expect(printPredictions({ ...said, masks: [{ mask: "a.mask", ...said }] })).toBe(lines);
});

test("of several masks each has a line per text, which begins with the mask", () => {
  const under = (mask: string, label: string) => ({
    mask,
    ...{ length: 9, task: "classification" as const, labels: [label], tagged: [] },
    predictions: ["one", "two"].map((text) => ({
      ...{ text, pair: null, label, score: 1, labels: [label], scores: [1] },
      ...{ tokens: 3, cut: 0 },
    })),
  });
  const masks = [under("a.mask", "yes"), under("b.mask", "no")];
  const [first = under("a.mask", "yes")] = masks;
  expect(printPredictions({ ...first, masks })).toBe(
    "a.mask\tyes\t1.0000\tone\nb.mask\tno\t1.0000\tone\na.mask\tyes\t1.0000\ttwo\nb.mask\tno\t1.0000\ttwo",
  );
});

test("several labels have | between them; entities have a line each, with the number of their text", () => {
  const read = { pair: null, tokens: 4, cut: 0 };
  const said = {
    length: 9,
    task: "multi-label" as const,
    labels: ["joy", "fear", "anger"],
    tagged: [],
    masks: [],
  };
  const predictions = [
    { text: "both", label: "joy", score: 0.9, labels: ["joy", "anger"], scores: [0.9, 0.2, 0.6], ...read },
    { text: "none", label: "fear", score: 0.4, labels: [], scores: [0.1, 0.4, 0.3], ...read },
  ];
  expect(printPredictions({ ...said, predictions })).toBe("joy|anger\t0.9000|0.6000\tboth\n\t\tnone");
  const entity = { label: "LOC", score: 0.75, start: 3, end: 8, text: "Paris" };
  const tagged = [[], [entity]].map((entities) => ({ text: "in Paris", entities, tokens: 4, cut: 0 }));
  const tokens = { ...said, task: "tokens" as const, predictions: [], tagged };
  expect(printPredictions(tokens)).toBe("2\tLOC\t0.7500\t3\t8\tParis");
  const masks = ["a.mask", "b.mask"].map((mask) => ({ mask, ...tokens }));
  expect(printPredictions({ ...tokens, masks })).toContain("a.mask\t2\tLOC");
});

test("an evaluation prints the task's metric first", () => {
  const text = printEvaluation({
    model: "m",
    mask: null,
    task: "mrpc",
    examples: 408,
    length: 96,
    cut: 12,
    metric: "f1",
    metrics: { accuracy: 0.86, f1: 0.9 },
    loss: 0.35,
    seconds: 4,
  });
  expect(text).toBe(
    "f1 90.0 % on 408 examples of mrpc, loss 0.3500, 0:04\n  accuracy 86.0 %\n  texts are cut at 96 tokens; 12 were longer",
  );
});

test("columns are as wide as their widest cell", () => {
  expect(
    renderTable(
      ["", "n"],
      [
        ["a", "100"],
        ["long", "1"],
      ],
    ),
  ).toBe("        n\n─────────\na     100\nlong    1");
});

test("numbers have three digits and the right prefix", () => {
  expect([0, 999, 999.6, 1000, 11_170_000, 109_482_240].map(count)).toEqual([
    "0",
    "999",
    "1.00 k",
    "1.00 k",
    "11.2 M",
    "109 M",
  ]);
  expect(bytes(437_951_328)).toBe("438 MB");
  expect([0.1234, 3.12, 12.34, 999.9, 1200].map(milliseconds)).toEqual([
    "0.123 ms",
    "3.12 ms",
    "12.3 ms",
    "1000 ms",
    "1.20 s",
  ]);
  expect([7, 130, 3723].map(clock)).toEqual(["0:07", "2:10", "1:02:03"]);
  expect([0, 0.004, 0.543, 1].map((share) => percent(share))).toEqual(["0 %", "<1 %", "54 %", "100 %"]);
  expect([0.84, 1.62, 9.96].map(times)).toEqual(["0.8×", "1.6×", "10×"]);
  expect(digits(0)).toBe("0.00");
});

test("text is broken between words", () => {
  expect(wrap("one two three", 8)).toBe("one two\nthree");
  expect(wrap("incomprehensibilities are", 5)).toBe("incomprehensibilities\nare");
});

function sizes(heads: number, pieces: number, total: number): ModelSizes {
  const parameters = { total, nonzero: total, embeddings: pieces * 256 };
  return {
    heads,
    neurons: heads * 256,
    modules: 12,
    pieces,
    parameters,
    bytes: { raw: 4 * total, compressed: 3.7 * total },
  };
}

test("a shrunk model's sizes stand beside the original's, with the metric of both", () => {
  const judged = (accuracy: number): EvaluationResult => ({
    model: "m",
    mask: null,
    task: "sst2",
    examples: 872,
    length: 96,
    cut: 0,
    metric: "accuracy",
    metrics: { accuracy },
    loss: 0.5,
    seconds: 1,
  });
  const result: ShrinkResult = {
    model: "m",
    path: "models/half",
    before: sizes(24, 30_522, 12_750_594),
    after: sizes(18, 13_486, 8_389_378),
    difference: 8.04e-7,
    evaluation: { before: judged(0.766), after: judged(0.765), recut: 309 },
  };
  expect(printShrinking(result)).toBe(
    `
                before    after   left
──────────────────────────────────────
heads               24       18   75 %
neurons          6,144    4,608   75 %
modules             12       12  100 %
word pieces     30,522   13,486   44 %
parameters      12.8 M   8.39 M   66 %
bytes          51.0 MB  33.6 MB   66 %
after gzip -6  47.2 MB  31.0 MB   66 %
accuracy        76.6 %   76.5 %
309 of 872 examples of sst2 are cut into other pieces
largest difference to the original: 8.0e-7; saved in models/half
as one packed file: npx espalier export models/half --to esp`.slice(1),
  );
  expect(printShrinking({ ...result, evaluation: null })).not.toMatch(
    /accuracy|cut into|nothing was left out/,
  );
  expect(printShrinking({ ...result, after: result.before })).toContain(
    "nothing was left out; with --vocabulary",
  );
});

test.each(["runs/demo", "my runs/it's a demo"])(
  "a demo in %s ends with the next command, which parses, and where its report lies",
  (out) => {
    const [told, command = ""] = printDemo(RESULT, out, true).split("\n").slice(-3);
    expect(printDemo(RESULT, out, true).split("\n").at(-1)).toBe(`and see it all: ${out}/report.html`);
    expect(printDemo(RESULT, out, false)).not.toContain("report.html");
    expect(told).toBe("next, label a text of your own:");
    // A shell reads it, with a function in npx's place that prints its words.
    const printed = execFileSync("sh", ["-c", `npx() { printf '%s\\n' "$@"; }\n${command}`], {
      encoding: "utf8",
    });
    const [program, ...words] = printed.trimEnd().split("\n");
    expect(program).toBe("espalier");
    expect(parseArguments(words, "0.0.0")).toMatchObject({
      kind: "run",
      command: { name: "predict" },
      given: { model: out, texts: [expect.stringMatching(/^The .*\.$/)] },
    });
  },
);
