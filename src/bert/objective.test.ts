import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lossesOnEngine, type Numbers } from "../../test/support/losses.ts";
import { topological } from "../graph/emitter.ts";
import { input } from "../graph/value.ts";
import { labelCount } from "../train/feeds.ts";
import { answerKind } from "./answers.ts";
import type { Head } from "./config.ts";
import { crossEntropy } from "./losses.ts";
import type { Objective } from "./objective.ts";

interface Case {
  readonly head: "classification" | "tokens" | "multi-label" | "regression";
  readonly objective: Objective;
  readonly labels: number[];
  readonly x: number[];
  readonly loss: number;
  readonly gradient: number[];
}
const golden: readonly Case[] = JSON.parse(
  readFileSync(new URL("../../test/goldens/objectives.json", import.meta.url), "utf8"),
);
const { real, computed } = lossesOnEngine();
const LABELS = ["a", "b", "c"];

function headOf(kind: Case["head"]): Head {
  return kind === "regression" ? { kind } : { kind, labels: LABELS };
}

/** What the labels count in a step, as the trainer feeds it. */
function countOf({ head, objective, labels, x }: Case): number {
  const classes = head === "classification" || head === "tokens";
  const counted = classes ? labels.filter((label) => label >= 0).length : labels.length;
  const data = classes ? Int32Array.from(labels) : Float32Array.from(labels);
  const none = new Int32Array(0);
  const batch = { size: x.length / 3, length: 0, ids: none, types: none, mask: new Float32Array(0), counted };
  return labelCount({ ...batch, labels: data }, objective);
}

test.each(golden.map((set) => [`${set.head} ${JSON.stringify(set.objective)}`, set] as const))(
  "%s: loss and gradient within 1e-5 of PyTorch",
  async (_, set) => {
    const head = headOf(set.head);
    const kind = answerKind(head);
    const width = set.head === "regression" ? 1 : 3;
    const rows = set.x.length / width;
    const { per, dtype } = kind.labels;
    const z = real("x", [per === "token" ? "B*T" : "B", width]);
    const labels = input(
      "labels",
      dtype,
      per === "token" ? ["B", "T"] : per === "text" ? ["B"] : ["B", width],
    );
    const loss = kind.loss({ logits: z, labels, count: real("count", []), objective: set.objective });
    const shape = per === "token" ? [2, rows / 2] : per === "text" ? [rows] : [rows, width];
    const numbers: Numbers = {
      x: [[rows, width], set.x],
      labels: [shape, set.labels],
      count: [[], [countOf(set)]],
    };
    const found = await computed(loss, numbers, z);
    expect(Math.abs(found.loss - set.loss) / Math.max(1, set.loss)).toBeLessThan(1e-5);
    expect(found.gradient).toHaveLength(set.x.length);
    found.gradient.forEach((g, i) => {
      expect(Math.abs(g - (set.gradient[i] ?? Number.NaN))).toBeLessThan(1e-5);
    });
  },
);

test("without an objective the loss is the task's own, in the same graph", () => {
  const [logits, labels, count] = [real("x", ["B", 3]), input("labels", "int32", ["B"]), real("count", [])];
  const ops = (objective: Objective) =>
    topological([answerKind(headOf("classification")).loss({ logits, labels, count, objective })]).map(
      ({ op }) => op,
    );
  expect(ops({})).toEqual(topological([crossEntropy(logits, labels, count)]).map(({ op }) => op));
  expect(ops({ smoothing: 0 })).toEqual(ops({}));
});
