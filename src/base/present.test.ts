import { expect, test } from "vitest";
import { RunError } from "./errors.ts";
import { mapPairs, requireEntry, requireFloats, requireItem, requireLast, requireValue } from "./present.ts";

test("what is there is given, 0, false and empty text too", () => {
  expect(requireItem(Float32Array.of(1, 0), 1, "numbers")).toBe(0);
  expect(requireItem([false], 0, "claims")).toBe(false);
  expect(requireLast(["a", ""], "words")).toBe("");
  expect(requireEntry(new Map([["a", 0]]), "a", "count")).toBe(0);
  expect(requireFloats(Float32Array.of(1), "logits")).toEqual(Float32Array.of(1));
  expect(mapPairs(Float32Array.of(1, 2), Float32Array.of(3, 4), "x", (x, y) => x * y)).toEqual(
    Float32Array.of(3, 8),
  );
  expect(requireValue(0, "number")).toBe(0);
});

test.each<[string, () => unknown]>([
  ["scores: expected an item at place 2, got 2 items", () => requireItem(new Float32Array(2), 2, "scores")],
  ["scores: expected an item at place -1, got 0 items", () => requireLast([], "scores")],
  [
    "tensor a.weight: expected one of that name, got none",
    () => requireEntry(new Map(), "a.weight", "tensor"),
  ],
  ["logits: expected float32 numbers, got none", () => requireFloats(undefined, "logits")],
  ["logits: expected float32 numbers, got others", () => requireFloats(new Int32Array(1), "logits")],
  [
    "scores: expected 2 items, got 3",
    () => mapPairs(new Float32Array(2), new Float32Array(3), "scores", (x) => x),
  ],
  ["gradient: expected a value, got none", () => requireValue(undefined, "gradient")],
])("what is missing is an error: %s", (message, take) => {
  expect(take).toThrow(RunError);
  expect(take).toThrow(
    expect.objectContaining({ code: "internal/missing", message: expect.stringContaining(message) }),
  );
});
