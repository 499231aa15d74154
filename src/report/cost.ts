/** Where the bytes of a model lie, where its work is done, and where the time of the run went. */

import { percent } from "../base/quantity.ts";
import { BYTES } from "../base/tensor.ts";
import { bytes, capital, clock, count } from "../base/units.ts";
import type { ModelPart } from "../measure/parts.ts";
import { ZEROS_THRESHOLD } from "../measure/verdict.ts";
import { barChart } from "./draw/charts.ts";
import type { Html, Part } from "./draw/html.ts";
import { figureOf, numberCell } from "./draw/table.ts";
import { absence, gridOf, type Section } from "./frame.ts";
import type { RunSource } from "./source.ts";

/** The section. */
export function costSection({ id, product, history, result }: RunSource): Section {
  const parts = product?.parts ?? [];
  const [heaviest, busiest] = [
    largest(parts, storedBytes),
    largest(parts, ({ multiplyAccumulates }) => multiplyAccumulates),
  ];
  const finding =
    heaviest === undefined || busiest === undefined
      ? timeFinding(history.phases)
      : `${capital(partWord(heaviest.part.name))} ${holds(heaviest.part.name)} ${percent(heaviest.share)} of the bytes; ${workFinding(parts)}`;
  const time = timeFigure(history.phases);
  const inside =
    parts.length > 0
      ? [bytesFigure(parts), workFigure(parts, result?.length)]
      : [absence("The model is not there, so its bytes and its work cannot be split into parts.")];
  return { id: `${id}-cost`, topic: "Bytes and time", finding, body: gridOf(...inside, time) };
}

function holds(name: string): string {
  return name.startsWith("layer") || name === "head" || name === "pooler" ? "holds" : "hold";
}

function partWord(name: string): string {
  return name === "embeddings" ? "embeddings" : name.startsWith("layer") ? name : `the ${name}`;
}

function storedBytes({ parameters }: ModelPart): number {
  return BYTES.float32 * parameters;
}

function largest(
  parts: readonly ModelPart[],
  sizeOf: (part: ModelPart) => number,
): { readonly part: ModelPart; readonly share: number } | undefined {
  const total = parts.reduce((sum, part) => sum + sizeOf(part), 0);
  const part = parts.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0];
  return part && total > 0 ? { part, share: sizeOf(part) / total } : undefined;
}

function workFinding(parts: readonly ModelPart[]): string {
  const work = (some: readonly ModelPart[]) =>
    some.reduce((sum, { multiplyAccumulates }) => sum + multiplyAccumulates, 0);
  const layers = parts.filter(({ name }) => name.startsWith("layer"));
  return `the layers do ${percent(work(layers) / Math.max(1, work(parts)))} of the work`;
}

function timeFinding(phases: RunSource["history"]["phases"]): string {
  const longest = phases.toSorted((a, b) => b.seconds - a.seconds)[0];
  const total = phases.reduce((sum, { seconds }) => sum + seconds, 0);
  return longest === undefined
    ? "Nothing was timed"
    : `${capital(longest.name)} took ${percent(longest.seconds / total)} of the time`;
}

function bytesFigure(parts: readonly ModelPart[]): Html {
  const bars = parts.map((part) => ({
    name: part.name,
    value: storedBytes(part),
    full: BYTES.float32 * part.nonzero,
    show: `${bytes(storedBytes(part))}`,
    tone: 0,
  }));
  const hasZeros = parts.some(({ nonzero, parameters }) => nonzero < (1 - ZEROS_THRESHOLD) * parameters);
  return figureOf(
    barChart("Bytes by part of the model", bars),
    `Bytes in float32, by part${hasZeros ? "; the pale end of a bar are zeros" : ""}.`,
    {
      label: "Bytes by part",
      columns: [
        { name: "Part", kind: "text" },
        { name: "Structure", kind: "text" },
        { name: "Weights" },
        { name: "Not 0" },
        { name: "Bytes" },
        { name: "Share" },
      ],
      rows: parts.map((part) => [
        part.name,
        part.structure,
        numberCell(part.parameters, count),
        numberCell(part.nonzero / Math.max(1, part.parameters), percent),
        numberCell(storedBytes(part), bytes),
        numberCell(part.parameters / parts.reduce((sum, each) => sum + each.parameters, 0), percent),
      ]),
    },
  );
}

function workFigure(parts: readonly ModelPart[], length: number | undefined): Html {
  const working = parts.filter(({ multiplyAccumulates }) => multiplyAccumulates > 0);
  const bars = working.map((part) => ({
    name: part.name,
    value: part.multiplyAccumulates,
    show: count(part.multiplyAccumulates),
    tone: 2,
  }));
  const text: Part = `Multiply-accumulates of one text${length === undefined ? "" : ` of ${length} tokens`}, by part: what a pass spends its time on. Zeros are counted like other numbers.`;
  return figureOf(barChart("Work by part of the model", bars), text, {
    label: "Work by part",
    columns: [{ name: "Part", kind: "text" }, { name: "Multiply-accumulates" }, { name: "Share" }],
    rows: working.map((part) => [
      part.name,
      numberCell(part.multiplyAccumulates, count),
      numberCell(
        part.multiplyAccumulates / working.reduce((sum, each) => sum + each.multiplyAccumulates, 0),
        percent,
      ),
    ]),
  });
}

function timeFigure(phases: RunSource["history"]["phases"]): Html | undefined {
  if (phases.length === 0) return undefined;
  const total = phases.reduce((sum, { seconds }) => sum + seconds, 0);
  const bars = phases.map(({ name, seconds }) => ({ name, value: seconds, show: clock(seconds), tone: 1 }));
  return figureOf(
    barChart("Time of the run by phase", bars),
    "Time of the run, by phase; minutes and seconds.",
    {
      label: "Time by phase",
      columns: [{ name: "Phase", kind: "text" }, { name: "Time" }, { name: "Share" }],
      rows: phases.map(({ name, seconds }) => [
        name,
        numberCell(seconds, clock),
        numberCell(seconds / total, percent),
      ]),
    },
  );
}
