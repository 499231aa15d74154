import { expect, test } from "vitest";
import { bufferSource } from "./source.ts";

const source = bufferSource("memory", Uint8Array.of(1, 2, 3, 4));

test("a slice is the bytes from start to end, the end left out", async () => {
  expect(source).toMatchObject({ name: "memory", byteLength: 4 });
  expect(await source.slice(1, 3)).toEqual(Uint8Array.of(2, 3));
  expect(await source.slice(0, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
  expect(await source.slice(4, 4)).toEqual(new Uint8Array(0));
});

test.each([
  [0, 5],
  [3, 2],
  [-1, 2],
  [0.5, 2],
])("a slice from %d to %d of 4 bytes is rejected: source/range", async (start, end) => {
  await expect(source.slice(start, end)).rejects.toMatchObject({ name: "FormatError", code: "source/range" });
});
