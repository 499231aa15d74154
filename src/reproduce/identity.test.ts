import { expect, test } from "vitest";
import { USUAL_COLUMNS } from "../data/columns.ts";
import { describeMachine } from "../measure/machine.ts";
import { resolveOptions } from "../options/schema.ts";
import { COMPRESS } from "../options/training.ts";
import type { Recipe } from "../runs/recipe.ts";
import {
  copiesName,
  differenceOf,
  identityDigest,
  jobIdentity,
  jobOptions,
  recipeIdentity,
  type Sources,
  settingsTyped,
} from "./identity.ts";
import type { Job } from "./papers/plan.ts";

const SOURCES: Sources = {
  model: "429aa889fb9096ed",
  data: new Map([["cola", "2abdbeb08f0fa4bd"]]),
  maxLength: 128,
  quick: false,
};

const JOB: Job = {
  id: "cola-s1-half",
  task: "cola",
  seed: 1,
  training: { epochs: 3, learningRate: 1e-4 },
  compression: { method: "truncate", set: { layers: "3" }, after: "cola-s1-finetuned" },
};

const AUGMENTED: Job = {
  ...JOB,
  augmentation: { copies: 4, candidates: 15, rate: 0.4, context: "alone" },
};

const PLACE = {
  model: "/here/model",
  data: "/here/glue",
  out: "/here/out",
  threads: 2,
  device: "cpu",
  finetuned: "/here/finetuned",
  copies: "/here/copies",
} as const;

const file = (path: string) => ({ path, bytes: 1, sha256: `sha of ${path}` });

/** The recipe that a job's run would leave. */
function recipeOf(job: Job): Recipe {
  const settings = resolveOptions(COMPRESS, { ...jobOptions(job, SOURCES, PLACE) });
  const { augmented } = settings;
  return {
    version: 1,
    command: "compress",
    code: "0.1.0",
    settings: { ...settings, ...USUAL_COLUMNS },
    model: [file("config.json"), file("model.safetensors")],
    data: [file("/here/glue/train.tsv"), file("/here/glue/dev.tsv"), ...(augmented ? [file(augmented)] : [])],
    machine: describeMachine(2),
  };
}

test.each([JOB, AUGMENTED])(
  "a plan and the recipe of its run have the same settings, copies included",
  (job) => {
    const [planned, ran] = [jobIdentity(job, SOURCES), recipeIdentity(recipeOf(job))];
    expect(new Map(Object.entries(ran.settings))).toEqual(new Map(Object.entries(planned.settings)));
    expect(JSON.stringify(ran.settings)).not.toContain("/");
  },
);

test("digests are those that published ledgers have", () => {
  expect(identityDigest(jobIdentity(JOB, SOURCES))).toBe("4aa443961898aeb8");
});

test("where a run was made, what else lies beside the model and which copies it read change nothing", () => {
  const digest = (recipe: Recipe) => identityDigest(recipeIdentity(recipe));
  const recipe = recipeOf(AUGMENTED);
  const elsewhere = { ...recipe.settings, out: "/there", model: "m", data: "g", threads: 1, finetuned: "f" };
  const augmented = String(recipe.settings.augmented).replace("/here", "/there");
  const other: Recipe = {
    ...recipe,
    settings: { ...elsewhere, augmented },
    model: [file("README.md"), ...recipe.model.toReversed()],
    data: [...recipe.data.slice(0, 2).map((one) => ({ ...one, path: `/there${one.path}` })), file(augmented)],
  };
  expect(digest(other)).toBe(digest(recipe));
  expect(digest({ ...recipe, model: [file("config.json"), file("other.safetensors")] })).not.toBe(
    digest(recipe),
  );
  expect(digest({ ...recipe, data: recipe.data.slice(1) })).not.toBe(digest(recipe));
});

test("pickled weights are part of a digest where they are read: not beside safetensors", () => {
  const digest = (...model: readonly string[]) =>
    identityDigest(recipeIdentity({ ...recipeOf(JOB), model: model.map(file) }));
  const [safe, pickled, shard] = [
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model-00001-of-00002.bin",
  ];
  expect(digest("config.json", safe, pickled)).toBe(digest("config.json", safe));
  expect(digest("config.json", pickled, "training_args.bin")).toBe(digest("config.json", pickled));
  expect(
    new Set([[safe], [pickled], [shard], []].map((weights) => digest("config.json", ...weights))).size,
  ).toBe(4);
});

test("every setting of a job is in its digest, and the difference is named", () => {
  const expected = jobIdentity(JOB, SOURCES);
  const changes: readonly (readonly [Job, string])[] = [
    [{ ...JOB, seed: 2 }, "seed 1, got one with 2"],
    [{ ...JOB, training: { ...JOB.training, limit: 10 } }, "limit none, got one with 10"],
    [{ ...JOB, training: { ...JOB.training, epochs: 1 } }, "epochs 3, got one with 1"],
    [
      { ...JOB, compression: { method: "truncate", set: { layers: "2" }, after: "" } },
      'set {"layers":"3"}, got one with {"layers":"2"}',
    ],
    [AUGMENTED, "augmented none, got one with"],
  ];
  for (const [job, difference] of changes) {
    const got = jobIdentity(job, SOURCES);
    expect(identityDigest(got)).not.toBe(identityDigest(expected));
    expect(differenceOf(expected, got)).toContain(difference);
    expect(differenceOf(expected, { ...got, settings: settingsTyped(got) })).toContain(difference);
  }
});

test("a difference of model, data or another version's defaults is named too", () => {
  const expected = jobIdentity(JOB, SOURCES);
  expect(differenceOf(expected, { ...expected, model: "other" })).toContain("a model with other files");
  expect(differenceOf(expected, { ...expected, data: "other" })).toContain("on other files");
  expect(differenceOf(expected, expected)).toContain("the defaults of this version");
});

test("the name of copies says task, seed and number, and is another where the copies would be", () => {
  const name = copiesName(AUGMENTED, SOURCES);
  expect(name).toMatch(/^cola-s1-x4-[0-9a-f]{16}\.jsonl$/);
  const others = [
    copiesName({ ...AUGMENTED, seed: 2 }, SOURCES),
    copiesName({ ...AUGMENTED, training: { ...JOB.training, limit: 5 } }, SOURCES),
    copiesName(
      { ...AUGMENTED, augmentation: { copies: 4, candidates: 15, rate: 0.3, context: "alone" } },
      SOURCES,
    ),
    copiesName(AUGMENTED, { ...SOURCES, model: "other" }),
    copiesName(AUGMENTED, { ...SOURCES, maxLength: 64 }),
  ];
  expect(new Set([name, ...others]).size).toBe(6);
  expect(copiesName({ ...AUGMENTED, training: { ...JOB.training, epochs: 9 } }, SOURCES)).toBe(name);
});
