/**
 * What sentence-transformers keeps beside a model's files: how its vectors are made, and at how many tokens texts are cut.
 *
 *   modules.json                      the steps: Transformer, Pooling and, where vectors have length 1, Normalize
 *   1_Pooling/config.json             how states become one vector
 *   sentence_bert_config.json         the length, and whether texts are lowercased first
 *   config_sentence_transformers.json texts that are put before others, and how vectors are compared; read, never written
 *
 * Promise: what is written loads in sentence-transformers from 2.0 on and gives the same vectors there. Where a folder
 * makes vectors in a way that is not computed here the encoder is read, its `pooling` is null, and a note says why.
 */

import { join } from "node:path";
import { FormatError } from "../base/errors.ts";
import { type Head, POOLING_MODES, type Pooling, type PoolingMode } from "../bert/config.ts";
import { readJsonIfPresent } from "../formats/files.ts";
import { isObject, type JsonObject, jsonText, own } from "../formats/json.ts";
import { lowersCase } from "../text/tokenizer.ts";
import { parseSentenceLength, SENTENCE_FILE } from "../text/tokenizer-config.ts";
import type { Network } from "./network.ts";

const MODULES = "modules.json";
const PROMPTS = "config_sentence_transformers.json";
const POOLING_FOLDER = "1_Pooling";

/** Files of sentence-transformers at the top of a folder; those of its modules are `isModuleFile`. */
export const SENTENCE_FILES: readonly string[] = [MODULES, SENTENCE_FILE, PROMPTS];

/** True for the configuration of a module, as sentence-transformers calls its folder. */
export function isModuleFile(path: string): boolean {
  return /^\d+_[A-Za-z]+\/config\.json$/.test(path);
}

/** Keys of versions before 6, each true or false, with the mode that it turns on. */
const LEGACY_MODES: Readonly<Record<string, string>> = {
  pooling_mode_cls_token: "cls",
  pooling_mode_max_tokens: "max",
  pooling_mode_mean_tokens: "mean",
  pooling_mode_mean_sqrt_len_tokens: "mean_sqrt_len_tokens",
  pooling_mode_weightedmean_tokens: "weightedmean",
  pooling_mode_lasttoken: "lasttoken",
};

/** What is known of a folder before these files are read. */
type Before = Pick<Network, "head"> & { readonly vocabulary: Network["vocabulary"] };

/**
 * Reads the files: the head with its pooling, and the length, Infinity where none is said.
 *
 * @param note  hears why a folder's vectors are not made here
 * @throws {FormatError} `folder/pooling` when config.json says another pooling; `tokenizer/config` for a length that is none
 */
export async function readSentenceFiles(
  folder: string,
  { head, vocabulary }: Before,
  note: (text: string) => void,
): Promise<{ readonly head: Head; readonly maxLength: number }> {
  const read = async (name: string): Promise<unknown> => readJsonIfPresent(join(folder, name));
  const sentence = await read(SENTENCE_FILE);
  const maxLength = parseSentenceLength(sentence, join(folder, SENTENCE_FILE));
  const modules = await read(MODULES);
  if (head.kind !== "none" || modules === undefined) return { head, maxLength };
  const lowers = isObject(sentence) && own(sentence, "do_lower_case") === true && !lowersCase(vocabulary);
  const found = lowers
    ? "do_lower_case before a tokenizer that tells case apart"
    : (promptOf(await read(PROMPTS)) ?? (await poolingOf(modules, read)));
  if (typeof found === "string") note(`no vectors of this encoder: ${found} is not computed here`);
  const lost = lostOf(await read(PROMPTS));
  if (typeof found !== "string" && lost !== undefined)
    note(`${lost} of ${PROMPTS} is not kept: what is made of this encoder does not have it`);
  const pooling = typeof found === "string" ? null : found;
  checkSame(head.pooling, pooling, folder);
  return { head: { kind: "none", pooling }, maxLength };
}

/** The text that is put before every other, in words; undefined where there is none. */
function promptOf(json: unknown): string | undefined {
  if (!isObject(json)) return undefined;
  const [name, prompts] = [own(json, "default_prompt_name"), own(json, "prompts")];
  if (typeof name !== "string" || !isObject(prompts)) return undefined;
  const prompt = own(prompts, name);
  return typeof prompt === "string" && prompt !== "" ? `the prompt ${JSON.stringify(prompt)}` : undefined;
}

/** What of the library's own settings no vector depends on, in words; undefined where nothing is lost. */
function lostOf(json: unknown): string | undefined {
  if (!isObject(json)) return undefined;
  const [prompts, similarity] = [own(json, "prompts"), own(json, "similarity_fn_name")];
  const named = isObject(prompts) ? Object.keys(prompts).filter((name) => own(prompts, name) !== "") : [];
  const lost = [
    ...(named.length > 0 ? [`the prompts ${named.join(", ")}`] : []),
    ...(typeof similarity === "string" && similarity !== "cosine" ? [`the similarity ${similarity}`] : []),
  ];
  return lost.length === 0 ? undefined : lost.join(" and ");
}

/** How the modules make vectors; in words what of them is not computed here. */
async function poolingOf(json: unknown, read: (name: string) => Promise<unknown>): Promise<Pooling | string> {
  if (!Array.isArray(json)) return `${MODULES} without a list of modules`;
  const modules = json.map((module: unknown) => (isObject(module) ? module : {}));
  const [transformer, pooling, normalize, ...more] = modules.map(kindOf);
  if (transformer !== "Transformer" || own(modules[0] ?? {}, "path") !== "")
    return `${transformer ?? "nothing"} in place of a Transformer in the folder itself`;
  if (pooling !== "Pooling") return `${pooling ?? "nothing"} in place of Pooling`;
  const other = [normalize === "Normalize" ? undefined : normalize, ...more].find(
    (kind) => kind !== undefined,
  );
  if (other !== undefined) return `${other} after Pooling`;
  const path = own(modules[1] ?? {}, "path");
  if (typeof path !== "string" || !isModuleFile(`${path}/config.json`)) return `a Pooling in ${String(path)}`;
  const config = await read(`${path}/config.json`);
  if (!isObject(config)) return `a Pooling without its configuration (${path})`;
  const mode = modeOf(config);
  const known = POOLING_MODES.find((one) => one === mode);
  return known === undefined ? `pooling by ${mode}` : { mode: known, normalize: normalize === "Normalize" };
}

/** The class of a module; its whole name where it is not one of the library's own. */
function kindOf(module: JsonObject): string {
  const type = own(module, "type");
  if (typeof type !== "string") return "a module without a type";
  return /^sentence_transformers\..*\.(\w+)$/.exec(type)?.[1] ?? type;
}

/** The mode, or modes joined by `and`; no word of it means the mean. */
function modeOf(config: JsonObject): string {
  const named = own(config, "pooling_mode");
  const legacy = Object.keys(LEGACY_MODES).filter((key) => own(config, key) === true);
  const modes: readonly unknown[] =
    named === undefined ? legacy.map((key) => LEGACY_MODES[key]) : Array.isArray(named) ? named : [named];
  return modes.length === 0 ? "mean" : modes.map(String).join(" and ");
}

/** @throws {FormatError} `folder/pooling` */
function checkSame(said: Pooling | null | undefined, found: Pooling | null, folder: string): void {
  if (said === undefined || textOf(said) === textOf(found)) return;
  throw new FormatError(
    "folder/pooling",
    `pooling: expected ${textOf(said)}, as config.json says, got ${textOf(found)} (${join(folder, MODULES)})`,
  );
}

function textOf(pooling: Pooling | null): string {
  return pooling === null ? "one that is not read here" : poolingText(pooling);
}

/** A pooling in words. */
export function poolingText({ mode, normalize }: Pooling): string {
  return `${mode}, ${normalize ? "normalized" : "not normalized"}`;
}

/** Files of a network by name, with their text; undefined where there must be none of that name. */
export function sentenceTexts({
  config,
  head,
  vocabulary,
}: Pick<Network, "config" | "head" | "vocabulary">): Map<string, string | undefined> {
  const { maxLength } = vocabulary;
  const sentence = { max_seq_length: Number.isFinite(maxLength) ? maxLength : null, do_lower_case: false };
  const pooling = head.kind === "none" ? head.pooling : undefined;
  return new Map([
    // sentence-transformers 2.2.2 does not load a folder without it. Nothing is put before a text.
    [SENTENCE_FILE, pooling ? jsonText(sentence) : undefined],
    [PROMPTS, undefined],
    [
      `${POOLING_FOLDER}/config.json`,
      pooling ? jsonText(poolingJson(pooling.mode, config.hiddenSize)) : undefined,
    ],
    [MODULES, pooling ? jsonText(modulesJson(pooling)) : undefined],
  ]);
}

function poolingJson(mode: PoolingMode, dimension: number): JsonObject {
  const flags = Object.entries(LEGACY_MODES).map(([key, turned]) => [key, turned === mode]);
  return { word_embedding_dimension: dimension, ...Object.fromEntries(flags) };
}

function modulesJson({ normalize }: Pooling): JsonObject[] {
  const paths = {
    Transformer: "",
    Pooling: POOLING_FOLDER,
    ...(normalize ? { Normalize: "2_Normalize" } : {}),
  };
  return Object.entries(paths).map(([kind, path], idx) => ({
    idx,
    name: String(idx),
    path,
    type: `sentence_transformers.models.${kind}`,
  }));
}
