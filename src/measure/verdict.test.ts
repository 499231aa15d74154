import { expect, test } from "vitest";
import type { FloorFigures, Metric, ModelFigures, PackedFigures, PairedComparison } from "./result.ts";
import { type Comparison, gainOf, judge, trainingVerdict, UNEVEN } from "./verdict.ts";

const METRIC: Metric = { name: "accuracy", better: "higher", before: 0.91, after: 0.905, examples: 872 };

/** A halved model on SST-2, or a change of it. */
function paired(change: Partial<PairedComparison>): PairedComparison {
  return {
    difference: -22 / 872,
    interval: { low: -0.0463, high: -0.005 },
    margin: 0.01,
    examples: 872,
    lost: 52,
    gained: 30,
    p: 0.0198,
    resamples: null,
    ...change,
  };
}

interface Change {
  readonly bytes?: number;
  readonly packed?: number;
  readonly nonzero?: number;
  readonly macs?: number;
  readonly total?: number;
  /** Medians at batch 1 and 32 of the product, in ms; the original's are 10 and 100. */
  readonly p50?: readonly [number, number];
  readonly metric?: Partial<Metric>;
  readonly paired?: PairedComparison;
  /** Medians of the packed file in the sparse runtime; empty where it was not timed. */
  readonly file?: readonly number[];
}

function figures(stage: "original" | "compressed", change: Change): ModelFigures {
  const [one, many] = change.p50 ?? [10, 100];
  const { total = 1_000_000 } = change;
  return {
    stage,
    metrics: {},
    parameters: { total, nonzero: total * (change.nonzero ?? 1), embeddings: 200_000 },
    bytes: { raw: 4_000_000 * (change.bytes ?? 1), compressed: 3_600_000 * (change.packed ?? 1) },
    multiplyAccumulates: 50_000_000 * (change.macs ?? 1),
    latency: [
      { batchSize: 1, length: 128, p50: one, p95: one * 1.3, repetitions: 30 },
      { batchSize: 32, length: 128, p50: many, p95: many * 1.3, repetitions: 30 },
    ],
  };
}

function packedFile(medians: readonly number[]): PackedFigures {
  return {
    bytes: { raw: 400_000, compressed: 400_000 },
    latency: medians.map((p50, i) => ({
      batchSize: [1, 32][i] ?? 0,
      length: 128,
      p50,
      p95: p50 * 1.3,
      repetitions: 30,
    })),
  };
}

function compare(change: Change): Comparison {
  return {
    before: figures("original", {}),
    after: figures("compressed", change),
    metric: { ...METRIC, ...change.metric },
    ...(change.paired ? { paired: change.paired } : {}),
    ...(change.file ? { packed: packedFile(change.file) } : {}),
  };
}

interface Case {
  readonly name: string;
  readonly change: Change;
  readonly smaller: boolean;
  readonly faster: boolean;
  readonly says: readonly string[];
  readonly never?: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "a mask of 90 % zeros is neither smaller nor faster",
    change: { nonzero: 0.1, packed: 0.2 },
    smaller: false,
    faster: false,
    says: [
      "Not smaller: 90 % of the parameters are zero",
      "compressed download shrinks, to 20 %",
      "a mask is not a speed-up",
    ],
    never: ["Faster"],
  },
  {
    name: "a mask stays no speed-up when one batch size looks faster by luck of 9 %",
    change: { nonzero: 0.1, p50: [9.2, 100] },
    smaller: false,
    faster: false,
    says: ["Not faster: the same within 10 % at batch 1", "a mask is not a speed-up"],
  },
  {
    name: "a mask whose packed file is faster everywhere is faster as that file, and still no speed-up as a mask",
    change: { nonzero: 0.1, file: [4, 40] },
    smaller: false,
    faster: true,
    says: [
      "a mask is not a speed-up",
      "Packed (model.esp): 10 % of the bytes; in the sparse runtime, which skips zeros, faster: 2.5× at batch 1, 2.5× at batch 32.",
    ],
  },
  {
    name: "a packed file that is faster at one batch size alone is not called faster",
    change: { nonzero: 0.1, file: [4, 99] },
    smaller: false,
    faster: false,
    says: ["in the sparse runtime, which skips zeros, not faster everywhere: 2.5× at batch 1"],
  },
  {
    name: "a packed file that was not timed claims no speed",
    change: { file: [] },
    smaller: false,
    faster: false,
    says: ["Packed (model.esp): 10 % of the bytes."],
    never: ["sparse runtime"],
  },
  {
    name: "the same graph timed as faster is noise, not speed",
    change: { nonzero: 0.1, p50: [6, 40] },
    smaller: false,
    faster: false,
    says: [
      "Not faster: a mask is not a speed-up: the matrices keep their shapes, and the zeros are multiplied like other numbers; that it was timed as 1.7× at batch 1, 2.5× at batch 32, is noise of this machine.",
    ],
    never: ["Faster", "everywhere"],
  },
  {
    name: "half the layers are smaller and faster",
    change: { bytes: 0.6, macs: 0.5, p50: [5, 50] },
    smaller: true,
    faster: true,
    says: ["Smaller: 60 % of the bytes are left.", "Faster: 2.0× at batch 1, 2.0× at batch 32."],
    never: ["stored zeros", "mask"],
  },
  {
    name: "smaller shapes that still hold zeros say so",
    change: { bytes: 0.6, macs: 0.5, nonzero: 0.4, p50: [5, 50] },
    smaller: true,
    faster: true,
    says: ["60 % of what is left are stored zeros"],
  },
  {
    name: "faster at one batch size only is not called faster",
    change: { bytes: 0.6, macs: 0.5, p50: [9.9, 50] },
    smaller: true,
    faster: false,
    says: ["Not faster everywhere: the same within 10 % at batch 1, 2.0× at batch 32."],
  },
  {
    name: "little work removed is given as the reason",
    change: { bytes: 0.9, macs: 0.85, p50: [9.5, 95] },
    smaller: true,
    faster: false,
    says: ["Not faster", "only 15 % of the multiplications are gone"],
  },
  {
    name: "much work removed without effect blames the size",
    change: { bytes: 0.5, macs: 0.4, p50: [9.8, 98] },
    smaller: true,
    faster: false,
    says: ["60 % of the multiplications are gone, but they are not what takes the time"],
  },
  {
    name: "slower is called slower",
    change: { p50: [13, 130] },
    smaller: false,
    faster: false,
    says: ["Not smaller: every matrix has the size it had.", "Slower: 0.8× at batch 1"],
  },
  {
    name: "a grown file is called grown",
    change: { bytes: 1.2, packed: 1.2 },
    smaller: false,
    faster: false,
    says: ["Not smaller: the file grew to 120 %"],
  },
  {
    name: "half a percent of the bytes is below the threshold",
    change: { bytes: 0.995 },
    smaller: false,
    faster: false,
    says: ["Not smaller"],
  },
  {
    name: "a few heads that are gone are told, though they count as nothing",
    change: { bytes: 0.9923, macs: 0.991, total: 992_300 },
    smaller: false,
    faster: false,
    says: [
      "Not smaller: only 30,800 of 4,000,000 bytes are gone.",
      "Not faster: the same within 10 % at batch 1, the same within 10 % at batch 32; less than 1 % of the multiplications is gone.",
    ],
    never: ["has the size", "keep their shapes"],
  },
  {
    name: "a file that grew by less than counts says by how much",
    change: { bytes: 1.005, macs: 1.004, total: 1_005_000 },
    smaller: false,
    faster: false,
    says: ["Not smaller: the file grew by 20,000 bytes.", "there are more multiplications than before"],
    never: ["has the size", "keep their shapes"],
  },
  {
    name: "52 sentences wrong and 30 right of 872 is worse, not noise",
    change: { metric: { before: 0.874, after: 0.849 }, paired: paired({}) },
    smaller: false,
    faster: false,
    says: [
      "Accuracy 2.5 points lower (95 % interval −4.6 to −0.5): 87.4 % before, 84.9 % after, on 872 examples; 52 became wrong and 30 right (McNemar p = 0.02).",
    ],
    never: ["same to within", "noise", "told apart"],
  },
  {
    name: "an interval with 0 in it that leaves the margin says nothing",
    change: { paired: paired({ difference: -0.005, interval: { low: -0.016, high: 0.006 }, p: 0.43 }) },
    smaller: false,
    faster: false,
    says: ["Accuracy cannot be told apart (95 % interval −1.6 to +0.6 points): 91.0 % before"],
    never: ["the same to", "lower"],
  },
  {
    name: "the same is said only of an interval within the margin",
    change: { paired: paired({ difference: 0.0001, interval: { low: -0.009, high: 0.0092 }, p: 0.9 }) },
    smaller: false,
    faster: false,
    says: ["Accuracy the same to within ±1 point (95 % interval −0.9 to +0.9 points): 91.0 % before"],
  },
  {
    name: "a difference that is sure and small is both",
    change: { paired: paired({ difference: -0.0004, interval: { low: -0.0006, high: -0.0002 }, p: 1e-5 }) },
    smaller: false,
    faster: false,
    says: [
      "Accuracy 0.04 points lower (95 % interval −0.1 to −0.02), the same to within ±1 point: ",
      "McNemar p < 0.001",
    ],
  },
  {
    name: "an interval beside 0 is not enough where the exact test has doubts",
    change: { paired: paired({ examples: 40, interval: { low: 0.01, high: 0.4 }, p: 0.065 }) },
    smaller: false,
    faster: false,
    says: ["cannot be told apart by McNemar's exact test (95 % interval +1.0 to +40.0 points)"],
    never: ["higher"],
  },
  {
    name: "a correlation is compared on its own scale, without McNemar's p",
    change: {
      metric: { name: "matthews", before: 0.5, after: 0.55, examples: 1043 },
      paired: paired({ difference: 0.05, interval: { low: 0.0104, high: 0.09 }, p: null, resamples: 2000 }),
    },
    smaller: false,
    faster: false,
    says: [
      "Matthews' correlation 0.050 higher (95 % interval +0.010 to +0.090): 0.500 before, 0.550 after, on 1,043 examples; 52",
    ],
    never: ["McNemar", "point"],
  },
  {
    name: "a loss is compared without a claim about noise",
    change: { metric: { name: "loss", better: "lower", before: 5, after: 4 } },
    smaller: false,
    faster: false,
    says: ["Loss: 5.000 before, 4.000 after"],
    never: ["same to within", "higher", "lower"],
  },
];

test.each(CASES)("$name", ({ change, smaller, faster, says, never = [] }) => {
  const verdict = judge(compare(change));
  expect({ smaller: verdict.smaller, faster: verdict.faster }).toEqual({ smaller, faster });
  for (const words of says) expect(verdict.text).toContain(words);
  for (const words of never) expect(verdict.text).not.toContain(words);
});

test("without a common measurement nothing is said about speed", () => {
  const comparison = compare({ bytes: 0.5 });
  const verdict = judge({ ...comparison, after: { ...comparison.after, latency: [] } });
  expect(verdict.faster).toBe(false);
  expect(verdict.text).toContain("Speed was not measured.");
});

test("plain training claims neither", () => {
  const verdict = trainingVerdict({ ...METRIC, before: null });
  expect(verdict).toEqual({
    smaller: false,
    faster: false,
    text: "Trained, not compressed. Accuracy: 90.5 % on 872 examples.",
  });
});

const FLOORS: readonly { readonly beside: PairedComparison; readonly says: string }[] = [
  {
    beside: paired({ difference: 0.091, interval: { low: 0.066, high: 0.117 }, p: 1e-9 }),
    says: "Above the floor: 9.1 points higher (95 % interval +6.6 to +11.7), beside 81.4 % of TF-IDF with a linear model in 1.63 MB.",
  },
  {
    beside: paired({ difference: 0.009, interval: { low: -0.004, high: 0.022 }, p: 0.2 }),
    says: "Cannot be told from the floor: 0.9 points higher on 872 examples, too few to say (95 % interval −0.4 to +2.2), beside 81.4 % of TF-IDF with a linear model in 1.63 MB.",
  },
  {
    beside: paired({ difference: 0.06, interval: { low: -0.07, high: 0.19 }, examples: 50, p: 0.45 }),
    says: "Cannot be told from the floor: 6.0 points higher on 50 examples, too few to say",
  },
  {
    beside: paired({ difference: 0.001, interval: { low: -0.02, high: 0.0099 }, p: 0.8 }),
    says: "Not above the floor: cannot be told apart (95 % interval −2.0 to +1.0 points), beside 81.4 % of TF-IDF with a linear model in 1.63 MB, which would do.",
  },
  { beside: paired({}), says: "Not above the floor: 2.5 points lower (95 % interval −4.6 to −0.5), beside" },
];

test.each(FLOORS)("a floor is beaten only by more than chance: $says", ({ beside, says }) => {
  const floor: FloorFigures = {
    kind: "tf-idf",
    metrics: { accuracy: 0.8142 },
    parameters: 149_043,
    bytes: { raw: 1_632_373, compressed: 618_617 },
    paired: beside,
  };
  expect(judge({ ...compare({}), floors: [floor] }).text).toContain(says);
  expect(trainingVerdict(METRIC, [floor]).text).toContain(says);
});

test("of an error a floor would do where the product is at most the margin below it", () => {
  const metric: Metric = { name: "rmse", better: "lower", before: null, after: 0.6, examples: 50 };
  const verdictFor = (low: number, high: number): string => {
    const floor: FloorFigures = {
      kind: "tf-idf",
      metrics: { rmse: 0.61 },
      parameters: 100,
      bytes: { raw: 1000, compressed: 1000 },
      paired: paired({ difference: -0.01, interval: { low, high }, p: null }),
    };
    return trainingVerdict(metric, [floor]).text;
  };
  expect(verdictFor(-0.2, 0.1)).toContain("Cannot be told from the floor: 0.010 lower on 872 examples");
  expect(verdictFor(-0.009, 0.1)).toMatch(/Not above the floor: cannot be told apart .*, which would do\./);
});

test("what a clock says of no less work counts as no gain", () => {
  const [before, same, half] = [{}, {}, { macs: 0.5 }].map((change) => figures("compressed", change));
  if (!before || !same || !half) throw new Error("three models were made");
  expect([gainOf(before, same, 1.19), gainOf(before, same, 0.7), gainOf(before, half, 1.19)]).toEqual([
    1, 0.7, 1.19,
  ]);
});

test("timings whose 95th percentile is far above the median are called uneven", () => {
  const quiet = compare({});
  const latency = quiet.after.latency.map((each) => ({ ...each, p95: each.p50 * (UNEVEN + 0.1) }));
  expect(judge(quiet).text).not.toContain("uneven");
  expect(judge({ ...quiet, after: { ...quiet.after, latency } }).text).toContain(
    "uneven (95th percentile up to 1.7×",
  );
});

test("a mask file is told with its bytes and its share of the model's, and where there is none nothing is", () => {
  const masked = { ...compare({ nonzero: 0.1 }), maskBytes: 123_456 };
  expect(judge(masked).text).toContain(
    "As a mask of the pre-trained model: 123,456 bytes, 3.1 % of the file.",
  );
  expect(judge(compare({ nonzero: 0.1 })).text).not.toContain("mask of");
});
