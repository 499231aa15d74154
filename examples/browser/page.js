/**
 * The example page: loads model.esp, says how far that is, and asks it for what is in the text field, as it changes. How it
 * is asked and how answers look depends on its task (answers.js).
 *
 * What the model knows and the examples to click stand in about.json, which make.mjs writes beside the model; any other
 * packed file is shown without. The comparison (compare.js) can be asked for where its parts are served.
 */

import { answersText, element, KINDS, row } from "./answers.js";
import { load } from "./runtime.js";

const byId = (id) => document.getElementById(id);
const [text, words, answer, facts, error] = ["text", "words", "answer", "facts", "error"].map(byId);

const threadsText = (threads) => (threads === 1 ? "1 thread" : `${threads} threads`);
const milliseconds = (ms) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;

const STAGES = { fetch: "Fetching the model…", unpack: "Unpacking its weights…", place: "Trying kernels…" };
/** Of the whole time, where a stage begins and ends. */
const SPANS = { fetch: [0, 0.3], unpack: [0.3, 0.8], place: [0.8, 1] };

function showProgress({ stage, share }) {
  const [from, to] = SPANS[stage];
  byId("stage").textContent = STAGES[stage];
  byId("progress").value = from + share * (to - from);
}

/** Whether a file that the page can do without is there: the server answers 204 where it is not. */
async function isServed(path) {
  return (await fetch(path, { method: "HEAD" })).status === 200;
}

/** What stands beside the model, if anything does. */
async function readAbout() {
  const response = await fetch("./about.json");
  return response.status === 200 ? response.json() : undefined;
}

/** What can be told of any model, and what stands beside this one. */
function showFacts(model, beside, seconds) {
  const { maxLength, report } = model;
  const kept = `${(100 * report.density).toFixed(0)} % of its encoder's weights`;
  const memory = `${(report.memory / 2 ** 20).toFixed(0)} MiB of memory`;
  const all = [
    { name: "Answers", text: answersText(model) },
    { name: "Reads", text: `the first ${maxLength} word pieces of a text` },
    ...beside,
    { name: "In this page", text: `loaded in ${seconds.toFixed(2)} s; keeps ${kept}, in ${memory}` },
  ];
  byId("knows").replaceChildren(
    ...all.flatMap(({ name, text: told }) => [element("dt", "", name), element("dd", "", told)]),
  );
}

function showExamples(groups, pick) {
  const blocks = groups.map(({ title, texts }) => {
    const block = element("div", "examples");
    block.role = "group";
    block.ariaLabel = title;
    const buttons = texts.map((example) => {
      const button = element("button", "", example);
      button.type = "button";
      button.addEventListener("click", () => pick(example));
      return button;
    });
    block.append(element("h3", "", title), ...buttons);
    return block;
  });
  byId("examples").replaceChildren(...blocks);
  byId("try").hidden = false;
}

/** Asks for what is in the field. One at a time: what was typed meanwhile is asked next, what lies between is not. */
function asker(model) {
  let [busy, waiting] = [false, false];
  return async function ask() {
    waiting = busy;
    if (busy) return;
    busy = true;
    try {
      if (text.value.trim() === "") {
        words.replaceChildren();
        answer.replaceChildren();
        facts.textContent = "";
      } else {
        const start = performance.now();
        const answered = await KINDS[model.task].ask(model, text.value);
        const taken = milliseconds(performance.now() - start);
        facts.textContent = `${answered.read} Took ${taken} with ${threadsText(model.report.threads)}.`;
        words.replaceChildren(...answered.words);
        answer.replaceChildren(...answered.rows);
      }
      error.textContent = "";
    } catch (cause) {
      error.textContent = cause.message;
    }
    busy = false;
    if (waiting) await ask();
  };
}

function showTimes({ ours, theirs, tokens, threads, turns }) {
  const [fast, slow] = ours < theirs ? ["Espalier", "onnxruntime-web"] : ["onnxruntime-web", "Espalier"];
  const ratio = Math.max(ours, theirs) / Math.min(ours, theirs);
  byId("compared").textContent =
    `${fast} is ${ratio.toFixed(1)} times as fast as ${slow} here: one text of ${tokens} word pieces, ${threadsText(threads)}, medians of ${turns} turns.`;
  const rows = Object.entries({ Espalier: ours, "onnxruntime-web": theirs }).flatMap(([name, time]) =>
    row(name, time / Math.max(ours, theirs), milliseconds(time), name === fast),
  );
  byId("times").replaceChildren(...rows);
  byId("times").hidden = false;
}

/** What is missing for a comparison, in a sentence; none where all is there. */
async function missingParts() {
  if (!(await isServed("./ort.mjs"))) {
    return "onnxruntime-web is not installed where this page comes from: npm install --save-dev onnxruntime-web.";
  }
  if (await isServed("./model.onnx")) return "";
  return "There is no model.onnx beside the packed file: espalier export RUN --to onnx --out model.onnx.";
}

async function offerComparison(model) {
  const [button, compared] = ["compare", "compared"].map(byId);
  const missing = await missingParts();
  compared.textContent = missing;
  button.disabled = missing !== "";
  const tell = (words) => {
    compared.textContent = words;
  };
  button.addEventListener("click", async () => {
    if (button.ariaDisabled === "true") return;
    // Not `disabled`, which would take the focus from who came by keyboard.
    button.ariaDisabled = "true";
    try {
      const { compare } = await import("./compare.js");
      showTimes(await compare(model, tell));
    } catch (cause) {
      tell(`It could not be compared: ${cause.message}`);
    }
    button.ariaDisabled = "false";
  });
}

/** What is said above the field: of this model, where something stands beside it, else of its kind. */
function showKind({ title, lead }) {
  byId("title").textContent = title;
  document.title = `Espalier: ${title}`;
  byId("lead").textContent = lead;
}

/** The page with a model: what it knows, examples, and a field that is answered as it changes. */
async function start() {
  const started = performance.now();
  const [model, about] = await Promise.all([
    load(new URL("./model.esp", location.href), { onProgress: showProgress }),
    readAbout(),
  ]);
  const [ask, kind] = [asker(model), KINDS[model.task]];
  byId("loading").hidden = true;
  showKind(about ?? kind);
  byId("field").textContent = kind.field;
  showFacts(model, about?.facts ?? [], (performance.now() - started) / 1000);
  if (about) {
    showExamples(about.examples, (example) => {
      text.value = example;
      ask();
    });
  }
  text.value = about?.examples[0]?.texts[0] ?? kind.text;
  text.disabled = false;
  text.addEventListener("input", ask);
  await ask();
  if (model.task !== "embedding") {
    byId("speed").hidden = false;
    await offerComparison(model);
  }
  document.body.dataset.ready = "true";
}

start().catch((cause) => {
  byId("loading").hidden = true;
  facts.textContent = "The model could not be loaded.";
  error.textContent = cause.message;
});
