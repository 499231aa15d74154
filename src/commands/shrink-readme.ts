/**
 * README.md of a shrunk model: what it has lost, what reads it, what does not, and the way to a form that does.
 *
 * It lies in the model's folder and is read by whoever gets that folder without having made it. Not here: the numbers.
 */

import { answersTexts, type Head, isStock, type LayerConfig, poolingOf } from "../bert/config.ts";
import type { Network } from "../network/network.ts";
import { shellWord } from "../runs/progress.ts";
import type { ModelSizes } from "./answers.ts";

/** What there is to say about a shrunk model. */
export interface Shrunk {
  /** The model it was made of. */
  readonly name: string;
  /** Name of the folder, as in the commands shown. */
  readonly folder: string;
  readonly network: Pick<Network, "config" | "head">;
  readonly before: ModelSizes;
  readonly after: ModelSizes;
}

/** The file's text, for a version of the code. */
export function shrunkReadme({
  name,
  folder: given,
  network,
  before,
  after,
}: Shrunk): (version: string) => string {
  const folder = shellWord(given);
  const row = (what: string, size: (sizes: ModelSizes) => number) =>
    `| ${what} | ${size(before).toLocaleString("en")} | ${size(after).toLocaleString("en")} |`;
  return (version) => `# ${name}, shrunk

Made by Espalier ${version}. What did nothing has left, with its rows and columns; no mask is needed to run this model.

| | before | after |
|---|---|---|
${row("heads", ({ heads }) => heads)}
${row("neurons", ({ neurons }) => neurons)}
${row("modules with a head or neuron", ({ modules }) => modules)}
${row("word pieces", ({ pieces }) => pieces)}
${row("parameters", ({ parameters }) => parameters.total)}
${row("bytes", ({ bytes }) => bytes.raw)}

Layers: ${network.config.layers.map(layerText).join("; ")}.

## What reads it

- Espalier: \`espalier ${useOf(network.head, folder)}\`, and every other command that takes a model.
- ONNX Runtime and transformers.js, as ONNX: \`espalier export ${folder} --to onnx --out ${shellWord(`${given}-onnx`)}\`. Every matrix keeps its size.
${stockText(given, network)}
`;
}

/** The command that shows what it does. */
function useOf(head: Head, folder: string): string {
  if (answersTexts(head) || head.kind === "tokens") return `predict ${folder} "a text"`;
  return poolingOf(head) === undefined ? `inspect ${folder}` : `embed ${folder} "a text"`;
}

function layerText({ heads, headSize, ffn }: LayerConfig, i: number): string {
  return `${i}: ${heads} heads × ${headSize}, ${ffn} neurons`;
}

/** Whether stock `transformers` can hold the model as it is, padded, or not at all. */
function stockText(folder: string, { config, head }: Shrunk["network"]): string {
  if ("reader" in head) {
    return `
## What does not

Stock \`transformers\`, in any form: its heads do not read a mixture of the layers. As ONNX the model runs.`;
  }
  if (isStock(config)) return "- Stock `transformers`: the layers are of one size.";
  return `
## What does not

Stock \`transformers\`: its \`config.json\` has one size for all layers, and this model's layers differ, or have other sizes than it allows. For it, write the model with zeros in place of what has left:

    espalier export ${shellWord(folder)} --to safetensors --out ${shellWord(`${folder}-stock`)}

That says the same, and is as large and as slow as the widest layer makes it.`;
}
