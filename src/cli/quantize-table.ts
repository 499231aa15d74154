/** The tables of `espalier quantize`: what each layer costs alone, and each file beside the model before. */

import { counted, times } from "../base/quantity.ts";
import { bytes, milliseconds } from "../base/units.ts";
import type { QuantizedFile, QuantizeResult } from "../commands/answers.ts";
import { metricText } from "../measure/metric-text.ts";
import { renderTable } from "./table.ts";

/** Both tables. */
export function quantizeTables(result: QuantizeResult): string {
  const { layers, cost, files, metric, length, machine } = result;
  const costs = renderTable(
    ["layer", "cost alone", "reads from", "to", "bits"],
    layers.map(({ module, cost: each, input: [low, high], bits }) => [
      module.replace(/^bert\.encoder\.layer\./, ""),
      each.toExponential(1),
      low.toPrecision(3),
      high.toPrecision(3),
      String(bits),
    ]),
  );
  const [exact] = files;
  const batches = exact?.latency.map(({ batchSize }) => batchSize) ?? [];
  const shipped = renderTable(
    ["", metric, "bytes", ...batches.map((size) => `batch ${size}`)],
    files.map((file) => [
      file.file ?? "float32, as ONNX",
      metricText(metric, file.score),
      bytes(file.bytes.raw),
      ...batches.map((size) => timeCell(file, exact, size)),
    ]),
  );
  const threads = counted(machine.threads, "thread");
  const timed = batches.length > 0 ? `\ntime of one batch of ${length} tokens, median, ${threads}` : "";
  return `${costs}\ncost: ${cost}\n\n${shipped}${timed}`;
}

function timeCell(file: QuantizedFile, exact: QuantizedFile | undefined, size: number): string {
  const of = (each: QuantizedFile | undefined) =>
    each?.latency.find(({ batchSize }) => batchSize === size)?.p50;
  const [now, then] = [of(file), of(exact)];
  if (now === undefined) return "–";
  const factor = file === exact || then === undefined || now <= 0 ? "" : times(then / now);
  return `${milliseconds(now)} ${factor.padStart(4)}`;
}
