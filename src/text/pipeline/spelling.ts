/**
 * Spells texts by the steps of a pipeline: what lies between added tokens becomes pieces, with their places or without.
 *
 * A text is normalised as a whole, since forms of Unicode and white space reach over words; then it is spelt word by word,
 * no further than is wanted, and words are remembered.
 * Promise: numbers and places are those of Hugging Face's Rust `tokenizers`, in UTF-16 units. Characters differ that are
 * newer than its tables of Unicode, and places in words of which a character is dropped (models.ts). Not here: added tokens
 * (added-tokens.ts), templates (encoding.ts).
 */

import { requireItem } from "../../base/present.ts";
import type { Splitter } from "../added-tokens.ts";
import type { PlacedPiece } from "../places.ts";
import { remembered } from "../remembered.ts";
import { createModel, type SpellWord, type Spelt } from "./models.ts";
import { createNormaliser } from "./normalizers.ts";
import type { Pipeline } from "./pipeline.ts";
import { originOf, type Stretch, sliceOf, stretchOf, widthAt } from "./stretch.ts";
import { BYTE_CHARACTERS, createCutter } from "./words.ts";

/** A tokenizer's pieces and steps. */
export interface PipelineFiles extends Spelt {
  readonly pipeline: Pipeline;
}

/** Finds added tokens: first those of the text as it is, then those of normalised text. */
export interface Splitters {
  readonly asIs: Splitter;
  readonly normalised: Splitter | undefined;
}

/** A pipeline at work. */
export interface PipelineSpeller {
  normalise(text: string): string;
  /** The pieces of a text, some at a time. */
  read(text: string, splitters: Splitters): Generator<readonly number[]>;
  /** The same with their places. */
  readPlaced(text: string, splitters: Splitters): Generator<readonly PlacedPiece[]>;
}

export function createPipeline(files: PipelineFiles): PipelineSpeller {
  const { pipeline, vocab } = files;
  const normalise = createNormaliser(pipeline);
  const cut = createCutter(pipeline.preTokenizers);
  const spellWord = remembered(createModel(files));
  // Whether a word stands at the text's very beginning is known by its place.
  const firsts = pipeline.preTokenizers.findIndex(
    (step) => step.type === "Metaspace" && step.prepend_scheme === "first",
  );
  const runs = function* (text: string, hasPlaces: boolean, { asIs, normalised }: Splitters): Generator<Run> {
    const given = withoutSurrogates(text);
    for (const part of asIs(given)) {
      const stretch = stretchOf(given, part.start, part.end, hasPlaces || firsts > 0);
      if (part.id !== undefined) yield { stretch, id: part.id };
      else yield* between(normalise(stretch), normalised);
    }
  };
  return {
    normalise: (text) => normalise(stretchOf(text, 0, text.length, false)).text,
    *read(text, splitters) {
      for (const { stretch, id } of runs(text, false, splitters)) {
        if (id !== undefined) yield [id];
        else for (const word of cut(stretch)) yield spellWord(word.text).ids;
      }
    },
    *readPlaced(text, splitters) {
      const place = placer(pipeline, vocab, text);
      for (const { stretch, id } of runs(text, true, splitters)) {
        if (id !== undefined) yield [place(id, stretch, 0, stretch.text.length)];
        else for (const word of cut(stretch)) yield placeWord(word, spellWord(word.text), place);
      }
    },
  };
}

/** An added token, or what lies between two. */
interface Run {
  readonly stretch: Stretch;
  readonly id?: number;
}

function* between(stretch: Stretch, normalised: Splitter | undefined): Generator<Run> {
  if (normalised === undefined) {
    if (stretch.text !== "") yield { stretch };
    return;
  }
  for (const { start, end, id } of normalised(stretch.text)) {
    const part = sliceOf(stretch, start, end);
    yield id === undefined ? { stretch: part } : { stretch: part, id };
  }
}

/** Half of a character has no bytes: it becomes what an encoder of UTF-8 makes of it. */
function withoutSurrogates(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** The piece that stands for a stretch from `start` to before `end`. */
type Place = (id: number, stretch: Stretch, start: number, end: number) => PlacedPiece;

function placeWord(word: Stretch, { ids, starts, ends }: ReturnType<SpellWord>, place: Place): PlacedPiece[] {
  return ids.map((id, i) =>
    place(id, word, requireItem(starts, i, "pieces"), requireItem(ends, i, "pieces")),
  );
}

/** Of the pieces of one text, in their order. A word begins where a space is, as pipelines of `transformers` have it. */
function placer({ trim }: Pipeline, vocab: readonly string[], text: string): Place {
  let isFirst = true;
  return (id, stretch, from, to) => {
    const piece = requireItem(vocab, id, "vocabulary");
    const whole = originOf(stretch, from, to);
    const isOwn = trim?.add_prefix_space === true && (isFirst || whole.start === 0);
    const { start, end } = trim === null ? whole : trimmed(text, whole, stretch.text.slice(from, to), isOwn);
    isFirst = false;
    return { id, piece, start, end, isFirst: start === 0 || text.slice(start - 1, start + 1).includes(" ") };
  };
}

const BYTE_SPACE = BYTE_CHARACTERS[32] ?? "";
const LEADING = new RegExp(`^[${BYTE_SPACE}\\p{White_Space}]*`, "u");

/** Spaces that a text begins with. */
function countSpaces(text: string): number {
  return LEADING.exec(text)?.[0].length ?? 0;
}

/**
 * A place without as many characters as its piece has spaces at its ends.
 * @param isOwn  one space before the piece is not the text's own
 */
function trimmed(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
  piece: string,
  isOwn: boolean,
): { start: number; end: number } {
  const leading = countSpaces(piece);
  const trailing = countSpaces([...piece].reverse().join(""));
  let [from, to] = [start, end];
  for (let left = leading === 1 && isOwn ? 0 : leading; left > 0 && from < end; left--) {
    from += widthAt(text, from);
  }
  for (let left = trailing; left > 0 && to > from; left--) to -= widthAt(text, to - 2) === 2 ? 2 : 1;
  return { start: from, end: to };
}
