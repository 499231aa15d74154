/** How a run is made again: the command, the folder it is called from, the files it reads, and every setting. */

import { counted } from "../base/quantity.ts";
import { bytes } from "../base/units.ts";
import { USUAL_COLUMNS } from "../data/columns.ts";
import { wordsFor } from "../options/flags.ts";
import { COMPRESS, FINETUNE, PRETRAIN } from "../options/training.ts";
import { shellWord } from "../runs/progress.ts";
import type { Recipe } from "../runs/recipe.ts";
import { dataText, type Html, html, type Part } from "./draw/html.ts";
import { type Cell, tableOf } from "./draw/table.ts";
import { absence, type Section } from "./frame.ts";
import type { RunSource } from "./source.ts";

/** The command that makes the run again; undefined where a program passed the method, which no command line can. */
export function commandOf({ command, settings, method }: Recipe): string | undefined {
  if (method?.path === null) return undefined;
  const asked = Object.fromEntries(
    Object.entries(settings).filter(([key, value]) => !goesUnsaid(key, value)),
  );
  const [name, words] =
    command === "finetune"
      ? ["finetune", wordsFor(FINETUNE.fields, asked, "model")]
      : command === "pretrain"
        ? ["pretrain", wordsFor(PRETRAIN.fields, asked)]
        : ["compress", wordsFor(COMPRESS.fields, asked, "model")];
  return [
    "npx espalier",
    name,
    ...words.map((word) => (word.startsWith("--") ? word : shellWord(word))),
  ].join(" ");
}

/** What a command has without being told. */
function goesUnsaid(key: string, value: unknown): boolean {
  return key === "force" || ((key === "text" || key === "label") && value === USUAL_COLUMNS[key]);
}

/** The section. */
export function recipeSection({ id, recipe }: RunSource): Section {
  const command = commandOf(recipe);
  const { folder, machine, code } = recipe;
  const again =
    command === undefined
      ? absence(
          `A program passed the method "${recipe.method?.id}", so no command line makes this run again; that program does.`,
        )
      : html`<pre class="command" tabindex="0"><code>${folder !== undefined && html`cd ${shellWord(folder)}\n`}${phrasesOf(command)}</code></pre>`;
  const text = `The same command, into another folder, on the same kind of processor (${machine.cpu}), with ${counted(machine.threads, "thread")} and version ${code}, gives the same bytes.`;
  const body = html`${again}<p>${text}</p>${filesTable(recipe)}${settingsTable(recipe)}`;
  return {
    id: `${id}-recipe`,
    topic: "Recipe",
    finding: command === undefined ? "Made by a program" : "One command makes it again",
    body,
  };
}

/** A flag stays on one line with its value. */
function phrasesOf(command: string): Part[] {
  return command
    .split(/ (?=--)/)
    .map(
      (phrase, i) =>
        html`${i > 0 && " "}<span class="${phrase.length < 70 ? "phrase" : "long"}">${phrase}</span>`,
    );
}

function filesTable({ model, finetuned = [], data }: Recipe): Html {
  const files = [
    ...model.map((file) => ["model", file] as const),
    ...finetuned.map((file) => ["fine-tuned", file] as const),
    ...data.map((file) => ["data", file] as const),
  ];
  if (files.length === 0) return html``;
  const rows = files.map(([kind, file]): Cell[] => [
    dataText(file.path, 120),
    kind,
    { show: bytes(file.bytes), sort: file.bytes },
    html`<code title="${file.sha256}">${file.sha256.slice(0, 12)}</code>`,
  ]);
  return html`<details class="numbers"><summary>${counted(files.length, "file")} that it read</summary>${tableOf(
    {
      label: "Files that the run read",
      columns: [
        { name: "File", kind: "text" },
        { name: "Of", kind: "text" },
        { name: "Bytes" },
        { name: "SHA-256", kind: "text" },
      ],
      rows,
    },
  )}</details>`;
}

function settingsTable({ settings }: Recipe): Html {
  const rows = Object.entries(settings).map(([name, value]): Cell[] => [
    html`<code>${name}</code>`,
    dataText(typeof value === "string" ? value : JSON.stringify(value), 200),
  ]);
  return html`<details class="numbers"><summary>Every setting</summary>${tableOf({
    label: "Settings of the run",
    columns: [
      { name: "Setting", kind: "text" },
      { name: "Value", kind: "text" },
    ],
    rows,
  })}</details>`;
}
