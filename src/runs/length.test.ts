import { expect, test } from "vitest";
import { TINY_CONFIG, tinyModel } from "../../test/support/tiny-model.ts";
import { withLength } from "../network/length.ts";
import type { Network } from "../network/network.ts";
import { isBlank, noteBlank, noteCut, trainingLength, usualLength } from "./length.ts";
import type { ProgressEvent } from "./progress.ts";

function model(positions: number, length: number): Network {
  return withLength(tinyModel({ kind: "none" }, { ...TINY_CONFIG, maxPositions: positions }), length);
}

/** The length, and the notes on the way to it. */
function settled(base: Network, asked?: number, finetuned?: Network): [number, string[]] {
  const notes: string[] = [];
  const report = (event: ProgressEvent) => event.kind === "note" && notes.push(event.text);
  return [trainingLength(base, asked, { report }, finetuned), notes];
}

test("a model of 512 positions is trained at 128 unless told otherwise, without a note", () => {
  expect(settled(model(512, 512))).toEqual([128, []]);
  expect(settled(model(512, 512), 96)).toEqual([96, []]);
  expect(settled(model(512, 128), 300)).toEqual([300, []]);
  expect(usualLength(model(512, 512))).toBe(128);
});

test("fewer positions, or a smaller length of its own, adapt the default and say so", () => {
  expect(settled(model(64, 64))).toEqual([64, [expect.stringContaining("cut at 64 tokens")]]);
  expect(settled(model(512, 75))).toEqual([75, [expect.stringContaining("the default is 128")]]);
});

test("a teacher's length is taken as far as the base has positions; a typed one has to fit both", () => {
  expect(settled(model(512, 512), undefined, model(512, 300))[0]).toBe(300);
  expect(settled(model(64, 64), undefined, model(512, 300))[0]).toBe(64);
  expect(settled(model(512, 512), 200, model(512, 300))).toEqual([200, []]);
  const code = expect.objectContaining({ code: "options/maxLength" });
  expect(() => settled(model(64, 64), 100, model(512, 300))).toThrow(code);
  expect(() => settled(model(512, 512), 100, model(64, 64))).toThrow(code);
});

test("how many texts are cut is said, and nothing when all are whole", () => {
  const notes: ProgressEvent[] = [];
  noteCut(0, 1200, 9, (event) => notes.push(event));
  noteCut(7, 1200, 9, (event) => notes.push(event));
  const text = "cut at 9 tokens, for they are longer: 7 of 1,200 texts";
  expect(notes).toEqual([{ kind: "note", text }]);
});

test("blank texts are counted, a pair by either of its texts; of none nothing is said", () => {
  const texts = ["a", "", " \t", ["a", " "], ["a", "b"]] as const;
  expect(texts.map(isBlank)).toEqual([false, true, true, true, false]);
  const notes: unknown[] = [];
  noteBlank(0, 5, (event) => notes.push(event));
  noteBlank(3, 5, (event) => notes.push(event));
  expect(notes).toEqual([{ kind: "note", text: "blank, so that the answer says nothing: 3 of 5 texts" }]);
});
