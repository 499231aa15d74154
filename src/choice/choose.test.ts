import { expect, test } from "vitest";
import { choiceText, choose, type Recommendation } from "./choose.ts";

function row(label: string, size: number, faster: number, drop: number): Recommendation {
  return { label, method: "magnitude", set: {}, longer: 1, drop, tasks: ["sst2"], runs: 1, size, faster };
}

const ROWS = [
  row("tiny", 0.1, 6, 4),
  row("small", 0.2, 4, 1.5),
  row("half", 0.6, 2, 0.5),
  row("slow", 0.2, 1, 0.2),
];
const taken = (aims: Parameters<typeof choose>[0]): string => choose(aims, ROWS).label;

test("with a size or a speed to reach, what loses least there is taken", () => {
  expect(taken({ targetSize: 0.3 })).toBe("slow");
  expect(taken({ targetSize: 0.3, targetSpeed: 2 })).toBe("small");
  expect(taken({ targetSpeed: 5 })).toBe("tiny");
});

test("of rows within half a point the smaller one is taken, and of two as small the shorter", () => {
  const close = [row("a", 0.3, 1, 0.1), row("b", 0.2, 1, 0.5), row("c", 0.1, 1, 0.7)];
  expect(choose({ targetSize: 0.5 }, close).label).toBe("b");
  const [a, b] = [row("long", 0.2, 1, 0.1), row("short", 0.2, 1, 0.2)];
  expect(choose({}, [{ ...a, longer: 2 }, b]).label).toBe("short");
});

test("a row of the preferred kind comes before others, where one fits", () => {
  const isHalf = ({ label }: Recommendation): boolean => label === "half";
  expect(choose({ targetSpeed: 1.5 }, ROWS, isHalf).label).toBe("half");
  expect(choose({ targetSize: 0.3 }, ROWS, isHalf).label).toBe("slow");
});

test("with a drop alone, or with nothing, the smallest that loses no more is taken", () => {
  expect(taken({})).toBe("slow");
  expect(taken({ maxDrop: 10 })).toBe("tiny");
  expect(taken({ maxDrop: 0.4 })).toBe("slow");
  expect(choose({}, ROWS.slice(0, 1)).label).toBe("tiny");
});

test.each([
  [{ targetSpeed: 7 }, "at least 7.0 times as fast", /nearest: tiny \(10 % of the bytes, 6.0 times.*anyway$/],
  [{ targetSpeed: 5, maxDrop: 1 }, "at most 1.0 points lower", /nearest: tiny .*; or slow /],
  [
    { targetSize: 0.05 },
    "at most 5 % of the bytes",
    /nearest: tiny .*; --method takes one anyway; with `espalier shrink --vocabulary`/,
  ],
])("choice/none: %o is refused with what is nearest", (aims, wanted, nearest) => {
  expect(() => choose(aims, ROWS)).toThrow(
    expect.objectContaining({
      code: "choice/none",
      message: expect.stringContaining(`expected a method that comes to ${"at"}`),
    }),
  );
  expect(() => choose(aims, ROWS)).toThrow(wanted);
  expect(() => choose(aims, ROWS)).toThrow(nearest);
});

test("nothing measured is no choice", () => {
  expect(() => choose({}, [])).toThrow(/nearest: none;/);
});

test("what was chosen is said with its figures and with what they stand on", () => {
  expect(choiceText({}, row("small", 0.2, 4, 3.3), "a-model")).toContain(
    "no --method is given: none loses at most 2.0 points, so this takes what loses least, small (20 % of the bytes",
  );
  expect(choiceText({ maxDrop: 3 }, row("small", 0.2, 4, -0.3), "a-model")).toBe(
    "no --method is given: for at most 3.0 points lower this takes small (20 % of the bytes, 4.0 times as fast, 0.3 points higher); measured with a-model on sst2, 1 run; another model or other data may come to other figures",
  );
});
