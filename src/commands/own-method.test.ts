import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import type { Method, MethodState } from "../contract/method.ts";
import { MAGNITUDE } from "../methods/magnitude.ts";
import { TRUNCATE } from "../methods/truncate.ts";
import { recipeIdentity } from "../reproduce/identity.ts";
import { runPaths } from "../runs/folder.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { readRecipe } from "../runs/recipe.ts";
import { compress } from "./compress.ts";
import { chooseMethod } from "./own-method.ts";
import { readStoppedCommand } from "./resume.ts";

/** The smallest method: it trains and changes nothing. */
const PLAIN = `{
  id: "plain", summary: "Nothing.", paper: undefined, from: "pre-trained",
  config: { depth: { default: 3, help: "of nothing" } },
  init: (network, config) => ({ tensors: new Map(), config }),
  trains: () => true, sites: () => ({}), finish: (network, state, tensors) => ({ ...network, tensors }),
}`;

/** A module whose method is that one but for a part. */
const mine = (part: string): string => `export default { ...${PLAIN}, ${part} }`;

async function moduleOf(text: string, name = "mine.mjs"): Promise<string> {
  const path = join(await newFolder(), name);
  await writeFile(path, text);
  return path;
}

const chosen = (given: unknown, set: Record<string, string> = {}) => chooseMethod(given, { set });

test("a module's default export is a method, by path and by file URL, and is known by its digest", async () => {
  const path = await moduleOf(`export default ${PLAIN}`);
  const { method, own } = await chosen(path, { depth: "5" });
  expect(method).toMatchObject({ id: "plain", settings: { depth: 5 } });
  expect(own).toEqual({
    id: "plain",
    settings: { depth: 5 },
    path,
    sha256: expect.stringMatching(/^[\da-f]{64}$/),
  });
  const url = pathToFileURL(path).href;
  expect((await chosen(url)).own).toMatchObject({ path: url, sha256: own?.sha256 });
});

test("a method's own learning rate is a number for its settings, or none", async () => {
  const rated = (of: string) => moduleOf(mine(`learningRate: { of: ${of}, help: "of depth" }`));
  const path = await rated("({ depth }) => (depth > 3 ? 1e-3 : undefined)");
  expect((await chosen(path, { depth: "5" })).method.learningRate).toBe(1e-3);
  expect((await chosen(path)).method.learningRate).toBeUndefined();
  await expect(chosen(await rated("() => 'fast'"))).rejects.toThrow(
    "plain.learningRate.of: expected a number, got",
  );
});

test("a module that changes while the program goes on is read again", async () => {
  const path = await moduleOf(`export default ${PLAIN}`);
  const before = await chosen(path);
  await writeFile(path, `export default ${PLAIN.replace("default: 3", "default: 4")}`);
  const after = await chosen(path);
  expect([before.method.settings, after.method.settings]).toEqual([{ depth: 3 }, { depth: 4 }]);
  expect(after.own?.sha256).not.toBe(before.own?.sha256);
});

test("a value is a method; a built-in one stays what it is, and leaves nothing in the recipe", async () => {
  const own = { ...TRUNCATE, id: "mine" };
  expect((await chosen(own, { layers: "1" })).own).toMatchObject({ id: "mine", path: null });
  expect(await chosen(MAGNITUDE)).not.toHaveProperty("own");
  const other = await chosen({ ...own, trains: () => false });
  expect(other.own?.sha256).not.toBe((await chosen(own)).own?.sha256);
});

test.each([
  ["only named exports", "export const plain = 1;", "module", "a default export, got only plain"],
  ["no export", "1", "module", "method: expected a default export, got none"],
  ["a module that throws", "throw new RangeError('no')", "module", "expected a module, got RangeError: no"],
  ["a missing import", "import 'no-such'; export default 1", "module", "Cannot find package 'no-such'"],
  ["espalier not beside it", "import 'espalier'; export default 1", "module", "Install"],
  ["a number", "export default 7", "shape", "method: expected an object, got number"],
  ["no function", mine("init: 3"), "shape", "method.init: expected a function, got 3"],
  ["a missing part", mine("finish: undefined"), "shape", "method.finish: expected a function, got nothing"],
  ["an unknown origin", mine('from: "scratch"'), "shape", 'method.from: expected "fine-tuned" or'],
  ["a misspelt part", mine("prepar() {}"), "shape", 'got "prepar"; did you mean "prepare"?'],
  ["a bare default", mine("config: { depth: 3 }"), "shape", "method.config.depth: expected an object"],
  ["an id with blanks", mine('id: "My method"'), "shape", "method.id: expected a name of small letters"],
  ["a built-in id", mine('id: "magnitude"'), "taken", 'got the built-in "magnitude"'],
])("a module with %s is refused", async (_, text, code, says) => {
  const path = await moduleOf(text);
  await expect(chosen(path)).rejects.toThrow(
    expect.objectContaining({ code: `method/${code}`, message: expect.stringContaining(says) }),
  );
  await expect(chosen(path)).rejects.toThrow(path);
});

test.each([
  ["./no/where.mjs", "file/missing"],
  ["where.js", "file/missing"],
  ["magnitud", "method/unknown"],
])("%s is refused as %s", async (reference, code) => {
  await expect(chosen(reference)).rejects.toThrow(expect.objectContaining({ code }));
});

/** A run of `method` on a tiny model. */
async function options<M>(method: M) {
  const folder = await newFolder();
  const data = join(folder, "train.csv");
  const rows = Array.from(
    { length: 20 },
    (_, i) => `a ${i % 2 ? "good" : "bad"} film,${i % 2 ? "yes" : "no"}`,
  );
  await writeFile(data, `text,label\n${rows.join("\n")}\n`);
  const head = { kind: "classification", labels: ["no", "yes"] } as const;
  const [model, finetuned] = [await written(tinyModel()), await written(tinyModel(head))];
  const training = {
    maxLength: 16,
    epochs: 1,
    batchSize: 8,
    threads: 1,
    latency: false,
    allowConstant: true,
  };
  return { model, finetuned, data, out: join(folder, "run"), method, ...training };
}

test("compress runs a module's method, and recipe, result and identity know it", async () => {
  const path = await moduleOf(`export default ${PLAIN}`);
  const given = await options(path);
  const result = await compress({ ...given, set: { depth: "2" } });
  expect(result.method).toBe("plain");
  const recipe = await readRecipe(runPaths(given.out).recipe);
  expect(recipe.settings.method).toBe(path);
  expect(recipe.method).toMatchObject({ id: "plain", path, settings: { depth: 2 } });
  const identity = recipeIdentity(recipe);
  expect(identity.settings.method).toBe(`plain@${recipe.method?.sha256.slice(0, 16)}`);
  expect(JSON.stringify(identity)).not.toContain(path);
});

test("a run is resumed with the module it began with, and refuses one that has changed", async () => {
  const path = await moduleOf(`export default ${PLAIN}`);
  const given = { ...(await options(path)), evalEvery: 1 };
  const stop = new AbortController();
  const report = ({ kind }: { readonly kind: string }) => kind === "step" && stop.abort();
  await expect(compress(given, { signal: stop.signal, report })).rejects.toThrow(
    expect.objectContaining({ code: "run/interrupted" }),
  );
  const text = await readFile(path, "utf8");
  await writeFile(path, `${text}\n`);
  await expect(compress(given, { resume: true })).rejects.toThrow(
    expect.objectContaining({ code: "run/changed", message: expect.stringContaining(path) }),
  );
  await writeFile(path, text);
  expect((await compress(given, { resume: true })).method).toBe("plain");
});

/** A method with two graphs in turn, and with work between the steps of which it remembers something. */
const TAKING_TURNS = mine(`
  id: "turns", from: "fine-tuned",
  sites: (state, structure, tools) => ({ dropout: structure === "odd" }),
  structure: (state, step) => (step % 2 === 0 ? "even" : "odd"),
  product: () => "even",
  host: { due: () => true, run: async (state, progress, done) => ({ ...progress, done }) },
`);

test("stopped while it compresses, with no fine-tuned model given, a module's run ends in the same bytes", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, "mine.mjs"), TAKING_TURNS);
  const { finetuned: _, ...rest } = await options(join(folder, "mine.mjs"));
  const given = { ...rest, evalEvery: 1 };
  const whole = await compress({ ...given, out: join(folder, "whole") });
  const stop = new AbortController();
  let phase = "";
  const report = (event: ProgressEvent) => {
    if (event.kind === "phase") phase = event.name;
    if (event.kind === "step" && phase === "compressing") stop.abort();
  };
  await expect(compress(given, { signal: stop.signal, report })).rejects.toThrow(
    expect.objectContaining({ code: "run/interrupted" }),
  );
  // As if the run had begun in the module's folder, with a relative path.
  const { recipe } = runPaths(given.out);
  const begun = JSON.parse(await readFile(recipe, "utf8"));
  const settings = { ...begun.settings, method: "./mine.mjs" };
  const method = { ...begun.method, path: "./mine.mjs" };
  await writeFile(recipe, JSON.stringify({ ...begun, folder, settings, method }));
  const stopped = await readStoppedCommand({ run: given.out });
  expect(stopped).toMatchObject({ command: "compress", settings: { method: join(folder, "mine.mjs") } });
  const resumed = await compress({ ...given, ...stopped.settings }, { resume: true });
  expect(resumed.metric).toEqual(whole.metric);
  const [one, other] = await Promise.all(
    [given.out, join(folder, "whole")].map((run) => readFile(join(runPaths(run).model, "model.safetensors"))),
  );
  expect(one?.equals(other ?? Buffer.of())).toBe(true);
});

interface State extends MethodState {
  readonly config: { readonly layers: number };
}

test("compress takes a method as a value, and names the function of one that throws", async () => {
  const value: Method<{ readonly layers: number }, State> = {
    id: "mine",
    summary: "Trains all.",
    paper: undefined,
    from: "pre-trained",
    config: { layers: { default: 1, help: "unused" } },
    init: (_, config) => ({ tensors: new Map(), config }),
    trains: () => true,
    sites: () => ({}),
    finish: (network, _, tensors) => ({ ...network, tensors }),
  };
  const given = await options(value);
  expect((await compress(given)).method).toBe("mine");
  const throwing = (part: Partial<typeof value>) =>
    compress({ ...given, method: { ...value, ...part }, force: true });
  const broken = (): never => {
    throw new TypeError("x is not a function");
  };
  for (const name of ["prepare", "init", "trains", "sites", "finish"] as const) {
    await expect(throwing({ [name]: broken })).rejects.toThrow(
      expect.objectContaining({
        code: "method/failed",
        message: expect.stringMatching(
          new RegExp(`^mine\\.${name}: expected it to return, got TypeError: x is not`),
        ),
      }),
    );
  }
  await expect(throwing({ finish: (network) => ({ ...network, tensors: new Map() }) })).rejects.toThrow(
    /^mine\.finish: expected bert\.embeddings\.word_embeddings\.weight \[15 × 16\], got none/,
  );
});
