/**
 * The checkpoint's parameter names, verbatim, in one place: what every tensor is called and which shape it has.
 *
 * Names are those of `transformers`' `BertForSequenceClassification` and `BertForMaskedLM`; those of the mixture are
 * ours. Shapes follow PyTorch: a linear layer's weight is [out, in]. Older spellings are normalised on reading and
 * never written.
 *
 *   L layers   D hidden size   H heads   A features of all heads (H × head size)   F feed-forward neurons   V word pieces
 *
 * Not here: values (network/network.ts), files (network/folder.ts).
 */

import type { BertConfig, Head } from "./config.ts";

/** The embedding tables; `norm` is the LayerNorm after their sum. */
export const EMBEDDINGS = {
  words: "bert.embeddings.word_embeddings.weight",
  positions: "bert.embeddings.position_embeddings.weight",
  types: "bert.embeddings.token_type_embeddings.weight",
  norm: "bert.embeddings.LayerNorm",
} as const;

/** The dense layer with tanh on the first token, [D, D]. */
export const POOLER = "bert.pooler.dense";

/** What stands in the pooler's place under a mixture: the layers' weights [L] before the softmax, a dense layer [D, D]. */
export const MIXTURE = {
  weights: "mixture.weights",
  dense: "mixture.dense",
} as const;

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

function addLinear(shapes: Shapes, module: string, out: number, inputs: number): void {
  shapes.set(weightOf(module), [out, inputs]).set(biasOf(module), [out]);
}

function addNorm(shapes: Shapes, module: string, features: number): void {
  shapes.set(weightOf(module), [features]).set(biasOf(module), [features]);
}

function addEmbeddings(shapes: Shapes, config: BertConfig): void {
  const D = config.hiddenSize;
  shapes.set(EMBEDDINGS.words, [config.vocabSize, D]);
  shapes.set(EMBEDDINGS.positions, [config.maxPositions, D]);
  shapes.set(EMBEDDINGS.types, [config.typeVocab, D]);
  addNorm(shapes, EMBEDDINGS.norm, D);
}

function addLayer(shapes: Shapes, config: BertConfig, i: number): void {
  const layer = config.layers[i];
  if (layer === undefined) return;
  const [D, A, F] = [config.hiddenSize, layer.heads * layer.headSize, layer.ffn];
  const names = layerNames(i);
  for (const module of [names.query, names.key, names.value]) addLinear(shapes, module, A, D);
  addLinear(shapes, names.attentionOutput, D, A);
  addNorm(shapes, names.attentionNorm, D);
  addLinear(shapes, names.intermediate, F, D);
  addLinear(shapes, names.output, D, F);
  addNorm(shapes, names.outputNorm, D);
}

function addHead(shapes: Shapes, config: BertConfig, head: Head): void {
  const D = config.hiddenSize;
  if (head.kind === "mlm") {
    addLinear(shapes, MLM.transform, D, D);
    addNorm(shapes, MLM.norm, D);
    shapes.set(MLM.bias, [config.vocabSize]);
  } else if (head.kind === "tokens") {
    addLinear(shapes, CLASSIFIER, head.labels.length, D);
  } else if (head.kind !== "none") {
    if (head.reader === "mixture") shapes.set(MIXTURE.weights, [config.layers.length]);
    addLinear(shapes, head.reader === "mixture" ? MIXTURE.dense : POOLER, D, D);
    addLinear(shapes, CLASSIFIER, head.kind === "regression" ? 1 : head.labels.length, D);
  }
}

/** Every tensor that a network of this configuration and head has, with its shape. */
export function parameters(config: BertConfig, head: Head): Shapes {
  const shapes: Shapes = new Map();
  addEmbeddings(shapes, config);
  for (let i = 0; i < config.layers.length; i++) addLayer(shapes, config, i);
  addHead(shapes, config, head);
  return shapes;
}

/**
 * Tensors that a network of this head may carry besides: a pre-trained pooler, for a fine-tuning to come.
 * The forward pass of such a network does not use them.
 */
export function optionalParameters(config: BertConfig, head: Head): Shapes {
  const shapes: Shapes = new Map();
  if (head.kind === "mlm" || head.kind === "none") {
    addLinear(shapes, POOLER, config.hiddenSize, config.hiddenSize);
  }
  return shapes;
}

/** True for the tensors on top of the encoder that fine-tuning starts from random values where a checkpoint has none. */
export function isNewWhenFineTuned(name: string): boolean {
  return name.startsWith(`${POOLER}.`) || name.startsWith(`${CLASSIFIER}.`) || isMixture(name);
}

/** True for the tensors that a mixture has in the pooler's place. */
export function isMixture(name: string): boolean {
  return name === MIXTURE.weights || name.startsWith(`${MIXTURE.dense}.`);
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
  return !name.endsWith("bias") && !name.includes("LayerNorm.") && name !== MIXTURE.weights;
}

/** What some programs put before every name of a model that they wrap: PyTorch's DataParallel and compiler. */
const WRAPPERS = /^(?:module\.|_orig_mod\.)+/;

/**
 * The name a tensor of a file has here: without a wrapper's prefix, with `bert.` once before the encoder's, `weight` and
 * `bias` for `gamma` and `beta`.
 */
export function normaliseName(name: string): string {
  return name
    .replace(WRAPPERS, "")
    .replace(/^(?:bert\.)+/, "bert.")
    .replace(/^(?=(?:embeddings|encoder|pooler)\.)/, "bert.")
    .replace(/LayerNorm\.gamma$/, "LayerNorm.weight")
    .replace(/LayerNorm\.beta$/, "LayerNorm.bias");
}

/** Numbers 0, 1, 2 … that older versions of `transformers` saved: they hold nothing, and nobody has to be told. */
const CONSTANTS = /^bert\.embeddings\.(?:position|token_type)_ids$/;

/** Heads of `transformers`, by what the names of their tensors begin with. */
const HEADS = /^(?:cls|classifier|qa_outputs)\./;

/** Weights of classes in a loss, which a module keeps as a buffer: `loss_fct.weight` and the like. */
const LOSS = /^(?:loss|loss_f(?:ct|n|unc|unction)|criterion|crit|class|ce_loss)[._](?:pos_)?weights?$/;

/** What to do with a tensor that a network of this head has no place for. */
export type Surplus = "constant" | "left out" | "refused";

/**
 * Tensors that stock `transformers` leaves out because its class for the head has no such module, and that no answer
 * depends on: other heads and weights of a loss. Whatever else a file holds may be a part of the arithmetic (adapters,
 * cross-attention, another kind of positions, more layers of the head itself), so it is refused.
 *
 * @param name  as `normaliseName` gives it
 */
export function surplusOf(name: string, head: Head): Surplus {
  if (CONSTANTS.test(name)) return "constant";
  if (LOSS.test(name)) return "left out";
  if (head.kind === "tokens" && name.startsWith(`${POOLER}.`)) return "left out";
  const own = head.kind === "mlm" ? MLM.stem : `${CLASSIFIER}.`;
  if (head.kind !== "none" && name.startsWith(own)) return "refused";
  return HEADS.test(name) ? "left out" : "refused";
}
