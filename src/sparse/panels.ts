/**
 * Panels: how activations lie in the runtime's memory, [panel][feature][16 tokens].
 *
 * Tokens are the lanes of a vector register, so a weight is broadcast and everything else runs down the features. A
 * text begins at a panel of its own; lanes beyond its end hold finite numbers that nobody reads. Features are padded
 * to a multiple of 4, the largest block of a kernel. Browser-safe.
 */

/** Tokens of a panel. */
export const PANEL = 16;

/** Features of a panel, padded to whole blocks of a kernel. */
export function padFeatures(features: number): number {
  return Math.ceil(features / 4) * 4;
}

/** Panels of so many tokens. */
export function panelsOf(tokens: number): number {
  return Math.ceil(tokens / PANEL);
}

/** Bytes from one panel to the next. */
export function panelBytes(features: number): number {
  return padFeatures(features) * PANEL * 4;
}

/** Bytes before the numbers of a panel in 8 bits: a scale and a zero point for each token. */
const BYTE_PANEL_HEAD = 2 * 4 * PANEL;

/** Bytes from one panel in 8 bits to the next: see assembly/inference/quantize.ts. */
export function bytePanelBytes(features: number): number {
  return BYTE_PANEL_HEAD + padFeatures(features) * PANEL;
}

/** Rows [tokens, features] as panels; lanes without a token are 0. */
export function toPanels(rows: Float32Array, tokens: number, features: number): Float32Array {
  const stride = panelBytes(features) / 4;
  const panels = new Float32Array(panelsOf(tokens) * stride);
  for (let t = 0; t < tokens; t++) {
    for (let f = 0; f < features; f++) panels[laneOf(t, f, stride)] = rows[t * features + f] ?? 0;
  }
  return panels;
}

/** Panels as rows [tokens, features]. */
export function fromPanels(panels: Float32Array, tokens: number, features: number): Float32Array {
  const stride = panelBytes(features) / 4;
  const rows = new Float32Array(tokens * features);
  for (let t = 0; t < tokens; t++) {
    for (let f = 0; f < features; f++) rows[t * features + f] = panels[laneOf(t, f, stride)] ?? 0;
  }
  return rows;
}

function laneOf(token: number, feature: number, stride: number): number {
  return Math.floor(token / PANEL) * stride + feature * PANEL + (token % PANEL);
}
