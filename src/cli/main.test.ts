import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { RECIPE } from "../../test/support/run-folder.ts";
import { flagOf } from "../options/flags.ts";
import { COMMANDS } from "./commands.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Built before the tests by vitest's global setup. */
const MAIN = join(ROOT, "dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "espalier-cli-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function espalier(words: readonly string[], input = "", env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
    cwd: folder,
    input,
    encoding: "utf8",
    env: { ...process.env, ESPALIER_DEBUG: "", ...env },
  });
  return { status, stdout, stderr };
}

test("--help lists every command with its summary, within 80 columns", () => {
  const { status, stdout } = espalier(["--help"]);
  expect(status).toBe(0);
  for (const { name, summary } of COMMANDS)
    expect(stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, "m"));
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

test.each(COMMANDS)(
  "$name --help shows every flag, its default and one example",
  ({ name, fields, ...spec }) => {
    const { status, stdout, stderr } = espalier([name, "--help"]);
    expect(status).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toContain(`Example:\n  espalier ${name}`);
    expect(stdout).toContain("--json");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    for (const key of Object.keys(fields)) {
      const isPlace = spec.positionals.includes(key);
      const isOn = fields[key]?.fallback === true;
      expect(stdout).toContain(
        isPlace ? `  ${key} ` : isOn ? flagOf(key).replace("--", "--no-") : flagOf(key),
      );
    }
  },
);

test("words that hold no command are refused", () => {
  expect(espalier(["--"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("expected a command, got --"),
  });
});

test("no words at all are answered with the commands", () => {
  const { status, stdout } = espalier([]);
  expect(status).toBe(0);
  expect(stdout).toBe(espalier(["--help"]).stdout);
});

test("compress --help has its options in parts, what must be given first, and a line for each method", () => {
  const { stdout } = espalier(["compress", "--help"]);
  const parts = [...stdout.matchAll(/^([A-Z][A-Za-z ]+):$/gm)].map(([, part]) => part);
  expect(parts).toEqual([
    ...["Arguments", "Required", "Method", "Data", "Run", "Training", "Judging", "Every command", "Example"],
  ]);
  expect(stdout).toContain("\n  snip                  Drop heads");
  expect(stdout).not.toContain("ratio=0.5");
});

test("compress --help shows the settings of a method that is named, a module's too", () => {
  expect(espalier(["compress", "--method", "snip", "--help"]).stdout).toMatch(
    /Method snip, and what --set may set:\n {2}snip .*\n.*\n {4}unit=head\+ffn/,
  );
  const masked = espalier(["compress", "--method", "adapting-by-pruning", "--help"]).stdout;
  expect(masked).toMatch(/\n {4}--learning-rate {5}1e-3: /);
  expect(masked).toMatch(/\n {4}--batch-size {8}8, the paper's/);
  expect(espalier(["compress", "--method", "snp", "--help"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('got "snp"; did you mean "snip"?'),
  });
  const path = join(folder, "plain.mjs");
  const parts = "init() {}, trains() {}, sites() {}, finish() {}";
  const config = '{ depth: { default: 3, help: "of nothing at all" } }';
  writeFileSync(
    path,
    `export default { id: "plain", summary: "Do nothing.", from: "pre-trained", config: ${config}, ${parts} };`,
  );
  const { status, stdout } = espalier(["compress", "--method", "./plain.mjs", "--help"]);
  expect(status).toBe(0);
  expect(stdout).toContain(
    "Method ./plain.mjs, and what --set may set:\n  plain                 Do nothing.\n    depth=3",
  );
  expect(espalier(["compress", "--method", "./none.mjs", "--help"])).toMatchObject({
    status: 2,
    stderr: "espalier: method: expected a module, got nothing (./none.mjs)\n",
  });
});

test.each(["export default 1", "import 'node:fs'; export default 1"])(
  "a method in a .js file that its package.json makes a script is told another name: %s",
  (text) => {
    mkdirSync(join(folder, "script"), { recursive: true });
    writeFileSync(join(folder, "script/package.json"), '{ "type": "commonjs" }');
    writeFileSync(join(folder, "script/mine.js"), text);
    const { stderr } = espalier(["compress", "--method", "script/mine.js", "--help"]);
    expect(stderr).toMatch(/got SyntaxError: .*; name it \.mjs, or write "type": "module"/);
  },
);

test("--version prints the version alone", () => {
  expect(espalier(["--version"])).toEqual({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    stderr: "",
  });
});

interface Misuse {
  readonly words: readonly string[];
  readonly code: string;
  readonly says: string;
}

const MISUSES: readonly Misuse[] = [
  { words: ["finetun"], code: "cli/unknown-command", says: "Did you mean finetune?" },
  { words: ["finetune"], code: "cli/missing-argument", says: "'model'" },
  { words: ["finetune", "m", "--epoch", "3"], code: "cli/unknown-option", says: "Did you mean --epochs?" },
  { words: ["finetune", "m", "--epochs"], code: "cli/option-missing-argument", says: "--epochs" },
  {
    words: ["finetune", "m", "n", "--data", "d", "--out", "o"],
    code: "cli/excess-arguments",
    says: "too many",
  },
  {
    words: ["finetune", "m"],
    code: "options/missing",
    says: "--data: expected a folder or file, got nothing",
  },
  {
    words: ["finetune", "m", "--data", "d", "--out", "o", "--batch-size", "many"],
    code: "options/value",
    says: '--batch-size: expected an integer from 1 to 65536, got "many"',
  },
  {
    words: ["compress", "m", "--data", "d", "--out", "o", "--method", "x", "--sparsity", "1"],
    code: "options/value",
    says: "--sparsity: expected a number from 0 and below 1, got 1",
  },
  {
    words: ["compress", "m", "--data", "d", "--out", "o", "--method", "x", "--set", "half"],
    code: "options/value",
    says: '--set: expected key=value, got "half"',
  },
  {
    words: ["export", "m", "--to", "gguf"],
    code: "options/value",
    says: "--to: expected one of onnx, onnx-int8, onnx-qdq, safetensors, esp",
  },
  {
    words: ["bench", "m", "--lengths", "64,,1"],
    code: "options/value",
    says: "--lengths: expected integers",
  },
  {
    words: ["pretrain", "--corpus", "c", "--out", "o", "--heads", "3"],
    code: "options/rule",
    says: "multiple of",
  },
  { words: ["predict", "m"], code: "options/value", says: "<texts>: expected one text or more" },
  { words: ["resume", "nowhere"], code: "run/missing", says: "expected a run that was stopped, got nothing" },
];

test.each(MISUSES)("wrong usage ends with 2 and says: $says", ({ words, says }) => {
  const { status, stdout, stderr } = espalier(words);
  expect(status).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^espalier: [^\n]+\n$/);
  expect(stderr).toContain(says);
});

test.each(MISUSES)(
  "wrong usage ($says) with --json prints one object with the code $code",
  ({ words, code, says }) => {
    const { status, stdout } = espalier([...words.slice(0, 1), "--json", ...words.slice(1)]);
    expect(status).toBe(2);
    const answer: unknown = JSON.parse(stdout);
    expect(answer).toEqual({ error: { code, message: expect.any(String) } });
    expect(stdout).toContain(JSON.stringify(says).slice(1, -1));
  },
);

test("a run that is finished is not resumed, and the message names its folder", () => {
  const run = join(folder, "finished");
  mkdirSync(run);
  writeFileSync(join(run, "recipe.json"), JSON.stringify(RECIPE));
  writeFileSync(join(run, "result.json"), "{}");
  const { status, stderr } = espalier(["resume", run]);
  expect(status).toBe(2);
  expect(stderr).toBe(`espalier: <run>: expected a run that was stopped, got a finished one (${run})\n`);
});

test("a damaged recipe is refused, and the stack is shown only on request", () => {
  const run = join(folder, "damaged");
  mkdirSync(join(run, "checkpoints", "step-1"), { recursive: true });
  writeFileSync(join(run, "recipe.json"), JSON.stringify({ ...RECIPE, model: "embedded" }));
  const plain = espalier(["resume", run]);
  expect(plain.status).toBe(2);
  expect(plain.stderr).toContain("model: expected a list");
  expect(plain.stderr.split("\n")).toHaveLength(2);
  expect(espalier(["resume", run], "", { ESPALIER_DEBUG: "1" }).stderr).toContain("    at ");
});
