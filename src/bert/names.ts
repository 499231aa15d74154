/**
 * Parameter names in one place: what every tensor is called and which shape it has.
 *
 * Names are those of `transformers`' `BertForSequenceClassification` and `BertForMaskedLM`, whatever the architecture;
 * what BERT has not is ours. Shapes follow PyTorch: a linear layer's weight is [out, in]. How a checkpoint spells them
 * is in architectures/.
 *
 *   L layers   D hidden size   E size of the embeddings   H heads   A features of all heads (H × head size)
 *   F feed-forward neurons   V word pieces
 *
 * Not here: values (network/network.ts), files (network/folder.ts).
 */

import { answersTexts, type BertConfig, factsOf, type Head, type LayerConfig } from "./config.ts";
import type { Biased, Facts } from "./facts.ts";

/** The embedding tables; `norm` is the LayerNorm after their sum. */
export const EMBEDDINGS = {
  words: "bert.embeddings.word_embeddings.weight",
  positions: "bert.embeddings.position_embeddings.weight",
  types: "bert.embeddings.token_type_embeddings.weight",
  norm: "bert.embeddings.LayerNorm",
  /** From the tables' size to the hidden size, [D, E], where they differ. */
  projection: "bert.embeddings.projection",
  /** What distance adds to the scores, [buckets, heads]. */
  relative: "bert.embeddings.relative_positions.weight",
} as const;

/** The LayerNorm after the last layer, where norms stand before modules. */
export const FINAL_NORM = "bert.encoder.LayerNorm";

/** The hidden layer of a head that answers texts, [D, D]: BERT's is the encoder's pooler. */
export const POOLER = "bert.pooler.dense";

/** What else stands with such a layer. */
export const HIDDEN = {
  /** After it, where the architecture has that. */
  norm: "bert.pooler.LayerNorm",
  /** A bare encoder's pooler, where heads have a hidden layer of their own. */
  spare: "bert.pooler.spare",
} as const;

/**
 * What stands in the pooler's place under a mixture: the layers' weights [L] before the softmax, under a name that says of
 * what, and a dense layer [D, D].
 */
export const MIXTURE = {
  weights: { mixture: "mixture.weights", means: "mixture.mean_weights" },
  dense: "mixture.dense",
} as const;

/** What reads every layer, by the name of its weights; undefined for any other tensor. */
export function mixtureOf(name: string): keyof typeof MIXTURE.weights | undefined {
  if (name === MIXTURE.weights.mixture) return "mixture";
  return name === MIXTURE.weights.means ? "means" : undefined;
}

/** Logits from what the head reads, [C, D]; one row for a regression. */
export const CLASSIFIER = "classifier";

/** The masked-language-model head; its output matrix is the word embeddings, so only `bias` [V] is its own. */
export const MLM = {
  /** What the names of all its tensors begin with. */
  stem: "cls.predictions.",
  transform: "cls.predictions.transform.dense",
  norm: "cls.predictions.transform.LayerNorm",
  bias: "cls.predictions.bias",
} as const;

/** Copies of tied tensors which some files carry: the copy's name, and the name of what it must equal. */
export const TIED: ReadonlyMap<string, string> = new Map([
  ["cls.predictions.decoder.weight", EMBEDDINGS.words],
  ["cls.predictions.decoder.bias", MLM.bias],
]);

/** The modules of one layer; append `.weight` or `.bias` (`weightOf`, `biasOf`). */
export interface LayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attentionOutput: string;
  readonly attentionNorm: string;
  readonly intermediate: string;
  /** The second matrix to the neurons, where a feed-forward module is gated. */
  readonly gate: string;
  readonly output: string;
  readonly outputNorm: string;
}

/** What the names of layer `i` begin with, counted from 0. A method's own layers stand under another `stack`. */
export function layerStem(i: number, stack = "bert.encoder.layer"): string {
  return `${stack}.${i}`;
}

/** Module names of layer `i`. */
export function layerNames(i: number, stack?: string): LayerNames {
  const at = layerStem(i, stack);
  return {
    query: `${at}.attention.self.query`,
    key: `${at}.attention.self.key`,
    value: `${at}.attention.self.value`,
    attentionOutput: `${at}.attention.output.dense`,
    attentionNorm: `${at}.attention.output.LayerNorm`,
    intermediate: `${at}.intermediate.dense`,
    gate: `${at}.intermediate.gate`,
    output: `${at}.output.dense`,
    outputNorm: `${at}.output.LayerNorm`,
  };
}

/** The weight of a module. */
export function weightOf(module: string): string {
  return `${module}.weight`;
}

/** The bias of a module. */
export function biasOf(module: string): string {
  return `${module}.bias`;
}

/** Names with their shapes, in the order of the forward pass. */
export type Shapes = Map<string, readonly number[]>;

type Adds = (module: string, ...shape: readonly [number, ...number[]]) => void;

/** Adds a module of a kind: its weight in this shape, and a bias of the weight's rows unless that kind has none. */
function adding(shapes: Shapes, { without }: Facts, kind?: Biased): Adds {
  return (module, ...shape) => {
    shapes.set(weightOf(module), shape);
    if (kind === undefined || !without.includes(kind)) shapes.set(biasOf(module), [shape[0]]);
  };
}

function addEmbeddings(shapes: Shapes, config: BertConfig, facts: Facts): void {
  const { hiddenSize: D, vocabSize, maxPositions, typeVocab } = config;
  const { embeddingSize: E = D, positions, relative } = facts;
  shapes.set(EMBEDDINGS.words, [vocabSize, E]);
  if (positions.kind !== "rotary") {
    shapes.set(EMBEDDINGS.positions, [
      maxPositions + (positions.kind === "table" ? 0 : positions.pad + 1),
      E,
    ]);
  }
  if (typeVocab > 0) shapes.set(EMBEDDINGS.types, [typeVocab, E]);
  adding(shapes, facts, "norm")(EMBEDDINGS.norm, E);
  if (facts.embeddingSize !== undefined) adding(shapes, facts)(EMBEDDINGS.projection, D, E);
  if (relative !== undefined) shapes.set(EMBEDDINGS.relative, [relative.buckets, relative.heads]);
}

/** Tensors of layer `i`; those of layers that share are added once. */
function addLayer(shapes: Shapes, config: BertConfig, facts: Facts, layer: LayerConfig, i: number): void {
  const [D, A, F] = [config.hiddenSize, layer.heads * layer.headSize, layer.ffn];
  const names = layerNames(layer.sharing ?? i);
  const [attention, ffn, norm] = (["attention", "ffn", "norm"] as const).map((kind) =>
    adding(shapes, facts, kind),
  ) as [Adds, Adds, Adds]; // as many as kinds
  for (const module of [names.query, names.key, names.value]) attention(module, A, D);
  attention(names.attentionOutput, D, A);
  if (layer.bare !== true) norm(names.attentionNorm, D);
  ffn(names.intermediate, F, D);
  if (layer.gated === true) ffn(names.gate, F, D);
  ffn(names.output, D, F);
  norm(names.outputNorm, D);
}

function addHead(shapes: Shapes, config: BertConfig, facts: Facts, head: Head): void {
  const { hiddenSize: D, vocabSize } = config;
  const { embeddingSize: E = D, head: kind } = facts;
  const linear = adding(shapes, facts);
  if (head.kind === "none") return;
  if (kind.shared === true && !("reader" in head)) addHidden(shapes, facts, D);
  if (head.kind === "mlm") {
    if (kind.shared !== true) {
      linear(MLM.transform, E, D);
      linear(MLM.norm, E);
    }
    if (!facts.without.includes("pieces")) shapes.set(MLM.bias, [vocabSize]);
  } else if (head.kind === "tokens") {
    linear(CLASSIFIER, head.labels.length, D);
  } else {
    if (head.reader !== undefined) {
      shapes.set(MIXTURE.weights[head.reader], [config.layers.length]);
      linear(MIXTURE.dense, D, D);
    } else if (kind.shared !== true) addHidden(shapes, facts, D);
    linear(CLASSIFIER, head.kind === "regression" ? 1 : head.labels.length, D);
  }
}

/** The head's hidden layer, with its norm where it has one. */
function addHidden(shapes: Shapes, facts: Facts, D: number): void {
  adding(shapes, facts, "hidden")(POOLER, D, D);
  if (facts.head.shared === true) adding(shapes, facts, "norm")(HIDDEN.norm, D);
}

/** What reads every layer, by the tensors that are there. */
export function mixtureIn(names: Iterable<string>): ReturnType<typeof mixtureOf> {
  return [...names].map(mixtureOf).find((reader) => reader !== undefined);
}

/** Every tensor that a network of this configuration and head has, with its shape. */
export function parameters(config: BertConfig, head: Head): Shapes {
  const shapes: Shapes = new Map();
  const facts = factsOf(config);
  addEmbeddings(shapes, config, facts);
  config.layers.forEach((layer, i) => {
    addLayer(shapes, config, facts, layer, i);
  });
  if (facts.norm === "before") adding(shapes, facts, "norm")(FINAL_NORM, config.hiddenSize);
  addHead(shapes, config, facts, head);
  return shapes;
}

/**
 * Tensors that a network of this head may carry besides: a pre-trained pooler, or a hidden layer that a fine-tuning to
 * come begins with. The forward pass of such a network does not use them.
 */
export function optionalParameters(config: BertConfig, head: Head): Shapes {
  const shapes: Shapes = new Map();
  const facts = factsOf(config);
  const { pooler, shared } = facts.head;
  const D = config.hiddenSize;
  if (head.kind === "none" && shared === true) addHidden(shapes, facts, D);
  if ((head.kind === "mlm" || head.kind === "none") && pooler === "read") adding(shapes, facts)(POOLER, D, D);
  if (head.kind === "none" && pooler === "spare") adding(shapes, facts)(HIDDEN.spare, D, D);
  return shapes;
}

/** True for the tensors that a mixture has in the pooler's place. */
export function isMixture(name: string): boolean {
  return mixtureOf(name) !== undefined || name.startsWith(`${MIXTURE.dense}.`);
}

/** True for the tensors of the encoder itself: what every head shares. */
export function isEncoder(name: string): boolean {
  return name.startsWith("bert.embeddings.") || name.startsWith("bert.encoder.");
}

/** True for the embedding tables and their LayerNorm, which are counted apart. */
export function isEmbedding(name: string): boolean {
  return name.startsWith("bert.embeddings.");
}

/**
 * True when AdamW decays the tensor: everything but biases and LayerNorm, as BERT's own optimizer does, and but the
 * weights of a mixture, which decay would draw towards the plain average.
 */
export function isDecayed(name: string): boolean {
  return !name.endsWith("bias") && !name.includes("LayerNorm.") && mixtureOf(name) === undefined;
}

/** Numbers 0, 1, 2 … that older versions of `transformers` saved: they hold nothing, and nobody has to be told. */
const CONSTANTS = /^bert\.embeddings\.(?:position|token_type)_ids$/;

/** Heads of `transformers`, by what the names of their tensors begin with. */
const HEADS = /^(?:cls|classifier|qa_outputs)\./;

/** Weights of classes in a loss, which a module keeps as a buffer: `loss_fct.weight` and the like. */
const LOSS = /^(?:loss|loss_f(?:ct|n|unc|unction)|criterion|crit|class|ce_loss)[._](?:pos_)?weights?$/;

/** What to do with a tensor that a network of this head has no place for. */
export type Surplus = "constant" | "left out" | "refused";

/** A bare encoder's pooler, which no head reads; and what only heads that answer texts read. */
const SPARE: readonly string[] = [weightOf(HIDDEN.spare), biasOf(HIDDEN.spare)];
const HIDDEN_LAYERS = [POOLER, HIDDEN.norm].flatMap((module) => [weightOf(module), biasOf(module)]);

/**
 * Tensors that stock `transformers` leaves out because its class for the head has no such module, and that no answer
 * depends on: other heads and weights of a loss. Whatever else a file holds may be a part of the arithmetic (adapters,
 * cross-attention, another kind of positions, more layers of the head itself), so it is refused.
 *
 * @param name  as `nameInside` of architectures/spelling.ts gives it
 * @param foreign  what the names of other heads of the architecture begin with
 */
export function surplusOf(name: string, head: Head, foreign: readonly string[] = []): Surplus {
  if (CONSTANTS.test(name)) return "constant";
  if (LOSS.test(name)) return "left out";
  if (SPARE.includes(name) || (HIDDEN_LAYERS.includes(name) && !answersTexts(head))) return "left out";
  const own = head.kind === "mlm" ? MLM.stem : `${CLASSIFIER}.`;
  if (head.kind !== "none" && name.startsWith(own)) return "refused";
  if (foreign.some((stem) => name.startsWith(`${stem}.`))) return "left out";
  return HEADS.test(name) ? "left out" : "refused";
}
