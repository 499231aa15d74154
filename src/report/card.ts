/**
 * The model card: README.md of a run's model in Hugging Face's form, with the front matter that the hub reads.
 *
 *   Source   https://huggingface.co/docs/hub/model-cards (keys: base_model, datasets, library_name, metrics, model-index,
 *            pipeline_tag, tags)
 *
 * A card goes where its model goes, so no path of this machine is in it: files are called by their last name. It ends with
 * a digest of itself, so that a card is replaced only as long as nobody has changed it. Not here: shrunk models, whose
 * README.md says what they have lost (commands/shrink-readme.ts).
 */

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { counted, percent } from "../base/quantity.ts";
import { bytes, count, milliseconds } from "../base/units.ts";
import { type Head, isStock } from "../bert/config.ts";
import { markdownTable } from "../formats/markdown.ts";
import { metricText, metricWord } from "../measure/metric-text.ts";
import { latencyAt, type ModelFigures, type RunResult } from "../measure/result.ts";
import type { Network } from "../network/network.ts";
import type { Recipe } from "../runs/recipe.ts";
import { commandOf } from "./recipe-section.ts";

/** What a card is about. */
export interface CardSource {
  readonly name: string;
  readonly recipe: Recipe;
  readonly result: RunResult;
  readonly network: Pick<Network, "config" | "head">;
}

/** Names of metrics as the hub's `evaluate` has them. */
const HUB_METRICS: Readonly<Record<string, string>> = {
  accuracy: "accuracy",
  f1: "f1",
  macro_f1: "f1",
  matthews: "matthews_correlation",
  pearson: "pearsonr",
  spearman: "spearmanr",
  mae: "mae",
};

/** The card's text, its mark included. */
export function cardText(source: CardSource): string {
  const text = `${frontMatter(source)}\n${bodyOf(source)}`;
  return `${text}${markOf(text)}\n`;
}

const MARK = /<!-- written by espalier, sha256 ([0-9a-f]{64}) -->\n$/;

function markOf(text: string): string {
  return `<!-- written by espalier, sha256 ${createHash("sha256").update(text).digest("hex")} -->`;
}

/** Whether a README.md is a card that this program wrote, and that nobody has changed since. */
export function isOwnCard(readme: string): boolean {
  const found = MARK.exec(readme);
  return (
    found !== null && readme === `${readme.slice(0, found.index)}${markOf(readme.slice(0, found.index))}\n`
  );
}

/** A text in YAML: JSON's double quotes are YAML's too. */
function yaml(text: string): string {
  return JSON.stringify(text);
}

/** What the hub, and `pipeline` of `transformers`, call what a model does. */
const PIPELINES: Readonly<Record<Head["kind"], string>> = {
  classification: "text-classification",
  regression: "text-classification",
  "multi-label": "text-classification",
  tokens: "token-classification",
  mlm: "fill-mask",
  none: "feature-extraction",
};

function frontMatter({ name, recipe, result, network }: CardSource): string {
  const { task, method } = result;
  const product = result.models.at(-1);
  const pipeline = PIPELINES[network.head.kind];
  const known = Object.entries(product?.metrics ?? {}).flatMap(([key, value]) => {
    const type = HUB_METRICS[key];
    return type === undefined ? [] : [{ type, key, value }];
  });
  const base = baseModel(recipe);
  const onHub = task === null ? hubName(recipe.settings.data) : "nyu-mll/glue";
  const data = task === null ? dataName(recipe) : `GLUE ${task}`;
  const lines = [
    "---",
    `library_name: ${isTransformers(network) ? "transformers" : "espalier"}`,
    `pipeline_tag: ${pipeline}`,
    ...(base === undefined ? [] : [`base_model: ${yaml(base)}`]),
    "tags:",
    ...["bert", "espalier", ...(method === null ? [] : ["compressed", method])].map(
      (tag) => `- ${yaml(tag)}`,
    ),
    ...(onHub === undefined ? [] : ["datasets:", `- ${onHub}`]),
    ...(known.length === 0 ? [] : ["metrics:", ...new Set(known.map(({ type }) => `- ${type}`))]),
    ...(known.length === 0
      ? []
      : [
          "model-index:",
          `- name: ${yaml(name)}`,
          "  results:",
          "  - task:",
          `      type: ${pipeline}`,
          "    dataset:",
          `      name: ${yaml(data)}`,
          `      type: ${onHub ?? yaml(data)}`,
          ...(task === null ? [] : [`      config: ${task}`, "      split: validation"]),
          "    metrics:",
          ...known.flatMap(({ type, key, value }) => [
            `    - type: ${type}`,
            `      name: ${yaml(metricWord(key))}`,
            `      value: ${Number(value.toPrecision(6))}`,
          ]),
        ]),
    "---",
  ];
  return `${lines.join("\n")}\n`;
}

/** Whether stock `transformers` reads the model's folder and answers as it does here. */
function isTransformers({ config, head }: CardSource["network"]): boolean {
  return isStock(config) && !("reader" in head);
}

/** The name on the hub of the model that the run began with, where it came from there. */
function baseModel({ settings }: Recipe): string | undefined {
  return hubName(settings.model);
}

/** `owner/name` of what was named so on the hub. */
function hubName(value: unknown): string | undefined {
  const found = /^hf:([^/@]+(?:\/[^/@]+)?)/.exec(String(value ?? ""));
  return found?.[1];
}

/** What the data is called: as it was named on the hub, or as its file is. */
function dataName({ settings: { data, corpus } }: Recipe): string {
  const given = String(data ?? corpus ?? "data");
  return given.startsWith("hf:") ? given.slice("hf:".length) : basename(given);
}

/** Text in a line of Markdown: in code, where nothing is markup. */
function code(text: string): string {
  return `\`${text.replaceAll("`", "'").replaceAll(/\s+/g, " ")}\``;
}

function bodyOf(source: CardSource): string {
  const { name, recipe, result, network } = source;
  const { metric, method, verdict } = result;
  const base = modelName(recipe);
  const made = method === null ? `${base} trained` : `${base} compressed with the method ${code(method)}`;
  const { examples } = metric;
  const on = result.task === null ? code(dataName(recipe)) : `GLUE's ${code(result.task)}`;
  const command = commandOf(portable(recipe));
  return [
    `# ${name}\n`,
    `${made} on ${on}, by Espalier ${result.code}. ${headText(network)}\n`,
    `${verdict.text}\n`,
    `${figures(result)}\n`,
    "## How to use it\n",
    useText(source),
    "## How it was made\n",
    command === undefined ? "By a program, with a method of its own.\n" : `\`\`\`sh\n${command}\n\`\`\`\n`,
    "## What is not known\n",
    `It was judged on ${counted(examples, result.command === "pretrain" ? "predicted piece" : "example")} of the data above, and on nothing else. How it does on other texts, in other languages, or for groups of people was not measured. ${lengthText(result)}\n\n`,
  ].join("\n");
}

function lengthText({ length, stride }: RunResult): string {
  if (stride === undefined) return `Texts are cut at ${length} tokens.`;
  return `Longer texts were read in windows of ${length} tokens that share ${stride}, and answered by the mean: ask for the same with \`--stride ${stride}\`; other programs cut them.`;
}

function modelName(recipe: Recipe): string {
  const model = String(recipe.settings.model ?? "A new encoder");
  const base = baseModel(recipe);
  return base === undefined ? code(basename(model)) : `[${base}](https://huggingface.co/${base})`;
}

function headText({ head }: CardSource["network"]): string {
  if ("labels" in head) {
    const shown = head.labels.slice(0, 30).map(code).join(", ");
    const number = { classification: "one", "multi-label": "any number", tokens: "one, for each token," }[
      head.kind
    ];
    return `It answers with ${number} of ${counted(head.labels.length, "label")}: ${shown}${head.labels.length > 30 ? ", …" : ""}.`;
  }
  if (head.kind === "regression") return "It answers with a number.";
  return head.kind === "mlm" ? "It fills in masked words, and is meant to be fine-tuned." : "It has no head.";
}

function figures({ models, metric }: RunResult): string {
  const at = models.at(-1)?.latency[0];
  const row = (model: ModelFigures): string[] => {
    const value = model.metrics[metric.name];
    const time = at && latencyAt(model.latency, at);
    return [
      model.stage,
      value === undefined ? "–" : metricText(metric.name, value),
      count(model.parameters.total),
      percent(model.parameters.nonzero / Math.max(1, model.parameters.total)),
      bytes(model.bytes.raw),
      ...(at ? [time ? milliseconds(time.p50) : "–"] : []),
    ];
  };
  const header = [
    "model",
    metricWord(metric.name),
    "weights",
    "not 0",
    "file",
    ...(at ? [`one pass, batch ${at.batchSize}`] : []),
  ];
  return markdownTable(header, models.map(row));
}

/** What a pipeline has to be told, when it is made and when it is called, to answer as `espalier predict` does. */
const HOW: Partial<Record<Head["kind"], readonly [made: string, called: string]>> = {
  tokens: [', aggregation_strategy="first"', ""],
  "multi-label": ["", ", top_k=None"],
};

function useText({ name, network }: CardSource): string {
  const folder = JSON.stringify(name);
  const espalier = `\`\`\`sh\nnpx espalier predict ${/^[\w./-]+$/.test(name) ? name : folder} "a text"\n\`\`\`\n`;
  if (!isTransformers(network))
    return `Stock \`transformers\` does not read this folder: its layers differ in size, or its head is another. Espalier does:\n\n${espalier}`;
  if (network.head.kind === "none" || network.head.kind === "mlm")
    return `\`\`\`python\nfrom transformers import AutoModel\nmodel = AutoModel.from_pretrained(${folder})\n\`\`\`\n`;
  const kind = PIPELINES[network.head.kind];
  const how = HOW[network.head.kind] ?? ["", ""];
  return `\`\`\`python\nfrom transformers import pipeline\nprint(pipeline("${kind}", model=${folder}${how[0]})("a text"${how[1]}))\n\`\`\`\n\n${espalier}`;
}

/** Names of columns, which may have a slash in them. */
const NO_PATHS = ["text", "textPair", "label"];

/** Without the folders of this machine. */
function portable(recipe: Recipe): Recipe {
  const short = (value: unknown): unknown =>
    typeof value === "string" && /[\\/]/.test(value) && !/^(?:hf|embedded):/.test(value)
      ? basename(value)
      : value;
  const settings = Object.fromEntries(
    Object.entries(recipe.settings).map(([key, value]) => [
      key,
      NO_PATHS.includes(key) ? value : short(value),
    ]),
  );
  return { ...recipe, settings };
}
