import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { builtUrl } from "../../base/built-url.ts";
import { readTable } from "../table.ts";
import { parquetColumns, parquetRows, untilAnswered } from "./parquet.ts";
import type { ParquetReply, ParquetRequest } from "./worker.ts";

const golden = (compression: string) =>
  fileURLToPath(new URL(`../../../test/goldens/table-${compression}.parquet`, import.meta.url));

test.each(["snappy", "gzip", "brotli", "zstd", "lz4", "v2"])(
  "a file with %s pages gives pyarrow's rows",
  async (compression) => {
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
  },
);

const failures: [string, string, string, string][] = [
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

test("the names of a ClassLabel are the classes, in its own order; -1 is a row without a label", async () => {
  const columns = { text: "sentence", label: "label" };
  const { labels, examples } = await readTable(golden("classes"), columns, { skipUnlabelled: true });
  expect(labels).toEqual(["ham", "eggs", "bread"]);
  expect(examples.map(({ text, label }) => [text, label])).toEqual([
    ["a", 1],
    ["b", 0],
    ["c", 1],
  ]);
  await expect(readTable(golden("classes"), columns)).rejects.toThrow(
    "table-classes.parquet:4: expected a label, got null (1 of 4 rows have none; --skip-unlabelled leaves them out)",
  );
});

test("the names of a ClassLabel in a list, in each way that datasets has written it", async () => {
  const { names, classes } = await parquetColumns(readFileSync(golden("lists")), "l");
  const tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"];
  const foods = ["ham", "eggs", "bread"];
  expect(names.map((name, i) => [name, classes[i]])).toEqual([
    ["tokens", undefined],
    ...["ner_tags", "sequence", "large", "one"].map((name) => [name, tags]),
    ["numbers", undefined],
    ...["missing", "beyond"].map((name) => [name, tags]),
    ["text", undefined],
    ...["topics", "topic"].map((name) => [name, foods]),
  ]);
});

test("all columns come in the file's order, with JSON text for what is no cell", async () => {
  const { names, rows } = await parquetColumns(readFileSync(golden("zstd")), "z");
  expect(names).toEqual(["idx", "sentence", "label", "score", "nested"]);
  expect(rows.map(({ cells }) => [cells[0], cells[3], cells[4]])).toEqual([
    [0, 0.5, "[1]"],
    [1, 2, "[2,3]"],
    [2, null, "[]"],
  ]);
});

test("a column that is wanted as text is no JSON, whoever reads it", async () => {
  await expect(parquetColumns(readFileSync(golden("zstd")), "z", ["nested"])).rejects.toThrow(
    'z:1: expected text, a number or a truth value in "nested", got an object',
  );
});

/** The last reply of the decoding thread to a file. */
async function lastReply(worker: Worker, bytes: Uint8Array): Promise<ParquetReply> {
  const copy = new Uint8Array(bytes);
  const request: ParquetRequest = { bytes: copy, columns: undefined };
  worker.postMessage(request, [copy.buffer]);
  for (;;) {
    const [reply]: ParquetReply[] = await once(worker, "message");
    if (reply !== undefined && reply.kind !== "columns" && reply.kind !== "rows") return reply;
  }
}

test.each(["v2", "zstd", "lz4"])(
  "every third single-bit flip of the %s file ends, read or refused",
  async (file) => {
    const bytes = new Uint8Array(readFileSync(golden(file)));
    const worker = new Worker(builtUrl("./worker.js", import.meta.url));
    const seen = new Map<string, number>();
    try {
      for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
        const flipped = bytes.with(bit >> 3, (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
        const { kind } = await lastReply(worker, flipped);
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      }
    } finally {
      await worker.terminate();
    }
    expect([...seen.keys()].filter((kind) => !["end", "damaged", "codec"].includes(kind))).toEqual([]);
    expect(Math.min(seen.get("end") ?? 0, seen.get("damaged") ?? 0)).toBeGreaterThan(500);
  },
  120_000,
);

test("a thread that is silent for too long is an error, and each message starts the time anew", async () => {
  const thread = new EventEmitter();
  const beats = setInterval(() => thread.emit("message", "rows"), 20);
  const waiting = untilAnswered<string>(thread, (message) => message === "end", 150);
  await new Promise((resolve) => setTimeout(resolve, 300));
  clearInterval(beats);
  await expect(waiting).rejects.toThrow("no end of decoding after 0.15 s");
});

test("a file cut anywhere is refused as damaged, never read as something else", async () => {
  const bytes = new Uint8Array(readFileSync(golden("snappy")));
  for (let end = 1; end < bytes.length; end += 97) {
    await expect(parquetRows(bytes.subarray(0, end), "cut", ["sentence"])).rejects.toThrow(/cut: expected/);
  }
});
