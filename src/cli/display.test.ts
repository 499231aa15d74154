import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { ConfigError, FormatError, InputError, InterruptedError, RunError } from "../base/errors.ts";
import type { DataEvent, StepEvent } from "../runs/progress.ts";
import { createDisplay, eventLine, stepLine } from "./display.ts";
import { describeFailure } from "./failure.ts";

function step(n: number, total = 100): StepEvent {
  return {
    kind: "step",
    step: n,
    total,
    epoch: n / 50,
    loss: 0.4321,
    rate: 3e-5,
    gradNorm: 1.2,
    examplesPerSecond: 512,
  };
}

/** A screen that remembers, and a clock that is set by hand. */
function stage(isTTY: boolean, columns?: number) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const screen = { isTTY, columns, write: (text: string) => written.push(text) };
  return { written, clock, display: createDisplay(screen, () => clock.ms) };
}

test("a live line is rewritten at most ten times a second and never wraps", () => {
  for (const columns of [20, 40, 60, 80, 120, 200]) {
    const { written, clock, display } = stage(true, columns);
    for (let n = 1; n <= 100; n++) {
      display.report(step(n));
      clock.ms += 10;
    }
    expect(written.length).toBeLessThanOrEqual(12);
    for (const text of written) {
      expect(text.startsWith("\r\u001b[K")).toBe(true);
      expect(text).not.toContain("\n");
      expect(text.length - 4).toBeLessThan(columns);
    }
    expect(written.at(-1)).toContain("100/100");
  }
});

test("in a file there is one plain line in five seconds, without control characters", () => {
  const { written, clock, display } = stage(false);
  for (let n = 1; n <= 100; n++) {
    display.report(step(n));
    clock.ms += 200;
  }
  expect(written).toHaveLength(5);
  expect(written[1]).toBe("  step 26/100  0:15 left  loss 0.4321  512 ex/s  rate 3.0e-5  epoch 0.52\n");
  expect(written.join("")).not.toContain("\r");
  expect(written.join("")).not.toContain("\u001b");
});

test("work that is counted shows what is done and the time that is left", () => {
  const { written, clock, display } = stage(false);
  for (const done of [128, 256, 400]) {
    display.report({ kind: "count", what: "texts", done, total: 400 });
    clock.ms += 6000;
  }
  expect(written).toEqual([
    "  128/400 texts\n",
    "  256/400 texts  0:07 left\n",
    "  400/400 texts  0:00 left\n",
  ]);
});

test("evaluations, phases and notes always stay on the screen", () => {
  const { written, display } = stage(true, 80);
  display.report({ kind: "start", title: "compressing", step: 40 });
  display.report({ kind: "phase", name: "pruning" });
  display.report(step(41));
  display.report({ kind: "evaluation", step: 41, metrics: { accuracy: 0.91234 }, loss: 0.25, kept: true });
  const changes = { pruned: 40, returned: 10, recovered: 25, recoveredByChance: 80 };
  display.report({ kind: "mask", step: 41, masks: 3, size: 2000, kept: 200, ...changes });
  display.report({ kind: "note", text: "slow" });
  display.report({ kind: "done", seconds: 61 });
  expect(written.filter((text) => text.endsWith("\n"))).toEqual([
    "compressing, resuming from step 40\n",
    "· pruning\n",
    "  after step 41: accuracy 0.9123  loss 0.2500  best so far\n",
    "  mask: 10 % of 2,000 weights kept, 5 % of them back since the last look, 13 % pruned once before\n",
    "  note: slow\n",
    "done in 1:01\n",
  ]);
  // The live line is removed before a line that stays is printed.
  expect(written[3]).toBe("\r\u001b[K");
});

test("the time left starts again with every phase", () => {
  const { written, clock, display } = stage(true, 120);
  display.report(step(1));
  clock.ms += 1000;
  display.report(step(2));
  expect(written.at(-1)).toContain("1:38 left");
  display.report({ kind: "phase", name: "second" });
  clock.ms += 1000;
  display.report(step(1, 10));
  expect(written.at(-1)).not.toContain("left");
});

test("a download shows how much is there, and its size when that is known", () => {
  const { written, clock, display } = stage(true, 80);
  display.report({ kind: "download", file: "model.safetensors", received: 12_300_000, total: 44_700_000 });
  clock.ms += 1000;
  display.report({ kind: "download", file: "vocab.txt", received: 1000 });
  expect(written[0]).toContain("fetching model.safetensors  12.3 MB of 44.7 MB");
  expect(written[1]).toContain("fetching vocab.txt  1.00 kB");
});

test("what matters least goes first when the terminal is narrow", () => {
  expect(stepLine(step(50), 60, 33)).toBe("████░░░░  step 50/100  1:00 left");
  expect(stepLine(step(50), 60, 12)).toBe("step 50/100");
  expect(stepLine(step(50), 60, 8)).toBe("step 50");
});

test.each([
  [new InputError("data/label", "m"), 2, "data/label"],
  [new ConfigError("options/value", "m"), 2, "options/value"],
  [new FormatError("safetensors/overlap", "m"), 2, "safetensors/overlap"],
  [new RunError("train/loss", "m"), 1, "train/loss"],
  [new InterruptedError("run/interrupted", "m"), 130, "run/interrupted"],
  [new CommanderError(1, "commander.unknownOption", "error: m"), 2, "cli/unknown-option"],
  [Object.assign(new Error("m"), { name: "AbortError" }), 130, "run/interrupted"],
  [Object.assign(new Error("m"), { code: "ENOENT", syscall: "open" }), 2, "system/ENOENT"],
  [Object.assign(new Error("m"), { code: "ENOSPC", syscall: "write" }), 1, "system/ENOSPC"],
  [new TypeError("m"), 1, "internal"],
  ["m", 1, "internal"],
])("%s ends with exit code %i and code %s", (error, exit, code) => {
  expect(describeFailure(error)).toMatchObject({ exit, code });
});

test("what a run trains on is one line: the largest classes first, and what is cut", () => {
  const data: DataEvent = {
    kind: "data",
    train: 1200,
    dev: 130,
    shares: { ham: 0.25, spam: 0.748, other: 0.002 },
    range: null,
    cut: 0.031,
    maxLength: 128,
  };
  expect(eventLine(data)).toBe(
    "  1,200 examples to train, 130 to judge: spam 75 %, ham 25 %, other <1 %; 3 % cut at 128 tokens",
  );
  expect(eventLine({ ...data, shares: {}, range: [0.5, 5], cut: 0 })).toBe(
    "  1,200 examples to train, 130 to judge: values from 0.5 to 5; none longer than 128 tokens",
  );
  expect(eventLine({ ...data, shares: { bad: 0.485, good: 0.515 } })).toContain(": good 52 %, bad 48 %;");
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`c${i}`, 0.1]));
  expect(eventLine({ ...data, shares: many })).toContain("c7 10 %, … (10 classes); 3 % cut");
});
