/**
 * Reads the files of a tokenizer: `tokenizer.json` or `vocab.txt`, with the files that go beside them.
 *
 * Takes text and parsed JSON, never a path. With BERT's own class the flags of tokenizer_config.json, given or not, go
 * before the normaliser of tokenizer.json; with the class that reads that file alone it is the other way round. What is
 * read gives the pieces that `transformers` gives, anything else is refused by name. Which key does what is in
 * docs/tokenizers.md. Writing is in tokenizer-files.ts.
 */

import { FormatError, InputError } from "../base/errors.ts";
import { addTokens } from "./added-vocabulary.ts";
import { unread } from "./fields.ts";
import { type AddedToken, ownRules, SPECIAL_PIECES, type SpecialIds, type TemplateItem } from "./rules.ts";
import type { PipelineFiles, TokenizerFiles, WordPieceFiles } from "./tokenizer.ts";
import {
  type ConfigFiles,
  type JsonFile,
  parseTokenizerConfig,
  type TokenizerConfig,
} from "./tokenizer-config.ts";
import {
  type PipelineJson,
  parseTokenizerJson,
  type Templates,
  type TokenizerJson,
  type WordPieceJson,
} from "./tokenizer-json.ts";
import { endsInBlankLines, parseVocab } from "./vocab-text.ts";

/** A text, and what messages call it. */
export interface TextFile {
  readonly text: string;
  readonly where: string;
}

/** All files that a tokenizer may consist of. An absent one is undefined. */
export interface TokenizerSources extends ConfigFiles {
  readonly tokenizer?: JsonFile | undefined;
  readonly vocab?: TextFile | undefined;
  /** What old folders of RoBERTa have in place of tokenizer.json: numbers of pieces, and what is merged. */
  readonly numbers?: JsonFile | undefined;
  readonly merges?: TextFile | undefined;
  /** The name of SentencePiece's own file, where there is one. */
  readonly sentencePiece?: string | undefined;
}

/** Files of a tokenizer by name, as a folder has them. */
export const TOKENIZER_FILES = {
  tokenizer: "tokenizer.json",
  config: "tokenizer_config.json",
  specialTokensMap: "special_tokens_map.json",
  addedTokens: "added_tokens.json",
  model: "config.json",
  numbers: "vocab.json",
} as const satisfies Record<
  Exclude<keyof TokenizerSources, keyof typeof TEXT_FILES | "sentencePiece">,
  string
>;

/** Those that are no JSON. */
export const TEXT_FILES = { vocab: "vocab.txt", merges: "merges.txt" } as const;

/** Files of which each group has all pieces. */
export const PIECE_FILES: readonly (readonly string[])[] = [
  [TOKENIZER_FILES.tokenizer],
  [TEXT_FILES.vocab],
  [TOKENIZER_FILES.numbers, TEXT_FILES.merges],
];

/** Names of SentencePiece's own file, which is not read. */
export const SENTENCE_PIECE_FILES = ["sentencepiece.bpe.model", "spiece.model", "spm.model"] as const;

/**
 * The tokenizer of these files.
 *
 * @param folder  where they lie, for messages
 * @throws {InputError} `folder/vocabulary` when there are no pieces
 * @throws {FormatError} `folder/vocabularies` when vocab.txt and tokenizer.json differ; `tokenizer/…`, `vocab/…`
 */
export function readTokenizer(sources: TokenizerSources, folder: string): TokenizerFiles {
  const config = parseTokenizerConfig(sources);
  const words = sources.vocab && parseVocab(sources.vocab.text, sources.vocab.where);
  if (sources.tokenizer !== undefined) {
    const { json, where } = sources.tokenizer;
    const parsed = parseTokenizerJson(json, config, where);
    if (parsed.pipeline === undefined) checkSameWords(words, parsed, folder);
    return fromJson(parsed, config, where);
  }
  if (words !== undefined) {
    const files = fromWords(words, config);
    const isBlank = endsInBlankLines(sources.vocab?.text ?? "");
    if (!isBlank || files.vocab.length === words.length) return files;
    throw unread(sources.vocab?.where ?? folder, "added tokens", "no blank line before them", "blank lines");
  }
  if (sources.numbers !== undefined && sources.merges !== undefined)
    return fromJson(...jsonOfMerges(sources.numbers, sources.merges, config));
  const message = `tokenizer: expected ${gotNoPieces(sources.sentencePiece, "FOLDER")} (${folder})`;
  throw new InputError("folder/vocabulary", message);
}

/**
 * What is said where no file has pieces.
 * @param sentencePiece  the name of SentencePiece's own file, where there is one
 * @param source  of what `transformers` makes `tokenizer.json`
 */
export function gotNoPieces(sentencePiece: string | undefined, source: string): string {
  const advice = `AutoTokenizer.from_pretrained(${source}).save_pretrained(FOLDER) of Python's transformers makes tokenizer.json`;
  const got = sentencePiece === undefined ? "neither" : `${sentencePiece} (${advice})`;
  return `vocab.txt or tokenizer.json, got ${got}`;
}

/** What `transformers` makes of RoBERTa's old files. @throws {FormatError} `tokenizer/…` for other classes' */
function jsonOfMerges(
  numbers: JsonFile,
  merges: TextFile,
  config: TokenizerConfig,
): [TokenizerJson, TokenizerConfig, string] {
  const [version, ...lines] = merges.text.replace(/^\uFEFF/, "").split(/\r?\n/);
  if (config.of.merges === undefined)
    throw unread(config.where, "tokenizer_class", "RobertaTokenizer beside vocab.json", "another");
  if (!version?.startsWith("#version"))
    throw unread(merges.where, "line 1", "#version", version ?? "nothing");
  const model = { type: "BPE", vocab: numbers.json, merges: lines.filter((line) => line !== "") };
  const bytes = { type: "ByteLevel", add_prefix_space: config.addPrefixSpace };
  const json = { model, added_tokens: [], pre_tokenizer: bytes, decoder: bytes, post_processor: bytes };
  const parsed = parseTokenizerJson(json, config, numbers.where);
  const special = specialOf(parsed.words, config);
  return [{ ...parsed, templates: config.of.merges(special) }, config, numbers.where];
}

/** Either file may be all that another program reads. vocab.txt may have the added tokens or not. */
function checkSameWords(
  words: readonly string[] | undefined,
  { words: others, added }: WordPieceJson,
  folder: string,
): void {
  if (words === undefined) return;
  const rest = added.map(({ content }) => content).slice(0, Math.max(0, words.length - others.length));
  const withAdded = [...others, ...rest.filter((piece) => !others.includes(piece))];
  if (words.join("\n") === others.join("\n") || words.join("\n") === withAdded.join("\n")) return;
  throw new FormatError(
    "folder/vocabularies",
    `vocab.txt: expected the pieces of tokenizer.json, got others (${folder})`,
  );
}

function fromJson(json: TokenizerJson, config: TokenizerConfig, where: string): TokenizerFiles {
  return json.pipeline === undefined
    ? wordPieceFromJson(json, config, where)
    : pipelineFromJson(json, config, where);
}

function pipelineFromJson(json: PipelineJson, config: TokenizerConfig, where: string): PipelineFiles {
  const { pipeline, words } = json;
  if (config.of.isBert) {
    throw unread(config.where, "tokenizer_class", `a class of ${pipeline.model.type}`, "one of WordPiece");
  }
  const { vocab, added } = addTokens(words, json.added, config);
  const templates = typed(checkedTemplates(json.templates, vocab, where), config);
  const rules = { special: specialOf(vocab, config), words: words.length, added, ...templates };
  return { vocab, maxLength: config.flags.maxLength, rules, pipeline };
}

function wordPieceFromJson(json: WordPieceJson, config: TokenizerConfig, where: string): WordPieceFiles {
  const named = config.roles.unk?.content;
  if (config.of.isBert && named !== undefined && named !== json.unk) {
    throw unread(config.where, "unk_token", `${json.unk} as in ${where}`, named);
  }
  const { vocab, added } = addTokens(json.words, json.added, config);
  if (config.of.isBert) checkFlags(json, config, added, where);
  const flags = { ...(config.of.isBert ? config.flags : json.flags), maxLength: config.flags.maxLength };
  const { prefix, maxWordLength } = json;
  const rules = {
    special: { ...specialOf(vocab, config), unk: vocab.indexOf(json.unk) },
    words: json.words.length,
    prefix,
    maxWordLength,
    added,
    ...typed(checkedTemplates(json.templates, vocab, where), config),
  };
  return { vocab, ...flags, ...ownRules(vocab, rules) };
}

/** transformers 4 looks for normalised tokens as the flags it puts aside have them, transformers 5 as those it takes. */
function checkFlags(
  { flags }: WordPieceJson,
  config: TokenizerConfig,
  added: readonly AddedToken[],
  where: string,
): void {
  if (!added.some(({ normalized }) => normalized)) return;
  const { lowercase, stripAccents, tokenizeChineseChars } = config.flags;
  const keys = [
    ["do_lower_case", flags.lowercase, lowercase],
    ["strip_accents", flags.stripAccents, stripAccents],
    ["tokenize_chinese_chars", flags.tokenizeChineseChars, tokenizeChineseChars],
  ] as const;
  for (const [key, expected, got] of keys) {
    if (expected !== got) throw unread(config.where, key, `${expected} as in ${where}`, got);
  }
}

function fromWords(words: readonly string[], config: TokenizerConfig): TokenizerFiles {
  if (!config.of.isBert) {
    throw unread(config.where, "tokenizer_class", "BertTokenizer beside vocab.txt", "one of tokenizer.json");
  }
  const { vocab, added } = addTokens(words, [], config);
  const special = specialOf(vocab, config);
  if (special.unk >= words.length) {
    throw unread(config.where, "unk_token", "a piece of vocab.txt", vocab[special.unk]);
  }
  const rules = {
    special,
    words: words.length,
    prefix: "##",
    maxWordLength: 100,
    added,
    ...typed(config.of.templates(special), config),
  };
  return { vocab, ...config.flags, ...ownRules(vocab, rules) };
}

/** Numbers of the special pieces under the names that the configuration gives them, BERT's where it gives none. */
function specialOf(vocab: readonly string[], { roles, where }: TokenizerConfig): SpecialIds {
  const find = (role: keyof SpecialIds): number => {
    const name = roles[role]?.content ?? SPECIAL_PIECES[role];
    const id = vocab.indexOf(name);
    if (id >= 0) return id;
    const message = `${where}: ${role}_token: expected the piece ${name}, got ${vocab.length} pieces without it`;
    throw new FormatError("vocab/special", message);
  };
  return { pad: find("pad"), unk: find("unk"), cls: find("cls"), sep: find("sep"), mask: find("mask") };
}

function checkedTemplates(templates: Templates, vocab: readonly string[], where: string): Templates {
  for (const item of [...templates.single, ...templates.pair]) {
    if ("id" in item && item.id >= vocab.length)
      throw unread(`${where}: post_processor`, "ids", `numbers below ${vocab.length}`, item.id);
  }
  return templates;
}

/** Without `token_type_ids` among the model's inputs the model is given type 0 throughout. */
function typed({ single, pair }: Templates, { hasTypes }: TokenizerConfig): Templates {
  const untyped = (item: TemplateItem): TemplateItem => ({ ...item, type: 0 });
  return hasTypes ? { single, pair } : { single: single.map(untyped), pair: pair.map(untyped) };
}
