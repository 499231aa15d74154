/**
 * The batch of one pass, in memory that all threads see.
 *
 *   u32 texts, u32 panels
 *   u32 [panels][3]  of each text: its first panel, its tokens, where its tokens begin
 *   u32 [tokens]     word pieces, then as many types
 *
 * Every text begins at a panel of its own, so texts of different length are not padded to one another. Browser-safe.
 */

import { InputError } from "../base/errors.ts";
import type { WasmMemory } from "../base/wasm.ts";
import { PANEL, panelsOf } from "./panels.ts";
import { PASS_PANELS, type PlacedModel } from "./placed.ts";

/** One text's pieces. */
export interface EncodedText {
  readonly ids: ArrayLike<number>;
  readonly types: ArrayLike<number>;
}

/** A text in a pass. */
export interface TextPlace {
  readonly panel: number;
  readonly tokens: number;
  /** Addresses of its pieces and types. */
  readonly ids: number;
  readonly types: number;
}

/** A pass, read back. */
export interface PlacedBatch {
  readonly panels: number;
  readonly texts: readonly TextPlace[];
}

/** What of a placed model a batch needs. */
export type BatchRoom = Pick<PlacedModel, "config" | "panels"> & {
  readonly room: Pick<PlacedModel["room"], "batch">;
};

/**
 * Splits texts, in their order, into passes that fit.
 * @throws {InputError} `sparse/length` for an empty text or one longer than the model has positions, `sparse/piece`
 */
export function passesOf<T extends EncodedText>(texts: readonly T[], model: BatchRoom): T[][] {
  const passes: T[][] = [];
  let room = 0;
  for (const text of texts) {
    checkText(text, model);
    const panels = panelsOf(text.ids.length);
    if (panels > room) {
      passes.push([]);
      room = Math.max(PASS_PANELS, panels);
    }
    passes.at(-1)?.push(text);
    room -= panels;
  }
  return passes;
}

function checkText({ ids, types }: EncodedText, { config }: BatchRoom): void {
  const { length } = ids;
  const { vocabSize, typeVocab } = config;
  if (length === 0 || length > config.maxPositions || types.length !== length) {
    const got = types.length === length ? `${length}` : `${length} with ${types.length} types`;
    throw new InputError("sparse/length", `text: expected 1 to ${config.maxPositions} tokens, got ${got}`);
  }
  for (let i = 0; i < length; i++) {
    const [id, type] = [ids[i] ?? -1, types[i] ?? -1];
    if (id >= 0 && id < vocabSize && (typeVocab === 0 || (type >= 0 && type < typeVocab))) continue;
    const expected = `pieces below ${vocabSize}${typeVocab === 0 ? "" : ` of types below ${typeVocab}`}`;
    throw new InputError(
      "sparse/piece",
      `text: expected ${expected}, got piece ${id} of type ${type} (token ${i})`,
    );
  }
}

/** Writes one pass. */
export function writeBatch(memory: WasmMemory, model: BatchRoom, texts: readonly EncodedText[]): void {
  const at = placesOf(model);
  const words = new Uint32Array(memory.buffer, model.room.batch, at.types + model.panels * PANEL);
  let [panel, token] = [0, 0];
  texts.forEach(({ ids, types }, i) => {
    words.set([panel, ids.length, token], 2 + 3 * i);
    words.set(ids, at.ids + token);
    if (model.config.typeVocab > 0) words.set(types, at.types + token);
    panel += panelsOf(ids.length);
    token += ids.length;
  });
  words.set([texts.length, panel]);
}

/** Reads the pass that is there. */
export function readBatch(memory: WasmMemory, model: BatchRoom): PlacedBatch {
  const { batch } = model.room;
  const [count = 0, panels = 0] = new Uint32Array(memory.buffer, batch, 2);
  const places = new Uint32Array(memory.buffer, batch + 8, 3 * count);
  const at = placesOf(model);
  const texts = Array.from({ length: count }, (_, i): TextPlace => {
    const [panel = 0, tokens = 0, token = 0] = places.subarray(3 * i);
    return { panel, tokens, ids: batch + 4 * (at.ids + token), types: batch + 4 * (at.types + token) };
  });
  return { panels, texts };
}

/** Words before the pieces, and before the types. */
function placesOf({ panels }: BatchRoom): { readonly ids: number; readonly types: number } {
  const ids = 2 + 3 * panels;
  return { ids, types: ids + panels * PANEL };
}
