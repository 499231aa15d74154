/** What `espalier/runtime` and `espalier-runtime` export: the types below are missed by the compiler, the rest here. */

import { expect, test } from "vitest";
import { letterClassifier } from "../test/support/classifiers.ts";
import { FormatError as ours } from "./base/errors.ts";
import type {
  EmbedOptions,
  Entity,
  LoadProgress,
  ModelSource,
  Prediction,
  RuntimeModel,
  Tagged,
  TagOptions,
  Text,
} from "./runtime.ts";
import * as runtime from "./runtime.ts";
import { encodeEsp } from "./sparse/esp/model.ts";

/** The public functions in terms of what is exported. */
interface Named {
  classify(texts: readonly Text[]): Promise<readonly Prediction[]>;
  tag(
    texts: readonly string[],
    options?: TagOptions,
  ): Promise<readonly (Tagged & { readonly entities: readonly Entity[] })[]>;
  embed(texts: readonly Text[], options?: EmbedOptions): Promise<readonly Float32Array[]>;
}

test("a model is made of what is exported, and so is what can go wrong", async () => {
  const told: LoadProgress[] = [];
  const source: ModelSource = new Blob([(await encodeEsp(letterClassifier(0.05))).slice()]);
  const model: RuntimeModel & Named = await runtime.load(source, { onProgress: (each) => told.push(each) });
  expect(told.length).toBeGreaterThan(3);
  await model.close();
  expect(Object.keys(runtime).sort()).toEqual([
    "ConfigError",
    "EspalierError",
    "FormatError",
    "InputError",
    "InterruptedError",
    "RunError",
    "load",
  ]);
  const failure: unknown = await runtime.load(new Uint8Array(9)).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(runtime.FormatError);
  expect(failure).toBeInstanceOf(ours);
});
