/**
 * A network's tokenizer: texts become what this very network can read.
 *
 * The tokenizer files say how texts become pieces and types, the configuration how many types there are; the two need
 * not agree. Not here: pieces (text/tokenizer.ts), how long a sequence may be.
 */

import { InputError } from "../base/errors.ts";
import type { Encoding } from "../text/encoding.ts";
import { createTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import type { Network } from "./network.ts";

/**
 * The tokenizer of a network.
 *
 * The types of a network that has none are all 0. `encode` throws {InputError} `encode/types` for a pair where the network has one token type only. Type 0 for both texts
 * would be an answer that `transformers` does not give: it refuses too.
 */
export function tokenizerOf({ config, vocabulary }: Pick<Network, "config" | "vocabulary">): Tokenizer {
  const tokenizer = createTokenizer(vocabulary);
  return {
    ...tokenizer,
    encode: (text, pair, maxLength) =>
      withKnownTypes(tokenizer.encode(text, pair, maxLength), config.typeVocab, pair !== undefined),
    encodePlaced: (text, maxLength) =>
      withKnownTypes(tokenizer.encodePlaced(text, maxLength), config.typeVocab, false),
    encodeWindows: (text, pair, maxLength, stride) => {
      const { windows, tokens } = tokenizer.encodeWindows(text, pair, maxLength, stride);
      const known = windows.map((each) => withKnownTypes(each, config.typeVocab, pair !== undefined));
      return { windows: known, tokens };
    },
    encodePlacedWindows: (text, maxLength, stride) => {
      const { windows, tokens } = tokenizer.encodePlacedWindows(text, maxLength, stride);
      return { windows: windows.map((each) => withKnownTypes(each, config.typeVocab, false)), tokens };
    },
  };
}

/** The encoding with types that the network has; where it has none, a tokenizer's are not read. */
function withKnownTypes<E extends Encoding>(encoding: E, typeVocab: number, isPair: boolean): E {
  if (typeVocab === 0) return { ...encoding, types: encoding.types.map(() => 0) };
  const most = encoding.types.reduce((a, b) => Math.max(a, b), 0);
  if (most < typeVocab) return encoding;
  const what = isPair ? "text pair" : "text";
  const message = `${what}: expected a model with ${most + 1} token types, got one with type_vocab_size ${typeVocab}`;
  throw new InputError("encode/types", message);
}
