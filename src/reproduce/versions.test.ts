import { expect, test } from "vitest";
import { METHODS } from "../methods/registry.ts";
import { olderVersion, VERSIONS, versionsOf } from "./versions.ts";

test("every method has a version, and nothing else but training has", () => {
  expect(Object.keys(VERSIONS).toSorted()).toEqual(["training", ...Object.keys(METHODS)].toSorted());
});

test("a run has the version of training and of its method", () => {
  expect(versionsOf("movement")).toEqual({ training: VERSIONS.training, movement: VERSIONS.movement });
  expect(versionsOf()).toEqual({ training: VERSIONS.training });
  expect(versionsOf("evolve@0123456789abcdef")).toEqual({ training: VERSIONS.training });
});

test("a line of another version, or of none, is told apart", () => {
  expect(olderVersion({ training: 1, snip: 2 }, { training: 1, snip: 2 })).toBeUndefined();
  expect(olderVersion({ training: 1, snip: 2 }, { training: 1, snip: 3 })).toBe("version 3 of snip, got 2");
  expect(olderVersion({}, { training: 1 })).toBe("version 1 of training, got none");
});
