/** `espalier inspect`: what is in a model, part by part, without running it. */

import { requireEntry } from "../base/present.ts";
import type { BertConfig, LayerConfig } from "../bert/config.ts";
import { CLASSIFIER, isEmbedding, isMixture, layerNames, POOLER, parameters } from "../bert/names.ts";
import { lengthFor } from "../network/length.ts";
import { countParameters, type Head, macs, type Network } from "../network/network.ts";
import { INSPECT, type InspectOptions } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { usualLength } from "../runs/length.ts";
import { loadModel, measureModel } from "../runs/models.ts";
import type { RunContext } from "../runs/progress.ts";
import type { InspectResult, ModelPart } from "./answers.ts";

/**
 * Counts a model's parameters and multiply-accumulates.
 *
 * @throws {ConfigError} for options that do not fit, among them a length above the model's positions
 * @throws {InputError}, {FormatError} for a model that cannot be read
 * @example const { parts, parameters } = await inspect({ model: "hf:google/bert_uncased_L-4_H-256_A-4" });
 */
export async function inspect(options: InspectOptions, context: RunContext = {}): Promise<InspectResult> {
  const { model, maxLength } = resolveOptions(INSPECT, options);
  const { network, name, path } = await loadModel(model, context);
  const length = usualLength(network, maxLength);
  const { total, nonzero, embeddings } = countParameters(network);
  return {
    model: name,
    head: headText(network.head),
    parts: partsOf(network, length),
    parameters: { total, nonzero, embeddings },
    bytes: await measureModel(path),
    maxLength: lengthFor(network),
    positions: network.config.maxPositions,
    length,
    multiplyAccumulates: macs(network.config, network.head, length),
  };
}

/** Embeddings, each layer, pooler or mixture, and head. Their counts add up to those of the network. */
export function partsOf(network: Network, length: number): ModelPart[] {
  const { config, head } = network;
  const part = (
    name: string,
    structure: string,
    multiplyAccumulates: number,
    has: (tensor: string) => boolean,
  ): ModelPart => ({ name, structure, multiplyAccumulates, ...sizesOf(network, has) });
  const layers = config.layers.map((layer, i) => {
    const prefix = layerPrefix(i);
    const work = macs({ ...config, layers: [layer] }, { kind: "none" }, length);
    return part(`layer ${i}`, layerText(layer), work, (tensor) => tensor.startsWith(prefix));
  });
  const onTop = macs({ ...config, layers: [] }, head, length);
  const square = `${config.hiddenSize} × ${config.hiddenSize}`;
  const reader = head.kind === "classification" || head.kind === "regression" ? config.hiddenSize ** 2 : 0;
  const parts = [
    part("embeddings", embeddingsText(config), 0, isEmbedding),
    ...layers,
    part("pooler", square, reader, (t) => t.startsWith(POOLER)),
    part("mixture", `${config.layers.length} layers, ${square}`, reader, isMixture),
    part(
      "head",
      headText(head),
      onTop - reader,
      (t) => t.startsWith(`${CLASSIFIER}.`) || t.startsWith("cls."),
    ),
  ];
  return parts.filter((each) => each.parameters > 0);
}

/** `bert.encoder.layer.3.` */
function layerPrefix(i: number): string {
  return layerNames(i).output.replace(/output\.dense$/, "");
}

function sizesOf(
  { config, head, tensors }: Network,
  has: (tensor: string) => boolean,
): Pick<ModelPart, "parameters" | "nonzero"> {
  const sizes = { parameters: 0, nonzero: 0 };
  for (const name of parameters(config, head).keys()) {
    const data = has(name) ? requireEntry(tensors, name, "tensor").data : [];
    sizes.parameters += data.length;
    for (let i = 0; i < data.length; i++) if (data[i] !== 0) sizes.nonzero++;
  }
  return sizes;
}

function embeddingsText({ vocabSize, hiddenSize }: BertConfig): string {
  return `${vocabSize} pieces × ${hiddenSize}`;
}

function layerText({ heads, headSize, ffn }: LayerConfig): string {
  return `${heads} heads × ${headSize}, ffn ${ffn}`;
}

/** A head in words. */
export function headText(head: Head): string {
  if (head.kind === "classification") return labelsText(head.labels);
  if (head.kind === "regression") return "regression";
  return head.kind === "mlm" ? "masked language model" : "none";
}

/** Up to six names; more would fill the line. */
function labelsText(labels: readonly string[]): string {
  return labels.length > 6 ? `${labels.length} labels` : labels.join(" / ");
}
