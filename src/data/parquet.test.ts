import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parquetRows } from "./parquet.ts";
import { readTable } from "./table.ts";

const golden = (compression: string) =>
  fileURLToPath(new URL(`../../test/goldens/table-${compression}.parquet`, import.meta.url));

test.each(["snappy", "gzip", "brotli"])("a file with %s pages gives pyarrow's rows", async (compression) => {
  const set = await readTable(golden(compression), { text: "sentence", label: "label" });
  expect(set).toEqual({
    name: `table-${compression}.parquet`,
    task: "classification",
    labels: ["0", "1"],
    examples: [
      { text: "a tree", label: 1, where: `table-${compression}.parquet:1` },
      { text: 'café "quoted"\nand a second line', label: 0, where: `table-${compression}.parquet:2` },
      { text: "中文 😀", label: 1, where: `table-${compression}.parquet:3` },
    ],
  });
});

const failures: [string, string, string, string][] = [
  [
    "another compression",
    "zstd",
    "label",
    "table-zstd.parquet: expected a readable Parquet file, got: parquet",
  ],
  [
    "a missing column",
    "snappy",
    "stars",
    'expected a column "stars", got idx, sentence, label, score, nested',
  ],
  [
    "a nested column",
    "snappy",
    "nested",
    'table-snappy.parquet:1: expected text, a number or a truth value in "nested"',
  ],
  ["a null label", "snappy", "score", "table-snappy.parquet:3: expected a number as label, got null"],
];
test.each(failures)("%s is refused by name", async (_, compression, label, message) => {
  await expect(readTable(golden(compression), { text: "sentence", label })).rejects.toThrow(message);
});

test("a file cut anywhere is refused as damaged, never read as something else", async () => {
  const bytes = new Uint8Array(readFileSync(golden("snappy")));
  for (let end = 1; end < bytes.length; end += 97) {
    await expect(parquetRows(bytes.subarray(0, end), "cut", ["sentence"])).rejects.toThrow(/cut: expected/);
  }
});
