/**
 * The steps of a pipeline as the directory of a packed file holds them: the keys of `Pipeline`, in one order, but for what
 * grows with the pieces (merges, scores) and the table of characters, which have a section of their own.
 *
 * Not here: that section (sparse/esp/pipeline-section.ts), `tokenizer.json` (steps-json.ts).
 */

import { fieldsOf, flagOf, isUnset, numberOf, unread } from "../fields.ts";
import type { BpeModel, Pipeline, UnigramModel } from "./pipeline.ts";
import { type ParsedSteps, parseList } from "./steps-json.ts";

/** A pipeline without its numbers and without its table. */
export interface PackedPipeline extends ParsedSteps {
  readonly model: Omit<BpeModel, "merges"> | Omit<UnigramModel, "scores">;
  readonly trim: Pipeline["trim"];
  /** Whether there is a table. */
  readonly hasCharsmap: boolean;
}

/** The steps of a pipeline, without its numbers. Equal pipelines have equal texts. */
export function packPipeline({
  normalizers,
  preTokenizers,
  decoders,
  model,
  trim,
}: Pipeline): Record<string, unknown> {
  const { type, unk, byte_fallback } = model;
  const others = model.type === "BPE" ? { fuse_unk: model.fuse_unk, ignore_merges: model.ignore_merges } : {};
  return { normalizers, preTokenizers, model: { type, unk, byte_fallback, ...others }, decoders, trim };
}

/** A text that only equal pipelines have. */
export function pipelineText(pipeline: Pipeline): string {
  const { model, charsmap } = pipeline;
  const numbers = model.type === "BPE" ? model.merges : model.scores;
  return JSON.stringify([packPipeline(pipeline), numbers, charsmap && [...charsmap]]);
}

/** @throws {FormatError} `tokenizer/…` naming what is not read here */
export function parsePacked(json: unknown, where: string): PackedPipeline {
  const fields = fieldsOf(json, where);
  const names = Object.keys(fields).join();
  if (names !== "normalizers,preTokenizers,model,decoders,trim") {
    throw unread(where, "pipeline", "normalizers, preTokenizers, model, decoders and trim", names);
  }
  const steps = parseList(fields, where);
  const tables = steps.normalizers.filter(({ type }) => type === "Precompiled").length;
  if (tables > 1) throw unread(where, "normalizers", "one Precompiled", tables);
  return {
    ...steps,
    model: parseModel(fields.model, `${where}: model`),
    trim: parseTrim(fields.trim, `${where}: trim`),
    hasCharsmap: tables === 1,
  };
}

function parseModel(json: unknown, where: string): PackedPipeline["model"] {
  const { type, unk, ...flags } = fieldsOf(json, where);
  const byte_fallback = flagOf(flags, "byte_fallback", false, where);
  if (type === "Unigram") return { type, unk: numberOf(unk, MOST, "unk", where), byte_fallback };
  if (type !== "BPE") throw unread(where, "type", "BPE or Unigram", type);
  return {
    type,
    unk: isUnset(unk) ? null : numberOf(unk, MOST, "unk", where),
    byte_fallback,
    fuse_unk: flagOf(flags, "fuse_unk", false, where),
    ignore_merges: flagOf(flags, "ignore_merges", false, where),
  };
}

const MOST = 2 ** 31;

function parseTrim(json: unknown, where: string): Pipeline["trim"] {
  if (json === null) return null;
  return { add_prefix_space: flagOf(fieldsOf(json, where), "add_prefix_space", false, where) };
}
