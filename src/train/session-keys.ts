/**
 * Names of the compiled graphs of a run: what they are for, the method, and the structure it asked for. Equal names mean
 * equal graphs, so one that is loaded serves again.
 */

import type { BoundMethod, Progress } from "../contract/method.ts";

const PRODUCT_GRAPHS = ["eval", "loss", "weights"] as const;
/** Graphs of the product's structure: its answers, their loss, and the weights that it computes. */
export type ProductGraph = (typeof PRODUCT_GRAPHS)[number];

/** Of a step. @param accumulate  its gradients are added to those of the parts before */
export function trainKey(id: string, structure: string, accumulate: boolean): string {
  return `train ${id} ${structure} ${accumulate}`;
}

export function productKey(graph: ProductGraph, id: string, structure: string): string {
  return `${graph} ${id} ${structure}`;
}

/** Of all graphs that a step and an evaluation after `steps` steps may take. */
export function sessionKeys(
  method: Pick<BoundMethod, "id" | "structure" | "product">,
  steps: number,
  progress: Progress,
): string[] {
  const [structure, product] = [method.structure(steps, progress), method.product(progress)];
  return [
    ...[false, true].map((accumulate) => trainKey(method.id, structure, accumulate)),
    ...PRODUCT_GRAPHS.map((graph) => productKey(graph, method.id, product)),
  ];
}
