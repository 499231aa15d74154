import { expect, test } from "vitest";
import { commandMeantBy, fieldMeantBy } from "./aliases.ts";
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

test.each([
  ["finetune", "--model", "(<model> has a place and no flag: espalier finetune <model>)"],
  ["compress", "--model_name_or_path=bert", "(<model> has a place and no flag: espalier compress <model>)"],
  ["finetune", "--num_train_epochs", "(Did you mean --epochs?)"],
  ["compress", "--learning_rate", "(Did you mean --learning-rate?)"],
  ["compress", "--lr", "(Did you mean --learning-rate?)"],
  ["finetune", "--output_dir", "(Did you mean --out?)"],
  ["compress", "--pruning-ratio", "(Did you mean --sparsity?)"],
])("%s %s: %s", (command, flag, hint) => {
  const name = flag.replace(/=.*/, "");
  expect(() => parseArguments([command, flag, "3"], "0")).toThrow(
    expect.objectContaining({
      code: "commander.unknownOption",
      message: expect.stringMatching(`^error: unknown option '${name}`),
    }),
  );
  expect(() => parseArguments([command, flag, "3"], "0")).toThrow(hint);
});

test("an option that is nobody's gets Commander's own words", () => {
  expect(() => parseArguments(["finetune", "m", "--xylophone"], "0")).toThrow(
    /^error: unknown option '--xylophone'$/,
  );
});

test("every field of other programs' flags is a field of some command", () => {
  const ours = COMMANDS.flatMap(({ fields }) => Object.keys(fields));
  for (const flag of ["--model-path", "--wd", "--format", "--jobs", "--overwrite", "--task_name"])
    expect(ours).toContain(fieldMeantBy(flag));
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
