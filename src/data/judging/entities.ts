/**
 * Entities out of the labels of words, and how many of them are found: precision, recall and F1 over all entities, as
 * seqeval counts them (Nakayama 2018, https://github.com/chakki-works/seqeval, its default mode, after conlleval of
 * CoNLL-2000).
 *
 * A label is a place and a kind, `B-PER`: B begins, I goes on, E or L ends, S or U is alone, O is outside. Any spelling of
 * these is read (IOB1, IOB2, IOE, BIOES, BILOU): an entity begins where its place, or a change of kind, says so.
 *
 * A letter alone is a place of the kind `_` where the set of labels has `B` and beside it `I`, `S` or `U`. In other sets it
 * is a class like any other, so that `S`, `V` and `O` stay parts of speech.
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

/** How the labels of a set are read. One without a place is a kind that goes on. */
export function tagReader(labels: readonly string[]): (label: string) => Tag {
  const areBare = hasBarePlaces(labels);
  return (label) => {
    if (label === "O" || label === "") return OUTSIDE;
    const [, letter = "", kind = areBare ? "_" : undefined] = /^([BIELSU])(?:-(.+))?$/.exec(label) ?? [];
    const place = PLACES[letter];
    return place === undefined || kind === undefined ? { place: "I", kind: label } : { place, kind };
  };
}

/** Whether labels of words mark where entities begin and end, as `B-PER` and `I-PER` do, or `B` beside `I`. */
export function hasEntities(labels: readonly string[]): boolean {
  return hasBarePlaces(labels) || labels.some((label) => /^[BIELSU]-./.test(label));
}

function hasBarePlaces(labels: readonly string[]): boolean {
  return labels.includes("B") && ["I", "S", "U"].some((letter) => labels.includes(letter));
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
  const tags = names.map(tagReader(names));
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
