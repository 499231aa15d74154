/**
 * A network as a packed file and as what runs it: `model.esp` and the sparse runtime, as commands use them.
 *
 * Not here: the format (sparse/esp/), the kernels and their threads (sparse/, runtime/), whether it pays (verdict.ts).
 */

import { answersTexts, type Head, poolingOf } from "../bert/config.ts";
import type { Inference, InputBatch } from "../network/inference.ts";
import type { KernelReport } from "../runtime/protocol.ts";
import { openSession } from "../runtime/session.ts";
import type { EncodedText } from "../sparse/batch.ts";
import { type EspContent, type EspOptions, encodeEsp } from "../sparse/esp/model.ts";
import { codeVersion } from "./machine.ts";

/** A packed file in the sparse runtime. It owns threads: close it. */
export interface PackedInference extends Inference {
  readonly report: KernelReport;
  close(): Promise<void>;
}

/** Whether the sparse runtime answers with such a head: it labels texts or tokens, or gives each a number or a vector. */
export function runsSparse(head: Head): boolean {
  return answersTexts(head) || head.kind === "tokens" || poolingOf(head) !== undefined;
}

/** The bytes of a network's .esp file, with this version as its producer. @throws as `encodeEsp` does */
export async function packNetwork(
  network: EspContent,
  options: Omit<EspOptions, "metadata"> = {},
): Promise<Uint8Array> {
  return encodeEsp(network, { ...options, metadata: { producer: `espalier ${await codeVersion()}` } });
}

/**
 * Opens the bytes of a .esp file in the sparse runtime, whatever its zeros: ONNX Runtime never takes over here.
 * @throws as `openSession` does
 */
export async function openPacked(file: Uint8Array, threads: number, where: string): Promise<PackedInference> {
  const { opened, logits, close } = await openSession(file, { threads, where });
  const { report, head } = opened;
  return {
    report,
    logits: async (batch) => {
      const rows = await logits(textsOf(batch));
      return head.kind === "tokens" ? withPadding(rows, batch, head.labels.length) : rows;
    },
    close,
  };
}

/** Rows of the tokens of each text in turn as [B, T, C], where padding has zeros. */
function withPadding(rows: Float32Array, { mask }: InputBatch, width: number): Float32Array {
  const padded = new Float32Array(mask.length * width);
  let at = 0;
  mask.forEach((isToken, i) => {
    if (isToken === 0) return;
    padded.set(rows.subarray(at, at + width), i * width);
    at += width;
  });
  return padded;
}

/** The texts of a batch without their padding. */
export function textsOf({ size, length, ids, types, mask }: InputBatch): EncodedText[] {
  return Array.from({ length: size }, (_, i) => {
    const start = i * length;
    let end = start + length;
    while (end > start + 1 && mask[end - 1] === 0) end--;
    return { ids: ids.slice(start, end), types: types.slice(start, end) };
  });
}
