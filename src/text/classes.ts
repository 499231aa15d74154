/**
 * Classes of tokenizers that `transformers` has, and what each makes of the files beside it.
 *
 * As of Python's `transformers` 4.57. Most take `tokenizer.json` as it is. BERT's and those made after it put their flags
 * before its normaliser; a class that has special tokens of other names looks for some of them in its own way; RoBERTa's
 * says anew how spaces are treated. Not here: the files themselves (tokenizer-config.ts).
 */

import {
  bertTemplates,
  robertaTemplates,
  SPECIAL_PIECES,
  type SpecialIds,
  type TokenizerRules,
} from "./rules.ts";
import { type NamedToken, plainToken } from "./token.ts";

/** The order in which `transformers` gives numbers to special tokens. */
export const ORDER = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"] as const;
export type Role = (typeof ORDER)[number];

/** A class. */
export interface TokenizerClass {
  /** Its flags go before those of `tokenizer.json`. */
  readonly isBert: boolean;
  /** Special tokens that it has when no file names any. */
  readonly roles: Readonly<Partial<Record<Role, NamedToken>>>;
  /** Special tokens without a role that it has when no file names any. */
  readonly extra: readonly string[];
  /** The token of a role, given by its text alone. */
  readonly wrap: (token: NamedToken, role: Role) => NamedToken;
  /** Whether the second text of a pair has a type of its own, when no file says so. */
  readonly hasTypes: boolean;
  /** What becomes of a text, and of a pair, where no file says so. */
  readonly templates: (special: SpecialIds) => Pick<TokenizerRules, "single" | "pair">;
  /** The same beside `vocab.json` and `merges.txt`; undefined where the class does not read these here. */
  readonly merges?: TokenizerClass["templates"];
  /** It says how places are trimmed and whether a text begins with a space, whatever the file has. */
  readonly trims: boolean;
}

type Names = Readonly<Partial<Record<Role, string>>>;
type Wrap = TokenizerClass["wrap"];

const BERT_NAMES: Names = SPECIAL_PIECES;
const ROBERTA_NAMES: Names = {
  bos: "<s>",
  eos: "</s>",
  unk: "<unk>",
  sep: "</s>",
  pad: "<pad>",
  cls: "<s>",
  mask: "<mask>",
};

const asIs: Wrap = (token) => token;
/** The mask takes the space before it. */
const withSpace: Wrap = (token, role) =>
  role === "mask" ? { ...token, hasFlags: true, lstrip: true } : token;
/** As it; but for the unknown piece all have flags that go before those of a list. */
const withFlags: Wrap = (token, role) =>
  role === "unk" ? token : { ...withSpace(token, role), hasFlags: true };

function classOf(names: Names, wrap: Wrap = asIs, others: Partial<TokenizerClass> = {}): TokenizerClass {
  const roles: Partial<Record<Role, NamedToken>> = {};
  for (const role of ORDER) {
    const name = names[role];
    if (name !== undefined) roles[role] = wrap(plainToken(name, true), role);
  }
  const templates = bertTemplates;
  return { isBert: false, roles, extra: [], wrap, hasTypes: true, templates, trims: false, ...others };
}

const FILE = classOf({});
const BERT = classOf(BERT_NAMES, asIs, { isBert: true });
const MPNET = { isBert: true, templates: robertaTemplates };
const NO_TYPES = { hasTypes: false };

/** By name, without `Fast` at its end. */
const CLASSES: ReadonlyMap<string, TokenizerClass> = new Map([
  ["BertTokenizer", BERT],
  ["DistilBertTokenizer", { ...BERT, ...NO_TYPES }],
  ["ElectraTokenizer", BERT],
  ["MPNetTokenizer", classOf({ ...ROBERTA_NAMES, unk: "[UNK]" }, withFlags, { ...MPNET, ...NO_TYPES })],
  [
    "RobertaTokenizer",
    classOf(ROBERTA_NAMES, withSpace, { ...NO_TYPES, merges: robertaTemplates, trims: true }),
  ],
  ["XLMRobertaTokenizer", classOf(ROBERTA_NAMES, withSpace, NO_TYPES)],
  [
    "CamembertTokenizer",
    classOf(ROBERTA_NAMES, withSpace, {
      ...NO_TYPES,
      extra: ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"],
    }),
  ],
  [
    "AlbertTokenizer",
    classOf({ ...BERT_NAMES, bos: "[CLS]", eos: "[SEP]", unk: "<unk>", pad: "<pad>" }, withSpace),
  ],
  ["DebertaTokenizer", classOf({ ...BERT_NAMES, bos: "[CLS]", eos: "[SEP]" })],
  ["DebertaV2Tokenizer", classOf({ ...BERT_NAMES, bos: "[CLS]", eos: "[SEP]" })],
]);

/** Classes that read `tokenizer.json` alone. The second is of transformers 5, and has no types unless it is told to. */
const FILE_CLASSES: ReadonlyMap<string, TokenizerClass> = new Map([
  ["PreTrainedTokenizerFast", FILE],
  ["TokenizersBackend", { ...FILE, ...NO_TYPES }],
]);

/** The class of a model whose files name none, by its `model_type`; BERT's for any other. */
const BY_MODEL: ReadonlyMap<unknown, string> = new Map([
  ["distilbert", "DistilBertTokenizer"],
  ["electra", "ElectraTokenizer"],
  ["mpnet", "MPNetTokenizer"],
  ["roberta", "RobertaTokenizer"],
  ["xlm-roberta", "XLMRobertaTokenizer"],
  ["camembert", "CamembertTokenizer"],
  ["albert", "AlbertTokenizer"],
  ["deberta", "DebertaTokenizer"],
  ["deberta-v2", "DebertaV2Tokenizer"],
  ["modernbert", "PreTrainedTokenizerFast"],
]);

/** Names of all classes, for messages. */
export const CLASS_NAMES = [...CLASSES.keys(), ...FILE_CLASSES.keys()].join(", ");

/** The class of a name; undefined for one that is not known here. */
export function findClass(name: unknown): TokenizerClass | undefined {
  if (typeof name !== "string") return undefined;
  return FILE_CLASSES.get(name) ?? CLASSES.get(name.replace(/Fast$/, ""));
}

/** The class where no file names one. */
export function classOfModel(modelType: unknown): TokenizerClass {
  return findClass(BY_MODEL.get(modelType)) ?? BERT;
}

/** Special tokens by role, of those that a network needs. */
export type Roles = Readonly<Partial<Record<keyof SpecialIds, NamedToken>>>;
