/**
 * A network as a packed file and as what runs it: `model.esp` and the sparse runtime, as commands use them.
 *
 * Not here: the format (sparse/esp/), the kernels and their threads (sparse/, runtime/), whether it pays (verdict.ts).
 */

import { type Head, poolingOf } from "../bert/config.ts";
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

/** Whether the sparse runtime answers with such a head: it labels texts, or gives each a number or a vector. */
export function runsSparse(head: Head): boolean {
  return head.kind === "classification" || head.kind === "regression" || poolingOf(head) !== undefined;
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
  return { report: opened.report, logits: (batch) => logits(textsOf(batch)), close };
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
