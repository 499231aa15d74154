/** Structures for tests of src/topology/: of a small configuration, with every entry as the test says. */

import { requireEntry, requireItem } from "../../src/base/present.ts";
import { type Key, sequence } from "../../src/base/random.ts";
import type { BertConfig } from "../../src/bert/config.ts";
import { EMBEDDINGS, parameters } from "../../src/bert/names.ts";
import { type BitMatrix, bitsOf } from "../../src/topology/bits.ts";
import { type Place, placesOf, type Structure } from "../../src/topology/structure.ts";
import { configOf } from "./configs.ts";

/** One layer: 2 heads of 2 features and 6 neurons on 4 hidden units; tables of 5, 3 and 2 rows. */
export const SMALL: BertConfig = configOf({
  vocabSize: 5,
  hiddenSize: 4,
  layers: [{ heads: 2, headSize: 2, ffn: 6 }],
  maxPositions: 3,
});

/** True for the entries that are there. */
export type Keeps = (place: Place, row: number, column: number) => boolean;

/** The structure of a configuration whose entries are given one by one. */
export function structureWith(config: BertConfig, keeps: Keeps): Structure {
  const shapes = parameters(config, { kind: "none" });
  const matrices = placesOf(config).map((place) => {
    const shape = requireEntry(shapes, place.name, "shape");
    const [rows, columns] = [requireItem(shape, 0, place.name), requireItem(shape, 1, place.name)];
    const entries = Uint8Array.from({ length: rows * columns }, (_, i) =>
      Number(keeps(place, Math.floor(i / columns), i % columns)),
    );
    return { ...place, bits: bitsOf(entries, rows, columns) };
  });
  return { config, reader: "pooler", matrices };
}

/** Rows of 0 and 1 as one matrix's entries; every other matrix is whole. */
export function onlyGiven(given: Partial<Record<Place["component"], readonly string[]>>): Keeps {
  return ({ component }, row, column) => {
    const rows = given[component];
    return rows === undefined || rows[row]?.[column] === "1";
  };
}

/** D = A = F = 2 in one head, three words, one position and one type: as small as an encoder can be. */
export const PAIR: BertConfig = configOf({
  vocabSize: 3,
  hiddenSize: 2,
  layers: [{ heads: 1, headSize: 2, ffn: 2 }],
  maxPositions: 1,
  typeVocab: 1,
});

/** Rows of 0 and 1 as the entries of one-layer matrices, of the word table for the embeddings; all others are empty. */
export function nothingBut(given: Partial<Record<Place["component"], readonly string[]>>): Keeps {
  return ({ component, name }, row, column) =>
    (component !== "embeddings" || name === EMBEDDINGS.words) && given[component]?.[row]?.[column] === "1";
}

/** Entries that are each there with a chance. */
export function drawn(key: Key, chance: (place: Place) => number): Keeps {
  const next = sequence(key);
  return (place) => next() < chance(place) * 2 ** 32;
}

/** Whether an entry is there. */
export function isThere({ stride, words }: BitMatrix, row: number, column: number): boolean {
  return ((requireItem(words, row * stride + (column >> 5), "words") >>> (column & 31)) & 1) === 1;
}
