/**
 * Vectors of texts from the states that a pass has left: rows [texts, D] in the place of the logits.
 *
 * Each thread pools some of the texts, over their own tokens: lanes beyond a text's end are not looked at. Browser-safe.
 * Not here: the pass (forward.ts), the pooling (network/pooling.ts).
 */

import { requireItem } from "../base/present.ts";
import type { WasmMemory } from "../base/wasm.ts";
import type { Pooling } from "../bert/config.ts";
import { poolStates } from "../network/pooling.ts";
import type { TextPlace } from "./batch.ts";
import { PANEL, panelBytes, panelsOf } from "./panels.ts";

/** Where states lie, and where vectors go: addresses. */
export interface VectorRoom {
  readonly memory: WasmMemory;
  readonly pooling: Pooling;
  /** D. */
  readonly features: number;
  readonly vectors: number;
}

/** Which texts one thread does. */
export interface TextShare {
  readonly texts: readonly TextPlace[];
  readonly thread: number;
  readonly threads: number;
}

/** Pools states [panels][D] of whole texts. */
export function poolTexts(room: VectorRoom, states: number, { texts, thread, threads }: TextShare): void {
  const stride = panelBytes(room.features) / 4;
  for (let t = thread; t < texts.length; t += threads) {
    const { panel, tokens } = requireItem(texts, t, "texts");
    poolText(room, states, t, { start: panel * stride, tokens });
  }
}

/** The same from panels that hold the first token of each text, as lanes. */
export function poolFirsts(room: VectorRoom, firsts: number, texts: number): void {
  const stride = panelBytes(room.features) / 4;
  for (let t = 0; t < texts; t++) {
    poolText(room, firsts, t, { start: Math.floor(t / PANEL) * stride + (t % PANEL), tokens: 1 });
  }
}

/** Rows of this thread's texts, which lie where vectors do, as lanes of panels that hold one token of each text. */
export function spreadRows(
  { memory, features, vectors }: VectorRoom,
  panels: number,
  { texts, thread, threads }: TextShare,
): void {
  const stride = panelBytes(features) / 4;
  const rows = new Float32Array(memory.buffer, vectors, texts.length * features);
  const lanes = new Float32Array(memory.buffer, panels, panelsOf(texts.length) * stride);
  for (let t = thread; t < texts.length; t += threads) {
    const start = Math.floor(t / PANEL) * stride + (t % PANEL);
    for (let f = 0; f < features; f++) lanes[start + f * PANEL] = requireItem(rows, t * features + f, "rows");
  }
}

function poolText(
  { memory, pooling, features, vectors }: VectorRoom,
  states: number,
  t: number,
  text: { readonly start: number; readonly tokens: number },
): void {
  const stride = panelBytes(features) / 4;
  const vector = new Float32Array(memory.buffer, vectors + 4 * t * features, features);
  poolStates(new Float32Array(memory.buffer, states), { ...text, lanes: PANEL, stride }, pooling, vector);
}
