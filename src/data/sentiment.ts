/**
 * A small synthetic set of reviews in which counting words does not tell praise from blame.
 *
 * Written for this project, so that training and compression can be shown without a download. Each review holds one
 * verdict of the writer's, wrapped in what a reader has to see through: negation ("far from dull"), contrast (what
 * stands after "but" decides, and the main clause beside "although" and "despite"), degrees (the strong one decides),
 * other people's opinions, expectations and other things. Both labels are equally frequent, no text comes twice, and
 * everything follows from a key. It says nothing about real reviews: scores on it are not to be compared with GLUE's.
 */

import { fold, type Key, permutation, randint } from "../base/random.ts";
import type { Dataset, Example } from "./dataset.ts";
import {
  ADJECTIVES,
  DEGREES,
  DOMAINS,
  type Domain,
  FEELINGS,
  OPENERS,
  PEOPLE,
  type Sides,
  VERBS,
} from "./sentiment-words.ts";

/** How many reviews of each split. */
export interface SentimentSizes {
  readonly train: number;
  readonly dev: number;
}

/** The labels: 0 blames, 1 praises. */
const SENTIMENT_LABELS = ["negative", "positive"] as const;

/** Both splits; equal keys and sizes give equal texts. */
export function sentimentData(
  key: Key,
  { train, dev }: SentimentSizes = { train: 4000, dev: 1000 },
): { readonly train: Dataset; readonly dev: Dataset } {
  const reviews = distinctReviews(key, train + dev);
  const order = permutation(fold(key, "order"), reviews.length);
  const pick = (name: string, start: number, end: number): Dataset => {
    const examples = Array.from(order.subarray(start, end), (place, i): Example => {
      const { text, label } = reviews[place] ?? { text: "", label: 0 };
      return { text, label, where: `${name}:${i + 1}` };
    });
    return { name, task: "classification", labels: SENTIMENT_LABELS, examples };
  };
  return { train: pick("sentiment", 0, train), dev: pick("sentiment/dev", train, train + dev) };
}

/** Labels alternate, so that they are balanced; a text that came before, or stumbles over itself, is drawn again. */
function distinctReviews(key: Key, count: number): { text: string; label: number }[] {
  const seen = new Set<string>();
  const reviews: { text: string; label: number }[] = [];
  for (let attempt = 0; reviews.length < count; attempt++) {
    const label = reviews.length % 2;
    const text = review(drawer(fold(key, attempt)), label === 1);
    if (seen.has(text) || repeatsItself(text)) continue;
    seen.add(text);
    reviews.push({ text, label });
  }
  return reviews;
}

/** Whether a word of five letters or more comes twice ("the acting is dull despite the wooden acting"). */
function repeatsItself(text: string): boolean {
  const words = text.toLowerCase().match(/\p{L}{5,}/gu) ?? [];
  return new Set(words).size < words.length;
}

/** Draws in a row from one key. */
interface Draw {
  pick<T>(from: readonly T[]): T;
  chance(percent: number): boolean;
}

function drawer(key: Key): Draw {
  let next = 0;
  const below = (n: number) => randint(key, n, next++);
  return {
    chance: (percent) => below(100) < percent,
    pick: (from) => {
      const found = from[below(from.length)];
      if (found === undefined) throw new RangeError("sentiment: expected a list with entries, got none");
      return found;
    },
  };
}

/** Makes the text of a verdict. */
type Pattern = (draw: Draw, domain: Domain, praises: boolean) => string;

/** Each pattern and its share in percent. */
const PATTERNS: readonly (readonly [number, Pattern])[] = [
  [39, (draw, domain, praises) => clause(draw, domain, praises, 30)],
  [8, degrees],
  [12, (draw, domain, praises) => `${other(draw, domain, praises)}, but ${main(draw, domain, praises)}`],
  [7, (draw, domain, praises) => `although ${other(draw, domain, praises)}, ${main(draw, domain, praises)}`],
  [7, (draw, domain, praises) => `${main(draw, domain, praises)}, although ${other(draw, domain, praises)}`],
  [
    5,
    (draw, domain, praises) => `despite ${drawback(draw, domain, praises)}, ${main(draw, domain, praises)}`,
  ],
  [5, (draw, domain, praises) => `${main(draw, domain, praises)} despite ${drawback(draw, domain, praises)}`],
  [5, agreement],
  [5, opinions],
  [6, expectation],
  [6, comparison],
];

/** The patterns as often as their shares: a list of a hundred. */
const HUNDRED: readonly Pattern[] = PATTERNS.flatMap(([share, pattern]) =>
  new Array<Pattern>(share).fill(pattern),
);

function review(draw: Draw, praises: boolean): string {
  const domain = draw.pick(DOMAINS);
  const pattern = draw.pick(HUNDRED);
  const verdict = pattern(draw, domain, praises);
  // A fronted "although" or "despite" keeps its comma to itself.
  const isFronted = /^(although|despite) /.test(verdict);
  const opened = !isFronted && draw.chance(30) ? `${draw.pick(OPENERS)}, ${verdict}` : verdict;
  const sentence = `${opened.charAt(0).toUpperCase()}${opened.slice(1)}.`;
  if (!draw.chance(45)) return sentence;
  return draw.chance(50)
    ? `${draw.pick(domain.facts)} ${sentence}`
    : `${sentence} ${draw.pick(domain.facts)}`;
}

/** One statement about one aspect; in `negated` percent of cases by denying its opposite. */
function clause(draw: Draw, domain: Domain, praises: boolean, negated: number): string {
  const isNegated = draw.chance(negated);
  const side = praises !== isNegated;
  const aspect = `the ${draw.pick(domain.aspects)}`;
  const kind = draw.pick(["adjective", "adjective", "verb", "noun"]);
  if (kind === "verb") {
    const verb = word(draw, VERBS, side);
    return `${aspect} ${isNegated ? `${draw.pick(["never", "rarely"])} ` : ""}${verb}`;
  }
  if (kind === "noun") {
    const noun = word(draw, domain.nouns, side);
    return `${aspect} is ${isNegated ? draw.pick([`not exactly ${a(noun)}`, `no ${noun}`]) : a(noun)}`;
  }
  const denial = draw.pick(["not", "hardly", "far from", "anything but"]);
  const degree = draw.chance(30) ? draw.pick([...DEGREES.weak, ...DEGREES.strong]) : "";
  return [aspect, "is", isNegated ? denial : degree, adjective(draw, domain, side)].filter(Boolean).join(" ");
}

/** The clause that decides. */
function main(draw: Draw, domain: Domain, praises: boolean): string {
  return clause(draw, domain, praises, 15);
}

/** The clause that does not, usually of the other opinion. */
function other(draw: Draw, domain: Domain, praises: boolean): string {
  return clause(draw, domain, drawOpposed(draw, praises), 15);
}

function drawback(draw: Draw, domain: Domain, praises: boolean): string {
  return `the ${adjective(draw, domain, drawOpposed(draw, praises))} ${draw.pick(domain.aspects)}`;
}

/** A little more often the other side; were it always so, the misleading word alone would tell the label. */
function drawOpposed(draw: Draw, praises: boolean): boolean {
  return draw.chance(55) ? !praises : praises;
}

/** Two adjectives, the strong degree decides, in either order. */
function degrees(draw: Draw, domain: Domain, praises: boolean): string {
  const strong = `${draw.pick(DEGREES.strong)} ${adjective(draw, domain, praises)}`;
  const weak = `${draw.pick(DEGREES.weak)} ${adjective(draw, domain, !praises)}`;
  const [first, second] = draw.chance(50) ? [strong, weak] : [weak, strong];
  return `the ${draw.pick(domain.aspects)} is ${first} and ${second}`;
}

/** Somebody's opinion, which the writer shares or does not. */
function agreement(draw: Draw, domain: Domain, praises: boolean): string {
  const shares = draw.chance(50);
  const side = praises === shares;
  const person = draw.pick(PEOPLE);
  if (draw.chance(50)) {
    return `${person} ${word(draw, FEELINGS, side)} it; ${shares ? "so did I" : "I did not"}`;
  }
  return `${person} called it ${a(word(draw, domain.nouns, side))}, and that was ${shares ? "right" : "wrong"}`;
}

/** Two opinions side by side; only the writer's own counts. */
function opinions(draw: Draw, domain: Domain, praises: boolean): string {
  const theirs = adjective(draw, domain, drawOpposed(draw, praises));
  const own = adjective(draw, domain, praises);
  const person = draw.pick(PEOPLE);
  const aspect = `the ${draw.pick(domain.aspects)}`;
  return draw.chance(50)
    ? `${person} found ${aspect} ${theirs}; I found it ${own}`
    : `I found ${aspect} ${own}; ${person} found it ${theirs}`;
}

/** What was announced and what came. */
function expectation(draw: Draw, domain: Domain, praises: boolean): string {
  const hoped = a(word(draw, domain.nouns, drawOpposed(draw, praises)));
  const came = a(word(draw, domain.nouns, praises));
  return draw.chance(50)
    ? `I expected ${hoped} and got ${came}`
    : `what I got was ${came}; what I expected was ${hoped}`;
}

/** This one and another one. */
function comparison(draw: Draw, domain: Domain, praises: boolean): string {
  const thing = draw.pick(domain.things);
  const that = adjective(draw, domain, drawOpposed(draw, praises));
  const own = adjective(draw, domain, praises);
  return draw.chance(50)
    ? `the previous ${thing} was ${that}; this one is ${own}`
    : `this ${thing} is ${own}; the previous one was ${that}`;
}

function word(draw: Draw, sides: Sides, praises: boolean): string {
  return draw.pick(praises ? sides.good : sides.bad);
}

function adjective(draw: Draw, domain: Domain, praises: boolean): string {
  return word(draw, draw.chance(50) ? ADJECTIVES : domain.adjectives, praises);
}

function a(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}
