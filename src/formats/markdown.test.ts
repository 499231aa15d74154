import { expect, test } from "vitest";
import { markdownTable } from "./markdown.ts";

test("columns are aligned in the source, numbers to the right", () => {
  expect(
    markdownTable(
      ["row", "n", "words"],
      [
        ["first", "10.0", "a"],
        ["x", "5", "bc"],
      ],
      [2],
    ),
  ).toBe(
    [
      "| row   |    n | words |",
      "| ----- | ---: | ----- |",
      "| first | 10.0 | a     |",
      "| x     |    5 | bc    |",
    ].join("\n"),
  );
});

test("a cell with a bar or a line break stays one cell, and one that is missing is empty", () => {
  const lines = markdownTable(["a", "b"], [["x|y\n z"]]).split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[2]).toBe("| x\\|y z |     |");
});
