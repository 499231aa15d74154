/**
 * Entities out of the labels of words, and how many of them are found: precision, recall and F1 over all entities, as
 * seqeval counts them (Nakayama 2018, https://github.com/chakki-works/seqeval, its default mode, after conlleval of
 * CoNLL-2000).
 *
 * A label is a place and a kind, `B-PER`: B begins, I goes on, E or L ends, S or U is alone, O is outside. Any spelling of
 * these is read (IOB1, IOB2, IOE, BIOES, BILOU): an entity begins where its place, or a change of kind, says so.
 */

type Numbers = ArrayLike<number>;

/** A stretch of words of one kind. */
export interface EntitySpan {
  readonly kind: string;
  /** Its first word, and the one behind its last. */
  readonly start: number;
  readonly end: number;
}

/** A label's place and kind. */
interface Tag {
  readonly place: "O" | "B" | "I" | "E" | "S";
  readonly kind: string;
}

const OUTSIDE: Tag = { place: "O", kind: "" };
const PLACES: Readonly<Record<string, Tag["place"]>> = { B: "B", I: "I", E: "E", L: "E", S: "S", U: "S" };

/** What a label says. One without a place is a kind that goes on. */
export function tagOf(label: string): Tag {
  if (label === "O" || label === "") return OUTSIDE;
  const parts = /^([BIELSU])-(.+)$/.exec(label);
  const place = parts?.[1] === undefined ? undefined : PLACES[parts[1]];
  return place === undefined ? { place: "I", kind: label } : { place, kind: parts?.[2] ?? "" };
}

/** The entities of a text whose words have these tags. */
export function entitiesOf(tags: readonly Tag[]): EntitySpan[] {
  const found: EntitySpan[] = [];
  let before = OUTSIDE;
  let start = 0;
  for (const [i, tag] of [...tags, OUTSIDE].entries()) {
    if (before !== OUTSIDE && endsBetween(before, tag)) found.push({ kind: before.kind, start, end: i });
    if (beginsBetween(before, tag)) start = i;
    before = tag;
  }
  return found;
}

function endsBetween(before: Tag, tag: Tag): boolean {
  if (before.place === "E" || before.place === "S") return true;
  return tag.place === "B" || tag.place === "S" || tag.place === "O" || before.kind !== tag.kind;
}

function beginsBetween(before: Tag, tag: Tag): boolean {
  if (tag.place === "O") return false;
  if (tag.place === "B" || tag.place === "S") return true;
  return before.place === "E" || before.place === "S" || before.place === "O" || before.kind !== tag.kind;
}

/** Shares of entities that are right; 0 where there is none. */
export interface EntityScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/**
 * Counts entities over all texts.
 *
 * @param names   of the classes
 * @param starts  where each text's words begin, and the end
 */
export function entityScores(
  names: readonly string[],
  predicted: Numbers,
  truth: Numbers,
  starts: ArrayLike<number>,
): EntityScores {
  const tags = names.map(tagOf);
  const spans = (classes: Numbers, from: number, to: number): EntitySpan[] =>
    entitiesOf(Array.from({ length: to - from }, (_, i) => tags[classes[from + i] ?? -1] ?? OUTSIDE));
  let [right, said, real] = [0, 0, 0];
  for (let text = 0; text + 1 < starts.length; text++) {
    const [from, to] = [starts[text] ?? 0, starts[text + 1] ?? 0];
    const known = new Set(spans(truth, from, to).map(spell));
    const found = spans(predicted, from, to).map(spell);
    real += known.size;
    said += found.length;
    right += found.filter((each) => known.has(each)).length;
  }
  return { precision: share(right, said), recall: share(right, real), f1: share(2 * right, said + real) };
}

function spell({ kind, start, end }: EntitySpan): string {
  return `${start} ${end} ${kind}`;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
