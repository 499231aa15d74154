/** What a pass has left (forward.ts), as rows of answers. Browser-safe. */

import { requireItem } from "../base/present.ts";
import type { WasmMemory } from "../base/wasm.ts";
import { readBatch } from "./batch.ts";
import { PANEL, panelBytes, panelsOf } from "./panels.ts";
import type { PlacedModel } from "./placed.ts";

/** Logits [texts, labels], or of each text in turn [tokens, labels], or vectors [texts, D], of the pass that was done. */
export function readAnswers(memory: WasmMemory, model: PlacedModel): Float32Array {
  const { room, head, outputs } = model;
  const { texts, panels } = readBatch(memory, model);
  if (head.kind === "vector")
    return new Float32Array(memory.buffer, room.logits, texts.length * outputs).slice();
  const rows =
    head.kind === "tokens"
      ? texts.map(({ panel, tokens }) => ({ first: panel * PANEL, tokens }))
      : [{ first: 0, tokens: texts.length }];
  const stride = panelBytes(outputs) / 4;
  const answered = head.kind === "tokens" ? panels : panelsOf(texts.length);
  const logits = new Float32Array(memory.buffer, room.logits, answered * stride);
  const answers = new Float32Array(outputs * rows.reduce((n, { tokens }) => n + tokens, 0));
  let at = 0;
  for (const { first, tokens } of rows) {
    for (let row = first; row < first + tokens; row++) {
      const lane = Math.floor(row / PANEL) * stride + (row % PANEL);
      for (let label = 0; label < outputs; label++)
        answers[at++] = requireItem(logits, lane + label * PANEL, "logits");
    }
  }
  return answers;
}
