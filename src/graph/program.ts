/** A finished graph: the bytes of an ONNX model, and what goes in and out of it. */

import { requireItem } from "../base/present.ts";
import { encodeModel } from "../onnx/encode.ts";
import type { Model } from "../onnx/model.ts";
import { checkOpset, irVersionOf, MICROSOFT_OPSET } from "../onnx/opsets.ts";
import { type EmitOptions, Emitter, MICROSOFT, topological } from "./emitter.ts";
import { GraphError, type Sizes, type Type } from "./shape.ts";
import type { Value } from "./value.ts";

/**
 * Name of a first output that is a sequence, not a tensor.
 *
 * onnxruntime-node 1.30 copies every output tensor after a run, even one it has just written into the caller's own
 * buffer. It converts outputs in order and stops with an error at a sequence, after everything was computed: with this
 * output first, nothing is copied. 48 MB of outputs: 3.1 ms instead of 24.5 ms (benchmarks/training/outputs.mjs).
 */
export const SEAL = "sealed";

export interface Program {
  readonly bytes: Uint8Array;
  readonly inputs: ReadonlyMap<string, Type>;
  readonly outputs: ReadonlyMap<string, Type>;
}

/** A portable program has no seal either: it is a model for others to load. */
export interface ProgramOptions extends EmitOptions {
  /** What the file says about itself. */
  readonly about?: Pick<Model, "producerVersion" | "metadata">;
  /** The last word on the model before it is written; what goes in and out must stay. */
  readonly rewrite?: (model: Model) => Model;
}

/**
 * Writes the graph that computes `outputs`, in their order.
 * @throws {FormatError} `onnx/opset` for an operation that the opset has no operator for
 */
export function program(outputs: Readonly<Record<string, Value>>, options: ProgramOptions = {}): Program {
  const emit = new Emitter(options);
  const types = new Map<string, Type>();
  // All inputs first: what is written next may need the length of any of them.
  for (const value of topological(Object.values(outputs))) if (value.op === "input") emit.write(value);
  for (const [name, value] of Object.entries(outputs)) {
    emit.alias(emit.write(value), name);
    types.set(name, { dtype: value.dtype, shape: value.shape });
  }
  const plain: Model = { ...finish(emit, types), ...options.about };
  const model = options.rewrite?.(plain) ?? plain;
  checkOpset(model.graph, emit.opset);
  return { bytes: encodeModel(model), inputs: emit.inputs, outputs: types };
}

/** The model of an emitter's graph. */
function finish(emit: Emitter, outputs: ReadonlyMap<string, Type>): Model {
  const sealed = !emit.portable;
  const declared = [...outputs].map(([name, { dtype, shape }]) => ({
    kind: "tensor" as const,
    name,
    dtype,
    shape: [...shape],
  }));
  if (sealed) emit.named("SequenceConstruct", [emit.float(0, "float32")], SEAL);
  const seal = sealed
    ? [{ kind: "sequence" as const, name: SEAL, dtype: "float32" as const, shape: undefined }]
    : [];
  const graph = emit.graph("espalier", [...seal, ...declared]);
  const opsets = { "": emit.opset, ...(emit.portable ? {} : { [MICROSOFT]: MICROSOFT_OPSET }) };
  return { irVersion: irVersionOf(emit.opset), opsets, producerName: "espalier", graph };
}

/** What a program's symbols stand for, given the shapes fed to it. */
export function sizesOf(
  inputs: ReadonlyMap<string, Type>,
  fed: Iterable<readonly [string, readonly number[]]>,
): Sizes {
  const sizes: Record<string, number> = {};
  for (const [name, shape] of fed) {
    const declared = inputs.get(name)?.shape;
    if (declared === undefined) continue;
    if (declared.length !== shape.length) {
      throw new GraphError("graph/feed", `${name}: expected rank ${declared.length}, got shape [${shape}]`);
    }
    declared.forEach((dim, i) => {
      const size = requireItem(shape, i, "shape");
      const expected = typeof dim === "number" ? dim : (sizes[dim] ?? size);
      if (expected !== size)
        throw new GraphError("graph/feed", `${name}: expected [${declared}], got [${shape}]`);
      if (typeof dim === "string") sizes[dim] = size;
    });
  }
  return sizes;
}
