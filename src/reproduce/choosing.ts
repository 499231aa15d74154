/**
 * What `compress` takes when nobody names a method: the rows of the core table with what they came to, as the source of
 * src/choice/figures.ts and as the page docs/choosing.md. Both are written by `npm run results:tables`.
 */

import { ConfigError } from "../base/errors.ts";
import { counted, fixed, percent } from "../base/quantity.ts";
import { mean } from "../base/statistics.ts";
import { FINE_TUNING, type Recommendation } from "../choice/choose.ts";
import type { Figures } from "../choice/figures.ts";
import { markdownTable } from "../formats/markdown.ts";
import { QUANTIZATION_AWARE } from "../methods/quantization-aware.ts";
import { methodById } from "../methods/registry.ts";
import { ACROSS, type Axis, pointChart, UPWARDS } from "../report/draw/charts.ts";
import { endsOf, linearScale, roomy } from "../report/draw/scale.ts";
import { drawPicture, type Panel } from "../study/picture.ts";
import type { Row } from "./papers/plan.ts";
import { commonTables, type ReproducedRow, type Reproduction } from "./table.ts";

/** One task's row beside the fine-tuned model of that task. */
interface Cell {
  readonly task: string;
  readonly row: ReproducedRow;
  readonly dense: ReproducedRow;
  /** Points, over the seeds that both have. */
  readonly lost: number;
}

/** The fine-tuned model's own .esp file, as a share of its bytes in float32; 1 where no row knows. */
export function wholeOf({ tables }: Reproduction): number {
  const shares = tables.flatMap(({ rows }) =>
    rows.flatMap(({ costs }) =>
      costs?.packed && rows[0]?.costs ? [costs.packed.of / (4 * rows[0].costs.parameters)] : [],
    ),
  );
  return shares.length === 0 ? 1 : Number(mean(shares).toFixed(3));
}

/**
 * The rows that a user may be given, as far as they are run, on the same tasks, each as it is and in 8 bits: the least bytes
 * first.
 */
export function recommendationsOf(rows: readonly Row[], reproduction: Reproduction): Recommendation[] {
  const tables = commonTables(reproduction.tables);
  const found = rows.flatMap(({ label, work }): Recommendation[] => {
    if (work === undefined) return [];
    const cells = tables.flatMap(({ task, rows: filled }): Cell[] => {
      const row = filled.find((one) => one.label === label);
      const [dense] = filled;
      if (!row?.costs?.packed || row.lost === null || dense === undefined) return [];
      return [{ task, row, dense, lost: row.lost }];
    });
    const faster = fasterOf(label, reproduction.tables);
    if (cells.length < Math.max(1, tables.length) || faster === undefined) return [];
    const { method, set = {}, sparsity, learningRate, longer = 1, epochs } = work;
    const recommendation: Recommendation = {
      label,
      method,
      set,
      ...(sparsity === undefined ? {} : { sparsity }),
      ...(learningRate === undefined ? {} : { learningRate }),
      longer: epochs === undefined ? longer : Math.round(epochs / USUAL_EPOCHS),
      drop: round(mean(cells.map(({ lost }) => lost)), 2),
      tasks: cells.map(({ task }) => task),
      runs: cells.reduce((sum, { row }) => sum + row.runs.done, 0),
      size: round(mean(cells.map(sizeOf)), 3),
      faster: round(faster, 3),
    };
    const eight = inEightBits(recommendation, reproduction.tables);
    // What is trained in 8 bits ships so: its embeddings in 16 bits would be most of the file.
    const isAlready = method === QUANTIZATION_AWARE.id;
    return [...(isAlready ? [] : [recommendation]), ...(eight ? [eight] : [])];
  });
  return [...found, ...denseIn8Bits(reproduction.tables)].toSorted((a, b) => a.size - b.size);
}

/** The fine-tuned models themselves in 8 bits, of any task: without a method. */
function denseIn8Bits(tables: Reproduction["tables"]): Recommendation[] {
  const cells = tables.flatMap(({ task, rows: [dense] }) =>
    dense?.costs?.eight ? [{ task, label: dense.label, runs: dense.costs.eight.runs }] : [],
  );
  const [first] = cells;
  if (first === undefined) return [];
  const whole: Recommendation = {
    label: first.label,
    method: FINE_TUNING,
    set: {},
    longer: 1,
    drop: 0,
    tasks: cells.map(({ task }) => task),
    runs: cells.reduce((sum, { runs }) => sum + runs, 0),
    size: 1,
    faster: 1,
  };
  return [inEightBits(whole, tables) ?? []].flat();
}

/** The same in 8 bits: what they cost and give, on any task, where that was measured. */
function inEightBits(
  { label, ...row }: Recommendation,
  tables: Reproduction["tables"],
): Recommendation | undefined {
  const measured = tables.flatMap(({ rows }) => {
    const eight = rows.find((one) => one.label === label)?.costs?.eight;
    const whole = rows[0]?.costs?.parameters;
    return eight && whole !== undefined ? [{ ...eight, whole }] : [];
  });
  const timed = measured.flatMap(({ faster }) => faster ?? []);
  if (measured.length === 0 || timed.length === 0) return undefined;
  const runs = measured.reduce((sum, each) => sum + each.runs, 0);
  const lost = measured.reduce((sum, each) => sum + each.runs * each.lost, 0) / runs;
  return {
    ...row,
    label: label.endsWith(EIGHT) ? label : `${label}, ${EIGHT}`,
    quantize: true,
    quantized: runs,
    drop: round(row.drop + lost, 2),
    size: round(mean(measured.map(({ bytes, whole }) => bytes / (4 * whole))), 3),
    faster: round(mean(timed), 3),
  };
}

const EIGHT = "in 8 bits";

/** Of any task, where it was timed: it is a matter of the product's shape and zeros. */
function fasterOf(label: string, tables: Reproduction["tables"]): number | undefined {
  const rows = tables.flatMap(({ rows: filled }) => filled.filter((row) => row.label === label));
  const timed = rows.flatMap(({ costs }) => costs?.packed?.faster ?? []);
  return timed.length === 0 ? undefined : mean(timed);
}

function round(x: number, digits: number): number {
  return Number(x.toFixed(digits));
}

/** Bytes of the packed product over those of the fine-tuned model in float32. */
function sizeOf({ row, dense }: Cell): number {
  return (row.costs?.packed?.bytes ?? Number.NaN) / (4 * (dense.costs?.parameters ?? Number.NaN));
}

/** Passes of fine-tuning in the table's plans. */
const USUAL_EPOCHS = 3;

/** src/choice/figures.ts with these figures in it. @throws {ConfigError} `reproduce/marks` for a text that has none */
export function withFigures(source: string, figures: Figures): string {
  const start = source.indexOf(MARK);
  if (start >= 0) return `${source.slice(0, start)}${MARK}${JSON.stringify(figures, undefined, 2)};\n`;
  throw new ConfigError("reproduce/marks", `figures: expected "${MARK}", got a text without`);
}

const MARK = "export const FIGURES: Figures = ";

/** docs/choosing.md, with its picture beside it. */
export function choosingPage({ model, rows, whole }: Figures): {
  readonly page: string;
  readonly svg: string;
} {
  const tasks = [...new Set(rows.flatMap((row) => row.tasks))];
  const counts = rows.filter((row) => !(row.quantize && (hasOther(rows, row) || row.method === FINE_TUNING)));
  const runs = counts.reduce((sum, row) => sum + row.runs, 0);
  const body = rows.map((row, i) => [
    String(i + 1),
    row.label,
    percent(row.size),
    `${fixed(row.faster, 1)}×`,
    fixed(-row.drop, 1),
    `${row.tasks.length}, ${row.runs}${row.quantized === undefined ? "" : `; ${row.quantized} in 8 bits`}`,
    `\`${commandOf(row)}\``,
  ]);
  const table = markdownTable(
    ["", "method", "bytes", "faster", "points", "tasks, runs", "as `compress` is asked for it"],
    body,
  );
  const page = `# Which method?

Say what you want, and \`compress\` takes the method: \`--target-size 0.25\` (model.esp has at most that share of the fine-tuned model's bytes), \`--target-speed 3\` (at least so many times as fast), \`--max-drop 1\` (at most so many points of the metric lost; \`mae\`, \`rmse\` and \`loss\` are no shares, have none and are refused beside it). With a size or a speed it takes what loses least there, of rows within half a point the smallest; with a drop alone, or with nothing, what is smallest and loses no more (2 points where nothing is said, and where none does, what loses least). It says what it takes and why, and at the end whether that was reached. \`--method\` takes your own choice.

\`\`\`sh
espalier compress MODEL --task sst2 --data glue --out runs/small --target-size 0.25
\`\`\`

![Points lost against size and speed](choosing.svg)

What it knows is this table: one model (${model}), ${counted(tasks.length, "task")} (${tasks.join(", ")}), ${counted(runs, "run")}. Points: the metric times 100, minus that of the fine-tuned model, means over the runs. Bytes: of model.esp, against the fine-tuned model in float32, whose own .esp file has ${percent(whole)}. Speed: one text of 64 tokens on one thread, against the fine-tuned model in ONNX Runtime in turn, the product there or in the sparse runtime, and in 8 bits so too (of some runs the packed file alone was timed), whichever is faster; means over what was timed, of any task, on Node 20. Newer versions of Node run the sparse runtime up to 1.7 times faster ([figures](../results/runtime.md)). The runs are those of the core table: SST-2 is its first 10,000 rows, fine-tuned for 2 epochs, the other tasks are whole, for 3; what compresses trains as long, or twice as long where the command has 6 epochs. A difference of one or two points between rows of one run says nothing. In 8 bits is \`--quantize\`: the row's points, and what 8 bits cost and gave where they were measured, as \`espalier quantize\` makes them; where that is all, \`compress\` fine-tunes and rounds, and a model that is fine-tuned already needs that command alone. What comes on top of any of them is not in the table: \`shrink --vocabulary\` leaves out word pieces, which are most of a small file ([a classifier of 4 MB](../results/quantization.md#a-classifier-of-4-mb)). Written by \`npm run results:tables\`; all runs: [reproduction](../results/reproduction.md).

${table}
`;
  return { page, svg: pictureOf(rows, whole) };
}

/** Whether a row in 8 bits is there in float32 too, of the same runs. */
function hasOther(rows: readonly Recommendation[], { label }: Recommendation): boolean {
  return rows.some((row) => !row.quantize && label === `${row.label}, ${EIGHT}`);
}

/** As it is asked for, without what is the method's default. */
function commandOf({ method, set, sparsity, learningRate, longer, quantize }: Recommendation): string {
  if (method === FINE_TUNING) return "finetune --quantize";
  const request = { set, ...(sparsity === undefined ? {} : { sparsity }) };
  const { settings: defaults } = methodById(method, { set: {} });
  const { learningRate: own } = methodById(method, request);
  const settings = Object.entries(set)
    .filter(([name, value]) => String(defaults[name]) !== value)
    .map(([name, value]) => `--set ${name}=${value}`);
  return [
    `--method ${method}`,
    ...(sparsity === undefined ? [] : [`--sparsity ${sparsity}`]),
    ...settings,
    ...(learningRate === own ? [] : [`--learning-rate ${learningRate}`]),
    ...(longer === 1 ? [] : [`--epochs ${longer * USUAL_EPOCHS}`]),
    ...(quantize ? ["--quantize"] : []),
  ].join(" ");
}

/** Points against size, and against speed; signs are the numbers of the table's rows, the ring is the fine-tuned model. */
function pictureOf(rows: readonly Recommendation[], whole: number): string {
  const panel = (title: string, x: Axis, start: number, of: (row: Place) => number): Panel => {
    const y: Axis = { name: "points", show: (value) => fixed(value, 0) };
    const dense = {
      x: of({ size: whole, faster: 1 }),
      y: 0,
      tone: 1,
      sign: "",
      title: "fine-tuned",
      hollow: true,
    };
    const products = rows.map((row, i) => ({
      x: of(row),
      y: -row.drop,
      tone: row.quantize ? 2 : 0,
      sign: String(i + 1),
      title: row.label,
    }));
    const marks = [dense, ...products];
    const [, most] = roomy(endsOf([start, ...marks.map((mark) => mark.x)]));
    const scales = {
      x: linearScale([start, most], ACROSS, 4),
      y: linearScale(roomy(endsOf(marks.map((mark) => mark.y))), UPWARDS, 4),
    };
    return { title, chart: pointChart({ label: title, x, y, scales }, marks, []) };
  };
  const size = panel(
    "Points against bytes",
    { name: "share of the bytes", show: percentOf },
    0,
    ({ size }) => size,
  );
  const speed = panel(
    "Points against speed",
    { name: "times as fast", show: (value) => fixed(value, 1) },
    0,
    ({ faster }) => faster,
  );
  const label =
    "Points lost by each method against the size of its file, and against its speed; the table has the numbers";
  const legend = rows.some(({ quantize }) => quantize)
    ? [
        { tone: 0, name: "as it is" },
        { tone: 2, name: EIGHT },
      ]
    : [];
  return drawPicture("choosing", { label, panels: [size, speed], legend }).svg;
}

/** Where a row stands. */
type Place = Pick<Recommendation, "size" | "faster">;

function percentOf(value: number): string {
  return percent(value);
}
