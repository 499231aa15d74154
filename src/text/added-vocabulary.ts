/**
 * Gives added tokens their numbers, as `transformers` 4.57 and the `tokenizers` below it do.
 *
 * A token that is a piece of the model has that piece's number; any other gets the next one, in the order: tokenizer.json,
 * then `added_tokens_decoder` (or added_tokens.json), then special tokens. Where a file says another number than that,
 * Hugging Face goes on with its own and only warns; here the file is refused, as its author meant something else.
 * What says how a token is found later goes before what says it earlier.
 */

import { unread } from "./fields.ts";
import { type AddedToken, SPECIAL_FLAGS } from "./rules.ts";
import type { NamedToken, NumberedToken } from "./token.ts";
import type { TokenizerConfig } from "./tokenizer-config.ts";

/** All pieces by number, and those of them that are added tokens. */
export interface AddedVocabulary {
  readonly vocab: readonly string[];
  /** In ascending order of their numbers. */
  readonly added: readonly AddedToken[];
}

/**
 * @param words  pieces of the model by number
 * @param file   the added tokens of tokenizer.json, none without it
 * @throws {FormatError} `tokenizer/…` for a number that the token would not get
 */
export function addTokens(
  words: readonly string[],
  file: readonly NumberedToken[],
  config: TokenizerConfig,
): AddedVocabulary {
  const vocab = [...words];
  const ids = new Map(words.map((piece, id) => [piece, id]));
  const added = new Map<string, AddedToken>();
  const add = (token: NamedToken, expected?: number): void => {
    const { content, singleWord, lstrip, rstrip, normalized, special } = token;
    const id = ids.get(content) ?? vocab.push(content) - 1;
    ids.set(content, id);
    if (expected !== undefined && expected !== id)
      throw unread(config.where, `number of ${content}`, id, expected);
    added.set(content, { id, singleWord, lstrip, rstrip, normalized, special });
  };
  for (const token of file) add(token, token.id);
  const named = new Set(config.special.map(({ content }) => content));
  for (const token of config.numbered) {
    // Of the two old files, tokenizer.json goes before added_tokens.json.
    const known = config.isComplete ? undefined : file.find(({ content }) => content === token.content);
    add({ ...(known ?? token), special: (known ?? token).special || named.has(token.content) }, token.id);
  }
  for (const token of namedTokens(config, file)) {
    if (token.hasFlags) add({ ...token, special: true });
    else if (!added.has(token.content)) add({ ...token, ...SPECIAL_FLAGS });
  }
  return { vocab, added: [...added.values()].sort((a, b) => a.id - b.id) };
}

/** Special tokens; one with a role is found as the list with numbers has it, where it is on that list. */
function namedTokens(config: TokenizerConfig, file: readonly NumberedToken[]): NamedToken[] {
  const listed = new Map(
    (config.isComplete ? config.numbered : file).map((token) => [token.content, token] as const),
  );
  // A token that the class itself has, with flags of its own, is found as these say.
  const isReplaced = ({ content, hasFlags }: NamedToken): boolean => config.given.has(content) || !hasFlags;
  const roles = new Set(Object.values(config.roles).map(({ content }) => content));
  return config.special.map((token) =>
    roles.has(token.content) && isReplaced(token) ? (listed.get(token.content) ?? token) : token,
  );
}
