/**
 * A network as an ONNX model for others to load: weights inside, operators of the standard alone.
 *
 * It is the same forward pass as everywhere else (bert/forward.ts), in inference, with the inputs and outputs that
 * `transformers`, optimum and transformers.js use:
 *
 *   input_ids, attention_mask, token_type_ids   int64 [batch_size, sequence_length], both free
 *   logits             float32 [batch_size, labels]; [batch_size, sequence_length, labels] where each token has a label,
 *                      and as many pieces for a masked language model
 *   last_hidden_state  float32 [batch_size, sequence_length, hidden], of a network without a head
 *
 * Weights keep the checkpoint's names, so that a viewer shows which is which. Pruned layers need no explanation in
 * this format: every matrix has the size it has. A network with layers in 8 bits has their rounding written out, operator
 * by operator: the file gives its very answers, and is slower than one in float32. On request the matrices are int8
 * (onnx/quantize.ts). Not here: writing the file (commands/export.ts).
 */

import { InputError } from "../base/errors.ts";
import type { Tensor } from "../base/tensor.ts";
import { type BertConfig, labelsOf } from "../bert/config.ts";
import { type BertInputs, batchInputs, contextOf, encode, type ForwardContext } from "../bert/forward.ts";
import { classify, classifyTokens, pieceLogits } from "../bert/head-layers.ts";
import { parameters, weightOf } from "../bert/names.ts";
import { reshape } from "../graph/ops/broadcast.ts";
import { cast } from "../graph/ops/elementwise.ts";
import { type Program, type ProgramOptions, program } from "../graph/program.ts";
import { input, type Value } from "../graph/value.ts";
import { type Opset, PORTABLE_OPSET } from "../onnx/opsets.ts";
import { quantizeStatically, type StaticRange } from "../onnx/qdq.ts";
import { quantizeDynamically } from "../onnx/quantize.ts";
import { lengthFor } from "./length.ts";
import type { Network } from "./network.ts";
import { inFloat } from "./quantized.ts";

const BATCH = ["batch_size", "sequence_length"] as const;

/** Names of the model's inputs. */
export const ONNX_INPUTS = {
  ids: "input_ids",
  mask: "attention_mask",
  types: "token_type_ids",
} as const;

/** The name of the model's one output. */
export function onnxOutput({ head }: Pick<Network, "head">): "logits" | "last_hidden_state" {
  return head.kind === "none" ? "last_hidden_state" : "logits";
}

/**
 * How a model's matrices are stored: as they are, as ONNX Runtime's dynamic quantization has them, or in pairs of
 * QuantizeLinear and DequantizeLinear (onnx/qdq.ts), where the network says that they compute in 8 bits.
 */
export type OnnxWeights = "float32" | "int8" | "qdq";

/** How a file is written; everything has a default. */
export interface OnnxOptions {
  /** Written into the file beside the name of the producer. */
  readonly producerVersion?: string;
  /** Default float32. */
  readonly weights?: OnnxWeights;
  /** Default `PORTABLE_OPSET`. */
  readonly opset?: Opset;
}

/**
 * The model with the types of what goes in and out, ready for the engine.
 * @throws {InputError} `onnx/quantized` for `qdq` of a network that has no layer in 8 bits, or one without a range
 */
export function onnxProgram(
  given: Network,
  { producerVersion = "", weights = "float32", opset = PORTABLE_OPSET }: OnnxOptions = {},
): Program {
  const network = weights === "float32" ? given : inFloat(given); // the others round in their own way
  const { config, head, tensors } = network;
  const inputs: BertInputs = {
    ids: input(ONNX_INPUTS.ids, "int64", BATCH),
    types: input(ONNX_INPUTS.types, "int64", BATCH),
    mask: cast(input(ONNX_INPUTS.mask, "int64", BATCH), "float32"),
  };
  const result = outputOf(contextOf(config, parameters(config, head)), inputs, network);
  return program(
    { [onnxOutput(network)]: result },
    {
      portable: true,
      opset,
      initializers: new Map<string, Tensor>(tensors),
      about: { producerVersion, metadata: metadataOf(network) },
      ...rewriting(given, weights),
    },
  );
}

/** What becomes of the model before it is written. */
function rewriting({ config }: Network, weights: OnnxWeights): Pick<ProgramOptions, "rewrite"> {
  if (weights === "float32") return {};
  if (weights === "int8") return { rewrite: quantizeDynamically };
  const ranges = rangesOf(config);
  return { rewrite: (model) => quantizeStatically(model, ranges) };
}

/** @throws {InputError} `onnx/quantized` */
function rangesOf({ quantized }: BertConfig): Map<string, StaticRange> {
  const layers = [...(quantized ?? [])];
  const missing = layers.find(([, { input: range }]) => range === undefined);
  if (layers.length > 0 && missing === undefined)
    return new Map(layers.flatMap(([name, { input: range }]) => (range ? [[weightOf(name), range]] : [])));
  const got = missing === undefined ? "none" : `${missing[0]} without the range of its input`;
  const message = `network: expected layers in 8 bits, calibrated by espalier quantize, got ${got}`;
  throw new InputError("onnx/quantized", message);
}

/**
 * The same network as training runs it: weights as inputs, ONNX Runtime's fused operators, the inputs of `batchInputs`.
 * What an exported model is compared with.
 */
export function referenceProgram(network: Network): Program {
  const { config, head } = network;
  const result = outputOf(contextOf(config, parameters(config, head)), batchInputs(), network);
  return program({ [onnxOutput(network)]: result });
}

/**
 * The bytes of an .onnx file; which programs read it is in onnx/opsets.ts.
 *
 * @throws {FormatError} `onnx/too-large` for a network of 2 GiB or more, which a single file cannot hold
 */
export function exportOnnx(network: Network, options: OnnxOptions = {}): Uint8Array {
  return onnxProgram(network, options).bytes;
}

/** What a network answers a batch with, in the shape of the model's output. */
export function outputOf(
  context: ForwardContext,
  inputs: BertInputs,
  { config, head }: Pick<Network, "config" | "head">,
): Value {
  const encoding = encode(context, inputs);
  const { shape } = inputs.ids;
  if (head.kind === "none") return reshape(encoding.last, [...shape, config.hiddenSize]);
  if (head.kind === "mlm") return reshape(pieceLogits(context, encoding.last), [...shape, config.vocabSize]);
  if (head.kind === "tokens")
    return reshape(classifyTokens(context, encoding.last), [...shape, head.labels.length]);
  return classify(context, encoding);
}

/** For people and tools that have the file alone, without its config.json. */
function metadataOf(network: Network): Record<string, string> {
  const { head } = network;
  const about = { head: head.kind, max_length: String(lengthFor(network)) };
  const labels = labelsOf(head);
  return labels.length > 0 ? { ...about, labels: JSON.stringify(labels) } : about;
}
