import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keyOf, randint } from "../base/random.ts";
import { readResult } from "../measure/result.ts";
import { readFolder } from "../network/folder.ts";
import type { PretrainOptions } from "../options/training.ts";
import { readMetrics, runPaths } from "../runs/folder.ts";
import type { RunContext } from "../runs/progress.ts";
import { pretrain } from "./pretrain.ts";

const folder = await mkdtemp(join(tmpdir(), "espalier-pretrain-"));
const corpus = join(folder, "text.txt");
afterAll(() => rm(folder, { recursive: true }));

/** Sentences in which every word but the first follows from it. */
const SENTENCES = [
  "rivers carry water down to the sea",
  "kings wore crowns of heavy gold",
  "birds build nests in tall old trees",
  "bakers knead dough before the sun is up",
];

beforeAll(async () => {
  const line = (i: number): string => SENTENCES[randint(keyOf(1), SENTENCES.length, i)] ?? "";
  const articles = Array.from({ length: 40 }, (_, a) =>
    Array.from({ length: 30 }, (_, i) => line(30 * a + i)).join("\n"),
  );
  await writeFile(corpus, `${articles.join("\n\n")}\n`);
});

function options(out: string, given: Partial<PretrainOptions> = {}): PretrainOptions {
  const small = { vocabSize: 120, hidden: 32, heads: 2, ffn: 64, layers: 1, maxLength: 32, shortLength: 16 };
  const run = { steps: 120, batchTokens: 256, learningRate: 5e-3, evalEvery: 60, threads: 1 };
  return { corpus, out: join(folder, out), ...small, ...run, ...given };
}

test("words that follow each other are learnt: held-out loss below 2.2, frequencies alone give 3.2", async () => {
  const { out, ...rest } = options("learns", { steps: 300, shortLength: 32 });
  const result = await pretrain({ out, ...rest });
  expect(result.metric).toMatchObject({ name: "loss", better: "lower", before: null });
  expect(result.metric.after).toBeLessThan(2.2);
  expect(await readResult(runPaths(out).result)).toEqual(result);
  const { config, head, vocabulary } = await readFolder(runPaths(out).model);
  expect(head.kind).toBe("mlm");
  expect(vocabulary.vocab).toContain("rivers");
  expect(config).toMatchObject({ hiddenSize: 32, maxPositions: 32, hiddenDropout: 0.1 });
  const events = await readMetrics(runPaths(out).metrics);
  expect(events.filter(({ kind }) => kind === "step")).toHaveLength(300);
  expect(events.filter(({ kind }) => kind === "evaluation")).toHaveLength(5);
});

test("a run that was stopped and resumed leaves the bytes of one that never was", async () => {
  const whole = options("whole", { steps: 30, evalEvery: 20 });
  await pretrain(whole);
  const parts = options("parts", { steps: 30, evalEvery: 20 });
  const stop = new AbortController();
  const context: RunContext = {
    signal: stop.signal,
    report: (event) => event.kind === "step" && event.step === 7 && stop.abort(),
  };
  await expect(pretrain(parts, context)).rejects.toMatchObject({ code: "run/interrupted" });
  const told: unknown[] = [];
  await pretrain(parts, { resume: true, report: (event) => event.kind === "start" && told.push(event.step) });
  expect(told).toEqual([7]);
  const bytes = (out: string): Promise<Buffer> => readFile(join(runPaths(out).model, "model.safetensors"));
  expect((await bytes(parts.out)).equals(await bytes(whole.out))).toBe(true);
});

test("float16 storage halves the tensor file, within 3 % for its header", async () => {
  const short = { steps: 2, evalEvery: 2, ppmi: false } as const;
  const full = await pretrain(options("full", short));
  const half = await pretrain(options("half", { ...short, storage: "float16" }));
  const ratio = (half.models[0]?.bytes.raw ?? 0) / (full.models[0]?.bytes.raw ?? 0);
  expect(ratio).toBeGreaterThan(0.5);
  expect(ratio).toBeLessThan(0.53);
});

test("a text with too few blocks for a batch is refused before anything is trained", async () => {
  const tiny = options("tiny", { batchTokens: 100_000 });
  await expect(pretrain(tiny)).rejects.toMatchObject({ code: "mlm/batch" });
  expect(existsSync(runPaths(tiny.out).result)).toBe(false);
});
