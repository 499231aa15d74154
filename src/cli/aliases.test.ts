import { expect, test } from "vitest";
import { commandMeantBy } from "./aliases.ts";
import { parseArguments } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";

const names = COMMANDS.map(({ name }) => name);

test.each([
  ["train", "finetune"],
  ["prune", "compress"],
  ["distill", "compress"],
  ["Int8", "quantize"],
  ["test", "evaluate"],
  ["serve", "predict"],
  ["classify", "predict"],
  ["vectors", "embed"],
  ["benchmark", "bench"],
])("who types %s is told of %s, whatever is spelt alike", (word, command) => {
  expect(() => parseArguments([word, "model", "--data", "d.csv"], "0")).toThrow(
    expect.objectContaining({
      code: "commander.unknownCommand",
      message: `error: unknown command '${word}'\n(Did you mean ${command}?)`,
    }),
  );
});

test("what is misspelt is still told by its spelling, and what means nothing gets no suggestion", () => {
  expect(() => parseArguments(["finetun"], "0")).toThrow("Did you mean finetune?");
  expect(() => parseArguments(["xylophone"], "0")).toThrow(/^error: unknown command 'xylophone'$/);
});

test("no command is another's other name, and each suggestion is a command", () => {
  expect(names.flatMap((name) => commandMeantBy(name) ?? [])).toEqual([]);
  for (const word of [
    "train",
    "prune",
    "onnx",
    "int8",
    "eval",
    "infer",
    "time",
    "info",
    "continue",
    "trim",
    "mlm",
    "try",
  ])
    expect(names).toContain(commandMeantBy(word));
});
