import { expect, test } from "vitest";
import type { Head } from "../bert/config.ts";
import { classColumns } from "./class-columns.ts";

const three: Head = { kind: "classification", labels: ["a", "b", "c"] };
test.each([
  ["other names", three, { task: "classification", labels: ["a", "b", "d"] }, "evaluate/labels"],
  ["fewer classes", three, { task: "classification", labels: ["a", "b"] }, "evaluate/labels"],
  ["one name twice", three, { task: "classification", labels: ["a", "b", "B"] }, "evaluate/labels"],
  ["values instead of classes", three, { task: "regression", labels: [] }, "evaluate/task"],
  [
    "classes instead of values",
    { kind: "regression" } satisfies Head,
    { task: "classification", labels: ["a", "b"] },
    "evaluate/task",
  ],
] as const)("data with %s is refused", (_, head, dataset, code) => {
  expect(() => classColumns(head, { name: "dev", ...dataset })).toThrow(expect.objectContaining({ code }));
});
