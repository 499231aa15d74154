/**
 * The search page: loads the encoder, the sentences and their vectors, and shows the sentences nearest to what is in the
 * field, as it changes. All three are made by make.mjs, so a query is compared with vectors by the very same model.
 */

import { load } from "./runtime.js";
import { searcher } from "./vectors.mjs";

const byId = (id) => document.getElementById(id);
const [query, hits, status, error] = ["query", "hits", "status", "error"].map(byId);

const MOST_HITS = 20;

const count = (number) => number.toLocaleString("en");
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)}\u00a0MB`;
const milliseconds = (ms) => `${ms.toFixed(ms < 10 ? 1 : 0)}\u00a0ms`;

function element(name, className, ...content) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...content);
  return made;
}

/** A sentence; under it how near it is, as a bar and a number, and where it stands. */
function hit({ text, file, heading }, cosine) {
  const bar = element("i", "");
  bar.style.width = `${100 * Math.max(0, cosine)}%`;
  const track = element("span", "track", bar);
  track.ariaHidden = "true";
  const number = element("span", "cosine", cosine.toFixed(2));
  const place = element("span", "", heading === "" ? file : `${file} › ${heading}`);
  return element("li", "", element("p", "", text), element("div", "place", track, number, place));
}

const STAGES = { fetch: "Fetching the model…", unpack: "Unpacking its weights…", place: "Trying kernels…" };
/** Of the whole time, where a stage begins and ends. */
const SPANS = { fetch: [0, 0.3], unpack: [0.3, 0.8], place: [0.8, 1] };

function showProgress({ stage, share }) {
  const [from, to] = SPANS[stage];
  byId("stage").textContent = STAGES[stage];
  byId("progress").value = from + share * (to - from);
}

/** What lies beside the model. The server answers 204 for what is not there. */
async function fetchMade(name) {
  const response = await fetch(`./${name}`);
  if (response.status === 200) return response;
  const make = "node examples/search/make.mjs MODEL OUT makes it";
  throw new Error(`${name}: expected it beside the model, got none; ${make}`);
}

/** The sentences, and a search through their vectors. */
async function fetchSentences() {
  const [made, vectors] = await Promise.all(["sentences.json", "vectors.bin"].map(fetchMade));
  return { ...(await made.json()), packed: new Int8Array(await vectors.arrayBuffer()) };
}

/** @throws where the vectors are not those of the sentences, by a model like this one */
function requireFit({ dimensions }, { sentences, packed }) {
  if (dimensions === null) throw new Error("model: expected one that makes vectors, got one with labels");
  const expected = sentences.length * dimensions;
  if (packed.length === expected) return;
  throw new Error(`vectors.bin: expected ${expected} bytes, got ${packed.length}: made for another model`);
}

function showFacts({ dimensions, maxLength, report }, { about, sentences, packed }, seconds) {
  const kept = `${(100 * report.density).toFixed(0)} % of its encoder's weights`;
  const threads = report.threads === 1 ? "1 thread" : `${report.threads} threads`;
  const memory = `${(report.memory / 2 ** 20).toFixed(0)} MiB of memory`;
  const facts = {
    Model: `${about.model}, ${megabytes(about.bytes)}; keeps ${kept}, computes in ${about.arithmetic}`,
    Sentences: `${count(sentences.length)} of ${about.source}`,
    Vectors: `${dimensions} numbers each, a byte a number: ${megabytes(packed.length)}`,
    Reads: `the first ${maxLength} word pieces of a text`,
    "In this page": `loaded in ${seconds.toFixed(2)} s; ${threads}, ${memory}`,
  };
  byId("facts").replaceChildren(
    ...Object.entries(facts).flatMap(([name, text]) => [element("dt", "", name), element("dd", "", text)]),
  );
  byId("about").hidden = false;
}

/** Searches for one query at a time: what was typed meanwhile is searched next, what lies between is not. */
function finder(model, { sentences, packed }) {
  const nearest = searcher(packed, model.dimensions);
  async function show(text) {
    byId("examples").hidden = text.trim() !== "";
    if (text.trim() === "") {
      hits.replaceChildren();
      status.textContent = "";
      return;
    }
    const start = performance.now();
    const [vector] = await model.embed([text]);
    const embedded = performance.now();
    const found = nearest(vector, MOST_HITS);
    const searched = performance.now();
    hits.replaceChildren(...found.map(({ row, cosine }) => hit(sentences[row], cosine)));
    status.textContent = `The nearest ${found.length} of ${count(sentences.length)} sentences, with their cosines. Vector of the query: ${milliseconds(embedded - start)}, search: ${milliseconds(searched - embedded)}.`;
  }
  let [busy, waiting] = [false, false];
  return async function find() {
    waiting = busy;
    if (busy) return;
    busy = true;
    try {
      await show(query.value);
      error.textContent = "";
    } catch (cause) {
      error.textContent = cause.message;
    }
    busy = false;
    if (waiting) await find();
  };
}

function showExamples(examples, find) {
  const buttons = examples.map((example) => {
    const button = element("button", "", example);
    button.type = "button";
    button.addEventListener("click", () => {
      query.value = example;
      // The button goes, so the focus has to.
      query.focus();
      find();
    });
    return button;
  });
  byId("examples").replaceChildren(...buttons);
}

async function start() {
  byId("form").addEventListener("submit", (event) => event.preventDefault());
  const started = performance.now();
  const [model, made] = await Promise.all([
    load(new URL("./model.esp", location.href), { onProgress: showProgress }),
    fetchSentences(),
  ]);
  requireFit(model, made);
  const find = finder(model, made);
  byId("loading").hidden = true;
  showFacts(model, made, (performance.now() - started) / 1000);
  showExamples(made.examples, find);
  query.addEventListener("input", find);
  // What was typed while the model came.
  await find();
  document.body.dataset.ready = "true";
}

start().catch((cause) => {
  byId("loading").hidden = true;
  status.textContent = "There is nothing to search with.";
  error.textContent = cause.message;
});
