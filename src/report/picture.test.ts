import { expect, test } from "vitest";
import { keyOf, normals } from "../base/random.ts";
import { bitsOf } from "../topology/bits.ts";
import { pictureOf } from "./picture.ts";

test("a field is the share of its weights that are left", () => {
  // Two rows of fields by two: the first field is full, the last is half empty.
  const entries = Uint8Array.of(1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0);
  const { rows, columns, shares } = pictureOf(bitsOf(entries, 4, 4), 2);
  expect([rows, columns, ...shares]).toEqual([2, 2, 1, 0, 0, 0.5]);
});

test.each([
  [48, 64, 2],
  [50, 70, 24],
  [3, 5, 24],
])("of %i × %i weights in %i fields each way, all are counted once", (rows, columns, fields) => {
  const entries = normals(keyOf(rows), rows * columns, 1).map((x) => Number(x > 0.4));
  const picture = pictureOf(bitsOf(entries, rows, columns), fields);
  const sizes = (n: number, of: number) =>
    Array.from(
      { length: of },
      (_, f) => Array.from({ length: n }, (_, i) => i).filter((i) => Math.floor((i * of) / n) === f).length,
    );
  const [high, wide] = [sizes(rows, picture.rows), sizes(columns, picture.columns)];
  const kept = picture.shares.reduce(
    (sum, share, i) =>
      sum + share * (high[Math.floor(i / picture.columns)] ?? 0) * (wide[i % picture.columns] ?? 0),
    0,
  );
  expect(Math.round(kept)).toBe(entries.reduce((sum, entry) => sum + entry, 0));
});
