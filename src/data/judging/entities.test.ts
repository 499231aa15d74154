import { expect, test } from "vitest";
import { defaultMeasure } from "../dataset.ts";
import { entitiesOf, hasEntities, tagReader } from "./entities.ts";

/** The entities of a text as `kind start end`. */
function read(labels: readonly string[], ...text: readonly string[]): string[] {
  return entitiesOf(text.map(tagReader(labels))).map(({ kind, start, end }) => `${kind} ${start} ${end}`);
}

test.each([
  [["O", "B", "I"]],
  [["B", "I"]],
  [["O", "B", "I", "E", "S"]],
  [["O", "B", "I", "L", "U"]],
  [["O", "B", "S"]],
  [["O", "B", "U"]],
])("%j: letters alone are places, of the kind _", (labels) => {
  expect(hasEntities(labels)).toBe(true);
  expect(defaultMeasure({ task: "tokens", labels }).primary).toBe("entity_f1");
  expect(tagReader(labels)("B")).toEqual({ place: "B", kind: "_" });
});

test.each([
  [["S", "V", "O"]],
  [["U", "O"]],
  [["I", "O"]],
  [["B", "O"]],
  [["B", "E", "O"]],
  [["I", "S", "U"]],
])("%j: letters alone are classes like any other", (labels) => {
  expect(hasEntities(labels)).toBe(false);
  expect(defaultMeasure({ task: "tokens", labels }).primary).toBe("accuracy");
  expect(labels.map((label) => tagReader(labels)(label).kind)).toEqual(
    labels.map((label) => (label === "O" ? "" : label)),
  );
});

test("letters alone: B begins another entity, I goes on, S is one word", () => {
  const labels = ["O", "B", "I", "E", "S"];
  expect(read(labels, "B", "I", "B", "O", "I", "S", "B", "E", "I")).toEqual([
    "_ 0 2",
    "_ 2 3",
    "_ 4 5",
    "_ 5 6",
    "_ 6 8",
    "_ 8 9",
  ]);
});

test("labels with kinds beside one of a letter alone keep it as a kind of its own", () => {
  const labels = ["O", "B-PER", "I-PER", "S"];
  expect(hasEntities(labels)).toBe(true);
  expect(read(labels, "B-PER", "I-PER", "S", "S", "O")).toEqual(["PER 0 2", "S 2 4"]);
});
