/** Words that were spelt before. */

/** Words are remembered up to this many, then forgotten together: a bound on memory in a long-lived server. */
const MOST = 1 << 17;

/** A longer run without spaces is not a word that comes back. */
export const REMEMBERED_LENGTH = 64;

/** The same of each word, and of one that comes again without doing it twice. */
export function remembered<T extends object>(spell: (word: string) => T): (word: string) => T {
  const known = new Map<string, T>();
  return (word) => {
    const hit = known.get(word);
    if (hit !== undefined) return hit;
    const spelt = spell(word);
    if (known.size >= MOST) known.clear();
    if (word.length <= REMEMBERED_LENGTH) known.set(word, spelt);
    return spelt;
  };
}
