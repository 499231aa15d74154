/**
 * The commands: for each its options, its example, the function it calls and how its answer is printed.
 *
 * A command's function is imported when the command runs, so that `--help` and a wrong flag are answered at once.
 * Not here: reading the command line (arguments.ts), drawing progress (display.ts), exit codes (failure.ts).
 */

import { ConfigError } from "../base/errors.ts";
import { withinCores } from "../engine/cores.ts";
import { requireEngine } from "../engine/presence.ts";
import { EMBED, PREDICT } from "../options/answering.ts";
import { flagOf } from "../options/flags.ts";
import { BENCH, EVALUATE, EXPORT, INSPECT, QUANTIZE, SHRINK, TOPOLOGY } from "../options/models.ts";
import { REPORT } from "../options/reporting.ts";
import { REPRODUCE } from "../options/reproducing.ts";
import { type Fields, resolveOptions, type Schema, type SettingsOf } from "../options/schema.ts";
import { COMMON } from "../options/shared.ts";
import { AUGMENT, COMPRESS, DEMO, FINETUNE, PRETRAIN, RESUME } from "../options/training.ts";
import type { RunContext } from "../runs/progress.ts";
import { methodsHelp } from "./methods-help.ts";
import { withFlags } from "./naming.ts";
import {
  printAugmentation,
  printDemo,
  printEvaluation,
  printExport,
  printPlan,
  printPredictions,
  printQuantized,
  printReport,
  printRun,
  printShrinking,
  printVectors,
} from "./print.ts";
import { benchTable, inspectTable } from "./table.ts";
import { type Given, isDataOrModel, type LineSource, readTexts } from "./texts.ts";

/** An answer: as JSON, and in words. */
export interface Outcome {
  readonly json: unknown;
  readonly text: string;
}

/**
 * What a command does when it is asked to stop: it loses nothing when it is ended at any moment, it saves after the step
 * that it is in, or it cleans up.
 */
export type Stop = "loses nothing" | "saves" | "cleans";

/** One command. */
export interface CommandSpec {
  readonly name: string;
  stop(given: Given): Stop;
  readonly summary: string;
  /** What follows `espalier` in the example of its help. */
  readonly example: string;
  readonly fields: Fields;
  /** More to say in the help, behind the options. */
  explain?(): string;
  /** Fields that are given by position; one that is a list comes last. */
  readonly positionals: readonly string[];
  /** The field that a word without a flag is for, beside those that have one; absent: the one whose place it has. */
  meant?(word: string, named: Given): string;
  /** Adds what does not come from the command line. */
  prepare?(given: Given, lines: LineSource, report?: RunContext["report"]): Promise<Given>;
  /** Checks the options, then does the work. */
  execute(given: Given, context: RunContext): Promise<Outcome>;
}

interface Definition<F extends Fields> extends Pick<CommandSpec, "summary" | "example" | "positionals"> {
  readonly schema: Schema<F>;
  /** Of a command that does different things it depends on its options. */
  readonly stop: Stop | CommandSpec["stop"];
  explain?(): string;
  meant?(word: string, named: Given): string;
  prepare?(given: Given, lines: LineSource, report?: RunContext["report"]): Promise<Given>;
  run(settings: SettingsOf<F>, context: RunContext): Promise<Outcome>;
}

function define<F extends Fields>({ schema, run, stop, ...rest }: Definition<F>): CommandSpec {
  const naming = (key: string) => (rest.positionals.includes(key) ? `<${key}>` : flagOf(key));
  return {
    ...rest,
    stop: typeof stop === "function" ? stop : () => stop,
    name: schema.name,
    fields: schema.fields,
    execute: async (given, context) => {
      const settings = resolveOptions(schema, withCores(given, context), naming);
      return run(settings, context).catch((error: unknown) => {
        throw withFlags(error, schema.fields, naming);
      });
    },
  };
}

/** A number of threads that is none is left for the options to refuse. */
function withCores(given: Given, context: RunContext): Given {
  const { threads } = given;
  if (typeof threads !== "number" || !COMMON.threads.kind.accepts(threads)) return given;
  return { ...given, threads: withinCores(threads, context) };
}

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  define({
    schema: INSPECT,
    stop: "loses nothing",
    summary: "what is in a model, or in data: sizes, labels, faults",
    example: "inspect reviews.csv --validation dev.csv",
    positionals: ["model"],
    meant: isDataOrModel,
    run: async (settings, context) => {
      const { inspect } = await import("../commands/inspect.ts");
      const { data, ...others } = settings;
      if (data === undefined) return outcome(await inspect(others, context), inspectTable);
      const { lookText } = await import("./look-text.ts");
      return outcome(await inspect({ ...others, data }, context), lookText);
    },
  }),
  define({
    schema: FINETUNE,
    stop: "saves",
    summary: "train a pre-trained encoder on labelled text",
    example:
      "finetune hf:sentence-transformers/all-MiniLM-L6-v2 --task sst2 --data glue/SST-2 --out runs/sst2",
    positionals: ["model"],
    run: async (settings, context) => {
      const { finetune } = await import("../commands/finetune.ts");
      return outcome(await finetune(settings, context), (result) => printRun(result, settings.out));
    },
  }),
  define({
    schema: COMPRESS,
    stop: "saves",
    explain: methodsHelp,
    summary: "train a smaller model from an encoder and labelled text",
    example:
      "compress hf:sentence-transformers/all-MiniLM-L6-v2 --method theseus --set layers=3 --task sst2 --data glue/SST-2 --out runs/half",
    positionals: ["model"],
    run: async (settings, context) => {
      const { compress } = await import("../commands/compress.ts");
      return outcome(await compress(settings, context), (result) => printRun(result, settings.out));
    },
  }),
  define({
    schema: AUGMENT,
    stop: "saves",
    summary: "write copies of training texts with words replaced",
    example: "augment embedded --task mrpc --data glue/MRPC --out mrpc.jsonl",
    positionals: ["model"],
    run: async (settings, context) => {
      const { augment } = await import("../commands/augment.ts");
      return outcome(await augment(settings, context), printAugmentation);
    },
  }),
  define({
    schema: EVALUATE,
    stop: "loses nothing",
    summary: "metrics of a fine-tuned model on labelled text",
    example: "evaluate runs/sst2 --task sst2 --data glue/SST-2",
    positionals: ["model"],
    run: async (settings, context) => {
      const { evaluate } = await import("../commands/evaluate.ts");
      return outcome(await evaluate(settings, context), printEvaluation);
    },
  }),
  define({
    schema: PREDICT,
    // A file that is half labelled has a temporary one.
    stop: ({ out }) => (out === undefined ? "loses nothing" : "cleans"),
    summary: "label texts, lines of standard input or the rows of a file",
    example: "predict runs/sst2 --data reviews.csv --text review --out labelled.csv",
    positionals: ["model", "texts"],
    prepare: (given, lines, report) => {
      // Before anybody types texts, or a file of them is read.
      requireEngine();
      return readTexts(given, lines, report);
    },
    run: async (settings, context) => {
      const { predictLines } = await import("../commands/predict.ts");
      return outcome(await predictLines(settings, context), printPredictions);
    },
  }),
  define({
    schema: EMBED,
    stop: "loses nothing",
    summary: "vectors of texts, or of lines of standard input",
    example: 'embed hf:sentence-transformers/all-MiniLM-L6-v2 "a first text" "a second text"',
    positionals: ["model", "texts"],
    prepare: (given, lines, report) => {
      requireEngine();
      return readTexts(given, lines, report, "embed");
    },
    run: async (settings, context) => {
      const { embedLines } = await import("../commands/embed.ts");
      return outcome(await embedLines(settings, context), printVectors);
    },
  }),
  define({
    schema: EXPORT,
    stop: "loses nothing",
    summary: "write a model for other programs",
    example: "export runs/half --to onnx",
    positionals: ["model"],
    run: async (settings, context) => {
      const { exportModel } = await import("../commands/export.ts");
      return outcome(await exportModel(settings, context), printExport);
    },
  }),
  define({
    schema: SHRINK,
    stop: "loses nothing",
    summary: "leave out what does nothing, and pieces no text uses",
    example: "shrink runs/half --out models/half --vocabulary glue/SST-2 --task sst2 --data glue/SST-2",
    positionals: ["model"],
    run: async (settings, context) => {
      const { shrink } = await import("../commands/shrink.ts");
      return outcome(await shrink(settings, context), printShrinking);
    },
  }),
  define({
    schema: QUANTIZE,
    stop: "loses nothing",
    summary: "let a model's layers compute in 8 bits, without training",
    example: "quantize runs/sst2 --task sst2 --data glue/SST-2 --out models/sst2-int8",
    positionals: ["model"],
    run: async (settings, context) => {
      const { quantize } = await import("../commands/quantize.ts");
      return outcome(await quantize(settings, context), printQuantized);
    },
  }),
  define({
    schema: BENCH,
    stop: "cleans",
    summary: "time models side by side on this machine",
    example: "bench runs/sst2 runs/half --batch-sizes 1,32 --lengths 128",
    positionals: ["models"],
    run: async (settings, context) => {
      const { bench } = await import("../bench/bench.ts");
      return outcome(await bench(settings, context), benchTable);
    },
  }),
  define({
    schema: REPORT,
    stop: "loses nothing",
    summary: "runs as one HTML page, or a model card",
    example: "report runs/sst2 runs/half --out report.html",
    positionals: ["runs"],
    run: async (settings, context) => {
      const { report } = await import("../commands/report.ts");
      return outcome(await report(settings, context), printReport);
    },
  }),
  define({
    schema: TOPOLOGY,
    stop: "loses nothing",
    summary: "which weights survive, and what pruned models share",
    example: "topology runs/pruned runs/pruned-too",
    positionals: ["models"],
    run: async (settings, context) => {
      const { topology } = await import("../commands/topology.ts");
      const { topologyText } = await import("./topology-text.ts");
      return outcome(await topology(settings, context), topologyText);
    },
  }),
  define({
    schema: PRETRAIN,
    stop: "saves",
    summary: "pre-train a small encoder on plain text",
    example: "pretrain --corpus wikipedia.txt --out runs/small --hidden 256 --layers 6 --heads 4 --ffn 1024",
    positionals: [],
    run: async (settings, context) => {
      const { pretrain } = await import("../commands/pretrain.ts");
      return outcome(await pretrain(settings, context), (result) => printRun(result, settings.out));
    },
  }),
  define({
    schema: REPRODUCE,
    stop: "saves",
    summary: "a paper's table, run here beside the published numbers",
    example: "reproduce theseus --model embedded --data glue --tasks sst2,mrpc --threads 1",
    positionals: ["paper"],
    run: async (settings, context) => {
      const { planReproduction, reproduce } = await import("../reproduce/reproduce.ts");
      if (settings.plan) return outcome(await planReproduction(settings, context), printPlan);
      const { reproductionText } = await import("../reproduce/table-text.ts");
      return outcome(await reproduce(settings, context), (table) => reproductionText(table).trimEnd());
    },
  }),
  define({
    schema: RESUME,
    stop: "saves",
    summary: "resume a run that was stopped",
    example: "resume runs/sst2",
    positionals: ["run"],
    run: async (settings, context) => {
      const { readStoppedCommand } = await import("../commands/resume.ts");
      const stopped = await readStoppedCommand(settings);
      return commandNamed(stopped.command).execute(stopped.settings, { ...context, resume: true });
    },
  }),
  define({
    schema: DEMO,
    stop: "saves",
    summary: "see it all once: train, compress, measure",
    example: "demo",
    positionals: [],
    run: async (settings, context) => {
      const { demo } = await import("../commands/demo.ts");
      return outcome(await demo(settings, context), (result) =>
        printDemo(result, settings.out, settings.report),
      );
    },
  }),
];

/** The command of that name. @throws {ConfigError} `cli/unknown-command` when there is none. */
export function commandNamed(name: string): CommandSpec {
  const found = COMMANDS.find((command) => command.name === name);
  if (!found) throw new ConfigError("cli/unknown-command", `command: expected a known one, got "${name}"`);
  return found;
}

function outcome<R>(result: R, print: (result: R) => string): Outcome {
  return { json: result, text: print(result) };
}
