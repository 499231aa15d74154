/** What is in a model, part by part: parameters, those that are not 0, and the work of one text. */

import { requireEntry } from "../base/present.ts";
import { countNonzero } from "../base/tensor.ts";
import { answersTexts, type BertConfig, type LayerConfig } from "../bert/config.ts";
import { CLASSIFIER, FINAL_NORM, isEmbedding, isMixture, layerStem, parameters } from "../bert/names.ts";
import { type Head, macs, type Network } from "../network/network.ts";
import { poolingText } from "../network/sentence-files.ts";

/** One part of a model: embeddings, one layer, pooler, head. */
export interface ModelPart {
  readonly name: string;
  /** Its structure in words, such as `12 heads × 64, ffn 3072`; `""` when there is nothing to say. */
  readonly structure: string;
  readonly parameters: number;
  readonly nonzero: number;
  /** For one example of the tokens that were asked for. */
  readonly multiplyAccumulates: number;
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
  const embedding = macs({ ...config, layers: [] }, { kind: "none" }, length);
  const shared = new Set<number>();
  const layers = config.layers.map((layer, i) => {
    const own = layer.sharing ?? i;
    const [isFirst, prefix] = [!shared.has(own), `${layerStem(own)}.`];
    shared.add(own);
    const work = macs({ ...config, layers: [layer] }, { kind: "none" }, length) - embedding;
    const text = isFirst ? layerText(layer) : `as layer ${own}`;
    return part(`layer ${i}`, text, work, (tensor) => isFirst && tensor.startsWith(prefix));
  });
  const onTop = macs({ ...config, layers: [] }, head, length) - embedding;
  const square = `${config.hiddenSize} × ${config.hiddenSize}`;
  const reader = answersTexts(head) ? config.hiddenSize ** 2 : 0;
  const parts = [
    part("embeddings", embeddingsText(config), embedding, isEmbedding),
    ...layers,
    part("last norm", String(config.hiddenSize), 0, (t) => t.startsWith(`${FINAL_NORM}.`)),
    part("pooler", square, reader, (t) => t.startsWith("bert.pooler.")),
    part("mixture", `${config.layers.length} layers, ${square}`, reader, isMixture),
    part(
      "head",
      headText(head),
      onTop - reader,
      (t) => t.startsWith(`${CLASSIFIER}.`) || t.startsWith("cls."),
    ),
  ];
  return parts.filter((each) => each.parameters > 0 || layers.includes(each));
}

function sizesOf(
  { config, head, tensors }: Network,
  has: (tensor: string) => boolean,
): Pick<ModelPart, "parameters" | "nonzero"> {
  const sizes = { parameters: 0, nonzero: 0 };
  for (const name of [...parameters(config, head).keys()].filter(has)) {
    const { data } = requireEntry(tensors, name, "tensor");
    sizes.parameters += data.length;
    sizes.nonzero += countNonzero(data);
  }
  return sizes;
}

function embeddingsText({ vocabSize, hiddenSize, facts }: BertConfig): string {
  return `${vocabSize} pieces × ${facts?.embeddingSize ?? hiddenSize}`;
}

function layerText({ heads, headSize, ffn, gated, window }: LayerConfig): string {
  const seen = window === undefined ? "" : ` over ${2 * window + 1} tokens`;
  return `${heads} heads × ${headSize}${seen}, ffn ${ffn}${gated === true ? " gated" : ""}`;
}

/** A head in words. */
export function headText(head: Head): string {
  if (head.kind === "classification") return labelsText(head.labels);
  if (head.kind === "multi-label") return `any of ${labelsText(head.labels)}`;
  if (head.kind === "tokens") return `of each token: ${labelsText(head.labels)}`;
  if (head.kind === "regression") return "regression";
  if (head.kind === "mlm") return "masked language model";
  if (head.pooling === undefined) return "none";
  return `none; vectors: ${head.pooling ? poolingText(head.pooling) : "made in a way that is not read here"}`;
}

/** Up to six names; more would fill the line. */
function labelsText(labels: readonly string[]): string {
  return labels.length > 6 ? `${labels.length} labels` : labels.join(" / ");
}
