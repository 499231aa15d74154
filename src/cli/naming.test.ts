import { expect, test } from "vitest";
import { ConfigError, InputError, RunError } from "../base/errors.ts";
import { flagOf } from "../options/flags.ts";
import { EVALUATE } from "../options/models.ts";
import { commandNamed } from "./commands.ts";
import { withFlags } from "./naming.ts";

const naming = (field: string) => (field === "model" ? "<model>" : flagOf(field));

test.each([
  ["maxLength: expected 3 to 24 tokens, got 99", "--max-length: expected 3 to 24 tokens, got 99"],
  ["model: expected config.json, got none", "<model>: expected config.json, got none"],
  [
    "camel.csv: expected columns called body and stars, got maxLength, batchSize, textPair",
    "camel.csv: expected columns called body and stars, got maxLength, batchSize, textPair",
  ],
  ["data: expected a column textPair, got maxLength", "--data: expected a column textPair, got maxLength"],
  ["text: expected a piece or more, got none", "text: expected a piece or more, got none"],
  ["text pair: expected a model", "text pair: expected a model"],
  [
    "data.csv: expected a maxLength.csv, got data: none",
    "data.csv: expected a maxLength.csv, got data: none",
  ],
])("%s: names its flags, and keeps its class and code", (message, named) => {
  for (const Class of [InputError, ConfigError, RunError]) {
    const got = withFlags(new Class("a/b", message), EVALUATE.fields, naming);
    expect(got).toBeInstanceOf(Class);
    expect(got).toMatchObject({ code: "a/b", message: named });
  }
});

test("what is no foreseen error stays what it is", () => {
  const error = new TypeError("maxLength: expected x");
  expect(withFlags(error, EVALUATE.fields, naming)).toBe(error);
});

test.each([
  ["predict", { model: "m", texts: ["a"], data: "d" }, "<texts>: expected them or --data, got both"],
  ["predict", { model: "m", texts: ["a"], out: "o" }, "--data: expected a file beside --out, got none"],
  [
    "predict",
    { model: "m", data: "d", out: "o" },
    "--out: expected a .csv, .tsv or .jsonl file to write, got o",
  ],
  [
    "predict",
    { model: "m", data: "d", out: "o.csv", mask: ["a", "b"] },
    "--mask: expected one with --data, got 2",
  ],
  [
    "export",
    { model: "m", to: "esp", opset: "18" },
    "--to: expected onnx, onnx-int8 or onnx-qdq with --opset, got esp",
  ],
  [
    "export",
    { model: "m", to: "onnx", block: "2" },
    "--to: expected esp with --values, --tables or --block, got onnx",
  ],
  [
    "evaluate",
    { model: "m", data: "d", regression: true, classification: true },
    "--regression: expected it or --classification, got both",
  ],
  [
    "evaluate",
    { model: "m", data: "d", textPair: "text" },
    "--text-pair: expected a column of its own, got text, which is a text's",
  ],
  ["augment", { model: "m", data: "d", out: "o" }, "--out: expected a name ending in .jsonl, got o"],
  [
    "pretrain",
    { corpus: "c", out: "o", hidden: 10, heads: 4 },
    "--hidden: expected a multiple of --heads=4, got 10",
  ],
  ["report", { runs: ["a", "b"], card: true }, "<runs>: expected one with --card, got 2"],
  ["report", { runs: ["a"], out: "page.pdf" }, "--out: expected a name ending in .html, got page.pdf"],
  ["inspect", { model: "nowhere" }, "<model>: expected a folder, a run, an .esp file"],
])("%s %j is refused in the words of the command line", async (command, given, message) => {
  await expect(commandNamed(command).execute(given, {})).rejects.toThrow(message);
});
