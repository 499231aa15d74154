import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { type Contender, measureLatency, type TimedModel, timeContenders, timeModels } from "./latency.ts";

test("every network has every case, with the repetitions asked for and p50 at most p95", async () => {
  const plan = { batchSizes: [1, 3], lengths: [4, 8], repetitions: 5, threads: 1 };
  const latencies = await measureLatency([tinyModel(), tinyModel()], plan);
  expect(latencies.length).toBe(2);
  for (const each of latencies) {
    expect(each.map(({ batchSize, length }) => [batchSize, length])).toEqual([
      [1, 4],
      [1, 8],
      [3, 4],
      [3, 8],
    ]);
    expect(each.every(({ p50, p95, repetitions }) => p50 > 0 && p50 <= p95 && repetitions === 5)).toBe(true);
  }
});

test("models take turns: neither is timed to the end before the other", async () => {
  const order: string[] = [];
  const model = (name: string): TimedModel => ({
    vocabSize: 9,
    inference: {
      logits: async ({ size, length, mask }) => {
        expect([size, length, mask.every((x) => x === 1)]).toEqual([2, 6, true]);
        order.push(name);
        return new Float32Array(1);
      },
    },
  });
  const plan = { batchSizes: [2], lengths: [6], repetitions: 7, threads: 1 };
  await timeModels([model("a"), model("b")], plan);
  // Three passes to warm up; then turns of one that does not count and at most three that do.
  expect(order.join("")).toBe("aaabbb" + "aaaabbbb" + "aaaabbbb" + "aabb");
});

test("passes that take long are fewer than asked for, but six at least", async () => {
  const contender = (milliseconds: number): Contender => ({
    turn: async (_, { timed }) => new Array<number>(timed).fill(milliseconds),
  });
  const plan = { batchSizes: [1], lengths: [4], repetitions: 30 };
  const repetitions = async (ms: number, seconds: number) =>
    (await timeContenders([contender(1), contender(ms)], { ...plan, seconds })).map(
      ([at]) => at?.repetitions,
    );
  expect(await repetitions(100, 1)).toEqual([10, 10]);
  expect(await repetitions(900, 1)).toEqual([6, 6]);
  expect(await repetitions(10, 1)).toEqual([30, 30]);
});

test("a stop is heard between turns", async () => {
  const plan = { batchSizes: [1], lengths: [4], repetitions: 3, threads: 1, signal: AbortSignal.abort() };
  await expect(measureLatency([tinyModel()], plan)).rejects.toThrow(
    expect.objectContaining({ name: "AbortError" }),
  );
});

test("a length beyond the positions is refused (inference/length)", async () => {
  const plan = { batchSizes: [1], lengths: [25], repetitions: 3, threads: 1 };
  await expect(measureLatency([tinyModel()], plan)).rejects.toThrow(
    expect.objectContaining({ code: "inference/length" }),
  );
});
