import { expect, test } from "vitest";
import type { Objective } from "../bert/objective.ts";
import { type WatchFacts, watchConstancy } from "./constancy.ts";

const LABELS = [0, 1, 1, 0, 1, 0, 1, 0];
const FACTS: WatchFacts = {
  truth: { labels: LABELS },
  task: "classification",
  steps: 180,
  learningRate: 5e-5,
  epochs: 3,
  removes: false,
};

/** Logits of which every row says class 1, and differ by `spread` from row to row. */
function constant(spread: number): Float32Array {
  return Float32Array.from({ length: 16 }, (_, i) => (i % 2) + spread * Math.sin(i));
}

const VARIED = Float32Array.from({ length: 16 }, (_, i) => Math.cos(i));

function heard(losses: readonly number[], facts = FACTS, varied = false) {
  const watch = watchConstancy(facts, varied);
  for (const loss of losses) watch.hear(loss);
  return watch;
}

const still = Array.from({ length: 20 }, (_, i) => 0.69 + 0.03 * Math.sin(i));

test("flat: a loss that stays at guessing is told at the first evaluation and asks for a higher rate", () => {
  const watch = heard(still);
  const note = watch.look(constant(0.05), 20);
  expect(note).toContain("after step 20 of 180 the model says the same of all 8 examples");
  expect(note).toContain("learnt nothing yet (loss 0.684, of guessing 0.693)");
  expect(note).toContain("a higher learning rate than 5e-5, or more epochs than 3");
  expect(watch.look(constant(0.05), 40)).toBeUndefined();
  expect(watch.look(constant(0.05), 60)).toBeUndefined();
  expect(watch.end).toThrow(
    expect.objectContaining({
      code: "train/constant",
      message: expect.stringContaining("a higher learning rate than 5e-5"),
    }),
  );
});

test("a loss with a teacher's part is held to itself, and one that falls is behind, not collapsed", () => {
  const falling = Array.from({ length: 40 }, (_, i) => 30 - 0.4 * i);
  const watch = heard(falling, { ...FACTS, ownLoss: true, removes: true });
  watch.look(constant(0), 100);
  watch.look(constant(0), 180);
  expect(watch.end).toThrow(
    /does learn \(loss 16\.\d+, at first 28\.\d+\), and the product that is judged is behind it/,
  );
});

test("a loss with a part of the method's own is no sign of collapse, and ends no run early", () => {
  const flat = Array.from({ length: 20 }, () => 0.35);
  const own = { ...FACTS, ownLoss: true };
  expect(heard(flat, own).look(constant(0.05), 20)).toContain(
    "learnt nothing yet (loss 0.350, at first 0.350)",
  );
  const falling = heard([...flat, ...flat.map((loss) => loss / 2)], own);
  expect(falling.look(VARIED, 20)).toBeUndefined();
  expect(falling.look(constant(0.05), 40)).toContain("does not say why (loss 0.175, at first 0.350)");
  expect(falling.look(constant(0.05), 50)).toBeUndefined();
  expect(falling.end).toThrow("another learning rate than 5e-5, or more epochs than 3");
  // Answers that do not depend on the text say so without any loss.
  expect(() => falling.look(constant(0), 60)).toThrow("It has collapsed");
});

const losses: readonly (readonly [string, Objective, WatchFacts["task"], number])[] = [
  ["focal", { mix: [{ loss: "focal", share: 1 }], gamma: 2 }, "classification", 0.173],
  ["weighed", { weights: [3, 1], smoothing: 0.1 }, "classification", 0.562],
  ["absolute", { mix: [{ loss: "absolute", share: 1 }] }, "regression", 0.5],
  ["huber", { mix: [{ loss: "huber", share: 1 }] }, "regression", 0.125],
];
test.each(losses)(
  "flat under the %s loss is told by what guessing has there",
  (_, objective, task, guess) => {
    const watch = heard(
      Array.from({ length: 20 }, () => guess),
      { ...FACTS, objective, task },
    );
    const said =
      task === "regression" ? LABELS.map((_label, i) => 0.5 + 0.003 * Math.sin(i)) : constant(0.05);
    expect(watch.look(VARIED, 20)).toBeUndefined();
    const note = watch.look(Float32Array.from(said), 40);
    expect(note).toContain(`learnt nothing yet (loss ${guess.toFixed(3)}, of guessing`);
    expect(note).toContain("a higher learning rate than 5e-5");
    expect(watch.look(Float32Array.from(said), 50)).toBeUndefined();
  },
);

test("a compression that collapses is advised to remove less", () => {
  const watch = heard([...still, ...still.map((loss) => loss + 2)], { ...FACTS, removes: true }, true);
  watch.look(VARIED, 20);
  watch.look(constant(0), 120);
  expect(() => watch.look(constant(0), 140)).toThrow(
    "try to remove less (--sparsity, --set), a lower learning rate than 5e-5",
  );
});

test("few steps are named first where nothing was learnt, and among the rest where all may have collapsed", () => {
  const few = { ...FACTS, steps: 14, epochs: 1 };
  expect(() => {
    const watch = heard(still, few);
    watch.look(constant(0.05), 14);
    watch.end();
  }).toThrow(
    ": try more epochs than 1 (14 steps are few), or a higher learning rate than 5e-5; --allow-constant",
  );
  expect(heard(still, few).look(constant(1e-5), 7)).toContain(
    "try a lower learning rate than 5e-5, a longer warm-up, or more epochs than 1 (14 steps are few)",
  );
  // Answers that varied and do so no more are no matter of time.
  expect(heard(still, few, true).look(constant(1e-5), 7)).not.toContain("few");
});

const rows: readonly (readonly [string, readonly number[], number])[] = [
  ["rose", [...Array.from({ length: 10 }, () => 1.4), ...still], 0.05],
  ["fell and came back", [...Array.from({ length: 10 }, () => 0.45), ...still], 0.05],
  ["stayed, with logits that do not depend on the text", still, 1e-5],
];
test.each(rows)("collapsed: a loss that %s asks for a lower rate", (_, losses, spread) => {
  const watch = heard(losses);
  expect(watch.look(constant(spread), 30)).toContain("a lower learning rate than 5e-5");
  expect(watch.end).toThrow("It has collapsed");
});

test("behind: a loss that falls while the product says the same of everything asks for more epochs", () => {
  const falling = Array.from({ length: 30 }, (_, i) => 0.69 - 0.01 * i);
  const note = heard(falling).look(constant(1e-5), 30);
  expect(note).toContain("What is trained does learn (loss 0.445, of guessing 0.693)");
  expect(note).toContain("if it stays so, try more epochs than 3");
  // So does one that was low from the first step on, as of a model that was fine-tuned before.
  const low = heard(Array.from({ length: 30 }, () => 0.3)).look(constant(1e-5), 30);
  expect(low).toContain("What is trained does learn (loss 0.300, of guessing 0.693)");
});

const learnt = [...still, ...Array.from({ length: 10 }, () => 0.45)];

test("once something was learnt, the same of all twice running is a collapse and ends the run", () => {
  const watch = heard(learnt);
  expect(watch.look(VARIED, 20)).toBeUndefined();
  expect(watch.look(constant(0.05), 40)).toContain("It has collapsed");
  expect(() => watch.look(constant(0.05), 50)).toThrow("a lower learning rate");
});

test("answers that varied by chance while nothing was learnt are no collapse, and the run goes on", () => {
  const watch = heard(still);
  expect(watch.look(VARIED, 20)).toBeUndefined();
  expect(watch.look(constant(0.05), 40)).toContain("learnt nothing yet");
  expect(watch.look(constant(0.05), 50)).toBeUndefined();
  expect(watch.end).toThrow("a higher learning rate than 5e-5, or more epochs than 3");
  expect(watch.look(VARIED, 60)).toBeUndefined();
  expect(watch.end).not.toThrow();
});

test("once is no error: not at the end either, and a part of the run before counts", () => {
  const watch = heard(still, FACTS, true);
  expect(watch.look(constant(0.05), FACTS.steps)).toBeUndefined();
  expect(watch.end).not.toThrow();
});

test("a skewed set is guessed at with less than ln C, so that knowing the shares alone is still flat", () => {
  const labels = [1, 1, 1, 1, 1, 1, 1, 0];
  const shares = Array.from({ length: 20 }, () => 0.377);
  const watch = heard(shares, { ...FACTS, truth: { labels } });
  expect(watch.look(constant(0.05), 20)).toContain("learnt nothing yet (loss 0.377, of guessing 0.377)");
});

test("values of a regression that hardly differ, beside how the labels do, are one answer", () => {
  const labels = [1, 2, 3, 4, 5, 1, 2, 3];
  const far = Array.from({ length: 20 }, (_, i) => 9 - 0.2 * i);
  const facts: WatchFacts = { ...FACTS, truth: { labels }, task: "regression" };
  const said = (spread: number) => Float32Array.from(labels, (_, i) => 0.68 + spread * Math.sin(i));
  expect(heard(far, facts).look(said(0.007), 20)).toContain("a higher learning rate than 5e-5");
  expect(heard(far, facts).look(said(0.5), 20)).toBeUndefined();
});

test("one value for all texts is a collapsed regression, and a few values are none", () => {
  const watch = heard([0.25, 0.26, 0.24], { ...FACTS, task: "regression" });
  expect(
    watch.look(
      Float32Array.from(LABELS, () => 0.5),
      20,
    ),
  ).toContain("It has collapsed");
  expect(
    watch.look(
      Float32Array.from(LABELS, (_, i) => 0.5 + i / 10),
      40,
    ),
  ).toBeUndefined();
});

test("one example cannot be answered otherwise than itself", () => {
  const watch = heard(still, { ...FACTS, truth: { labels: [1] } });
  expect(watch.look(Float32Array.of(0, 1), 60)).toBeUndefined();
  expect(watch.end).not.toThrow();
});

/** Of 100 examples one is 1, as of a rare class. */
const RARE = [1, ...Array.from({ length: 99 }, () => 0)];

/** Logits that say class 0 of all 100, and are surer of those that are. */
function ofRare(first: number, rest: number): Float32Array {
  return Float32Array.from({ length: 200 }, (_, i) => (i % 2 ? -1 : 1) * (i < 2 ? first : rest + 0.01 * i));
}

test("examples that are all labelled alike hold nothing against a model that says the same of all", () => {
  const watch = heard(still, { ...FACTS, truth: { labels: LABELS.map(() => 1) } });
  for (const step of [60, 120, 180]) expect(watch.look(constant(1e-5), step)).toBeUndefined();
  expect(watch.end).not.toThrow();
});

test("a model that says the commonest class of all at a loss well below guessing is kept, with a note", () => {
  const facts: WatchFacts = { ...FACTS, truth: { labels: RARE }, removes: true };
  const watch = heard(still, facts);
  // 0.2 for the rare one and next to nothing for the others, where guessing costs 0.056.
  const note = watch.look(ofRare(0.1, 3), 60);
  expect(note).toContain("after step 60 of 180 the model says the same of all 100 examples");
  expect(note).toContain("which is right for 99; its loss is well below that of guessing, so it does read");
  expect(note).toContain("--class-weights balanced");
  for (const step of [120, 180]) expect(watch.look(ofRare(0.1, 3), step)).toBeUndefined();
  expect(watch.end).not.toThrow();
});

test("so is one whose training loss is well below guessing, where nothing was taken from it", () => {
  const facts: WatchFacts = { ...FACTS, truth: { labels: RARE } };
  const falling = Array.from({ length: 60 }, (_, i) => Math.max(0.02, 0.7 - 0.02 * i));
  const unsure = ofRare(3, 3);
  const watch = heard(falling, facts);
  expect(watch.look(unsure, 60)).toContain("which is right for 99");
  expect(watch.look(unsure, 180)).toBeUndefined();
  expect(watch.end).not.toThrow();
  // What a method has changed may be behind what learns; and half of the labels is not nearly all.
  for (const [other, logits] of [
    [{ ...facts, removes: true }, unsure],
    [FACTS, constant(0.05)],
  ] as const) {
    const behind = heard(falling, other);
    expect(behind.look(logits, 180)).toBeUndefined();
    expect(behind.end).toThrow("the product that is judged is behind it");
  }
});

test("what is heard is held to the labels that train, of which others may judge", () => {
  const facts: WatchFacts = { ...FACTS, truth: { labels: RARE }, learnt: { labels: LABELS } };
  expect(heard(still, facts).look(ofRare(3, 3), 60)).toContain("(loss 0.684, of guessing 0.693)");
});

test("a refusal says how such a model is kept, and what helps rare classes unless they are weighed", () => {
  const end = (facts: WatchFacts, logits: Float32Array) => {
    const watch = heard(still, facts);
    watch.look(logits, facts.steps);
    return watch.end;
  };
  const rare: WatchFacts = { ...FACTS, truth: { labels: RARE } };
  const balanced = "--class-weights balanced makes rare classes count as much as the commonest";
  expect(end(rare, ofRare(3, 3))).toThrow(`; ${balanced}; --allow-constant keeps such a model.`);
  for (const [facts, logits] of [
    [FACTS, constant(0.05)],
    [{ ...rare, objective: { weights: [1, 9] } }, ofRare(3, 3)],
  ] as const)
    expect(end(facts, logits)).toThrow(/[^;] or more epochs than 3; --allow-constant keeps such a model\.$/);
});
