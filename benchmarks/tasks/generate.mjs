/**
 * Makes the two sets on which labels of words and several labels of a text are held to a peer, since no registry's package
 * brings a free one.
 *
 *   node benchmarks/tasks/generate.mjs OUT
 *
 * OUT/entities/{train,dev}.conll: sentences out of 14 patterns with people, places, firms and days. A third of the names
 * belong to two kinds (Jordan, Washington, Chase), so that the words around them decide; half of the names in dev are in no
 * training sentence; 3 % of the labels are drawn anew, so that nothing reaches 100 %.
 * OUT/topics/{train,dev}.jsonl: texts of three to six short clauses on up to four of seven topics; a clause's words are drawn
 * from its topic's list, mixed with words of no topic; 3 % of the labels are drawn anew.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [out] = process.argv.slice(2);
if (out === undefined) throw new TypeError("generate: expected OUT, a folder");

/** Mulberry32: a small generator, the same on every machine. @param {number} seed */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomOf(2026);
/** @type {<T>(list: readonly T[]) => T} */
const pick = (list) => {
  const item = list[Math.floor(random() * list.length)];
  if (item === undefined) throw new RangeError("pick: expected items, got an empty list");
  return item;
};
/** @param {string} text */
const words = (text) => text.split(" ");

const BOTH = words(
  "Jordan Washington Chase Florence Victoria Austin Carter Morgan Ford Sydney Madison Lincoln",
);
const NAMES = {
  PER: words(
    "Anna Boris Carla Dmitri Elena Farid Greta Hugo Irene Jonas Keiko Lars Mei Nadia Omar Priya Quentin Rosa",
  ),
  LOC: words(
    "Oslo Lima Cairo Delhi Quito Rome Tokyo Berlin Accra Dublin Riga Hanoi Perth Bergen Lagos Turin Malmo Gdansk",
  ),
  ORG: words(
    "Siemens Nokia Bosch Toyota Nestle Airbus Danone Philips Hitachi Volvo Bayer Statoil Lufthansa Ericsson",
  ),
};
const SURNAMES = words("Smith Garcia Novak Tanaka Okafor Larsen Silva Kumar Rossi Weber");
const DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday");
const PATTERNS = [
  "PER met PER in LOC on DAY .",
  "PER works for ORG in LOC .",
  "ORG opened an office in LOC last year .",
  "shares of ORG fell on DAY after PER left .",
  "PER was born near LOC and moved to LOC .",
  "the mayor of LOC thanked PER for the visit .",
  "ORG hired PER , who used to live in LOC .",
  "on DAY PER flew from LOC to LOC .",
  "a spokesman for ORG said that PER would resign .",
  "it rained in LOC all DAY , wrote PER .",
  "nothing happened on DAY .",
  "PER asked ORG for a refund .",
  "the road to LOC is closed , said PER of ORG .",
  "ORG and ORG will merge on DAY .",
];

/** A name of a kind, in one word or two. @param {"PER" | "LOC" | "ORG"} kind @param {boolean} isTraining */
function nameOf(kind, isTraining) {
  const own = NAMES[kind];
  const known = isTraining ? own.slice(0, Math.ceil(own.length / 2)) : own;
  const first = random() < 1 / 3 ? pick(BOTH) : pick(known);
  if (kind === "PER" && random() < 0.5) return [first, pick(SURNAMES)];
  if (kind === "LOC" && random() < 0.2) return [pick(["New", "North", "Port"]), first];
  return kind === "ORG" && random() < 0.3 ? [first, pick(["Group", "Bank", "Motors"])] : [first];
}

const TAGS = ["O", ...["PER", "LOC", "ORG", "DAY"].flatMap((kind) => [`B-${kind}`, `I-${kind}`])];
const NOISE = 0.03;
/** @param {string} tag */
const noisy = (tag) => (random() < NOISE ? pick(TAGS) : tag);

/** @param {boolean} isTraining */
function sentence(isTraining) {
  const lines = words(pick(PATTERNS)).flatMap((slot) => {
    if (slot === "DAY") return [`${pick(DAYS)}\t${noisy("B-DAY")}`];
    if (slot !== "PER" && slot !== "LOC" && slot !== "ORG") return [`${slot}\t${noisy("O")}`];
    return nameOf(slot, isTraining).map((word, i) => `${word}\t${noisy(`${i === 0 ? "B" : "I"}-${slot}`)}`);
  });
  return `${lines.join("\n")}\n`;
}

/** @type {Readonly<Record<string, readonly string[]>>} */
const TOPICS = {
  food: words("soup bread cheese oven recipe salad dessert tasty baked chef lunch spicy"),
  money: words("bank loan tax price salary budget invoice cheap debt market fee savings"),
  sport: words("match goal coach team race stadium medal league tennis runner score champion"),
  travel: words("train hotel beach flight luggage border passport tour island airport map ticket"),
  health: words("doctor nurse fever clinic medicine pain surgery vaccine diet sleep patient cough"),
  music: words("guitar concert song drums choir album melody violin singer stage piano lyrics"),
  weather: words("rain storm snow cloudy wind sunny forecast flood frost thunder heat fog"),
};
const PLAIN = words(
  "the a we they it was is very some about there then again people day old new with after before",
);

function text() {
  const own = Object.keys(TOPICS)
    .sort(() => random() - 0.5)
    .slice(0, Math.floor(random() * 5));
  const clauses = Array.from({ length: 3 + Math.floor(random() * 4) }, (_, i) => {
    const topic = i < own.length ? own[i] : undefined;
    return Array.from({ length: 4 }, () =>
      topic !== undefined && random() < 0.4 ? pick(TOPICS[topic] ?? PLAIN) : pick(PLAIN),
    ).join(" ");
  });
  const label = Object.keys(TOPICS).filter((topic) =>
    random() < NOISE ? random() < 0.5 : own.includes(topic),
  );
  return `${JSON.stringify({ text: clauses.join(" , "), label })}\n`;
}

/** @param {string} path @param {number} count @param {(isTraining: boolean) => string} make */
function write(path, count, make) {
  const isTraining = path.includes("train");
  const separator = path.endsWith("conll") ? "\n" : "";
  writeFileSync(path, Array.from({ length: count }, () => make(isTraining)).join(separator));
}

for (const folder of ["entities", "topics"]) mkdirSync(join(out, folder), { recursive: true });
write(join(out, "entities", "train.conll"), 800, sentence);
write(join(out, "entities", "dev.conll"), 400, sentence);
write(join(out, "topics", "train.jsonl"), 800, text);
write(join(out, "topics", "dev.jsonl"), 400, text);
