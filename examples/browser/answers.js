/**
 * What the example page does with a model of each task: what it says of it, how it asks it, and how the answer looks.
 *
 * An answer is what stands in rows, what stands in words above them, and a sentence on what was read.
 */

/** Of a model with more labels, the likeliest are shown. */
const MOST_LABELS = 6;
/** Of a vector, the first numbers are shown. */
const MOST_NUMBERS = 4;

export function element(name, className, ...content) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...content);
  return made;
}

/** A name, a bar and the number that it stands for. */
export function row(name, share, number, isTop) {
  const top = isTop ? "top" : "";
  const track = element("dd", "track");
  track.ariaHidden = "true";
  const bar = element("i", top);
  bar.style.width = `${100 * share}%`;
  track.append(bar);
  return [element("dt", top, name), track, element("dd", top, number)];
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

function readText({ tokens, cut }) {
  return `${tokens} word pieces${cut === 0 ? "" : `; the ${cut} after them were not read`}.`;
}

/** A row for each label; a number alone for a regression. */
async function classify(model, text) {
  const [prediction] = await model.classify([text]);
  const { label, labels: held, score, scores } = prediction;
  const read = readText(prediction);
  if (label === null) return { rows: [element("dt", "top", score.toFixed(3))], words: [], read };
  const all = model.labels.map((name, i) => ({ name, share: scores[i] }));
  const likeliest = all.toSorted((a, b) => b.share - a.share).slice(0, MOST_LABELS);
  const shown = all.length > MOST_LABELS ? likeliest : all;
  const rows = shown.flatMap(({ name, share }) => row(name, share, percent(share), held.includes(name)));
  return { rows, words: [], read };
}

/** The text with its entities marked, and a row for each of them. */
async function tag(model, text) {
  const [tagged] = await model.tag([text]);
  let at = 0;
  const words = tagged.entities.flatMap(({ label, start, end }) => {
    const before = text.slice(at, start);
    at = end;
    return [before, element("mark", "", text.slice(start, end), element("small", "", label))];
  });
  const rows = tagged.entities.flatMap(({ label, text: found, score }) =>
    row(`${found}: ${label}`, score, percent(score), false),
  );
  const none = [element("dt", "", "Nothing found")];
  return { rows: rows.length > 0 ? rows : none, words: [...words, text.slice(at)], read: readText(tagged) };
}

/** How near the first line is to each of the others; of one line alone, the vector. */
async function embed(model, text) {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const [first, ...others] = await model.embed(lines);
  const cosines = others.map((other) => cosine(first, other));
  const nearest = Math.max(...cosines);
  const rows = cosines.flatMap((near, i) =>
    row(lines[i + 1], Math.max(0, near), near.toFixed(2), near === nearest),
  );
  const numbers = Array.from(first.subarray(0, MOST_NUMBERS), (x) => x.toFixed(3));
  const alone = `The vector begins with ${numbers.join(", ")}. Another line is compared with this one.`;
  const read = `${lines.length} ${lines.length === 1 ? "text" : "texts"}.`;
  return { rows, words: others.length > 0 ? [] : [alone], read };
}

/** Of two vectors, which need not have length 1. */
function cosine(a, b) {
  const product = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b) || 1);
}

const LABELS = {
  title: "A classifier in this page",
  lead: "It labels a text in this page, as you type.",
  field: "Text",
  text: "",
  ask: classify,
};

/** By the model's `task`. */
export const KINDS = {
  classification: LABELS,
  "multi-label": LABELS,
  regression: {
    ...LABELS,
    title: "A model in this page",
    lead: "It gives a text a number in this page, as you type.",
  },
  tokens: {
    title: "A tagger in this page",
    lead: "It marks what it finds in a text in this page, as you type.",
    field: "Text",
    text: "",
    ask: tag,
  },
  embedding: {
    title: "A sentence encoder in this page",
    lead: "It compares the first line with the others in this page, as you type, by the vectors that it gives them.",
    field: "Texts, one on each line",
    text: "How do I get my money back?\nCan I return what I bought?\nThe train to Oslo leaves at nine.",
    ask: embed,
  },
};

/** What a model answers, in words. */
export function answersText({ task, labels, dimensions }) {
  if (task === "embedding") return `vectors of ${dimensions} numbers`;
  return task === "regression" ? "a number" : labels.join(", ");
}
