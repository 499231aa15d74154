/** What `espalier` exports beside its commands: the types below are missed by the compiler. */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { expect, expectTypeOf, test } from "vitest";
import type {
  EmbedOptions,
  load,
  PackedFigures,
  PairedComparison,
  RunResult,
  TextModel,
  TopologyResult,
  topology,
  VectorOptions,
} from "./index.ts";

test("public results and options are made of what is exported", () => {
  expectTypeOf<Awaited<ReturnType<typeof topology>>>().toEqualTypeOf<TopologyResult>();
  expectTypeOf<NonNullable<RunResult["paired"]>>().toEqualTypeOf<PairedComparison>();
  expectTypeOf<NonNullable<RunResult["packed"]>>().toEqualTypeOf<PackedFigures>();
  expectTypeOf<Awaited<ReturnType<typeof load>>>().toEqualTypeOf<TextModel>();
  expectTypeOf<NonNullable<Parameters<TextModel["embed"]>[1]>>().toEqualTypeOf<VectorOptions>();
  expectTypeOf<EmbedOptions>().not.toEqualTypeOf<VectorOptions>();
});

test("tools that look for the package's description find it beside its entry points", () => {
  const { resolve } = createRequire(import.meta.url);
  expect(resolve("espalier/package.json")).toBe(fileURLToPath(new URL("../package.json", import.meta.url)));
});
