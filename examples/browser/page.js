/** The example page: loads /model.esp and labels what is in the text field, as it changes. */

import { load } from "./runtime.js";

const byId = (id) => document.getElementById(id);
const [text, answer, facts, error] = ["text", "answer", "facts", "error"].map(byId);

function element(name, className, content = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = content;
  return made;
}

/** A row for each label: its name, a bar, its probability; a number alone for a regression. */
function show({ label, score, scores }, labels) {
  const rows = labels.flatMap((name, i) => {
    const share = `${(100 * scores[i]).toFixed(1)} %`;
    const track = element("dd", "track");
    const bar = element("i", "");
    bar.style.width = share.replace(" ", "");
    track.append(bar);
    return [element("dt", name === label ? "top" : "", name), track, element("dd", "", share)];
  });
  answer.replaceChildren(...(labels.length > 0 ? rows : [element("dt", "top", score.toFixed(3))]));
}

function told(report, milliseconds) {
  const kernels = Object.keys(report.kernels).join(", ");
  const threads = report.threads === 1 ? "1 thread" : `${report.threads} threads`;
  const left = `${(100 * report.density).toFixed(0)} % of the encoder's weights`;
  const time = milliseconds === undefined ? "" : `${milliseconds.toFixed(1)} ms for this text; `;
  return `${time}${threads}, ${left}, ${kernels}, ${(report.memory / 2 ** 20).toFixed(0)} MiB`;
}

try {
  const model = await load(new URL("./model.esp", location.href));
  facts.textContent = told(model.report);
  text.disabled = false;
  text.focus();
  // One text at a time: what was typed meanwhile is labelled next, what lies between is not.
  let [busy, waiting] = [false, false];
  const classify = async () => {
    waiting = busy;
    if (busy) return;
    busy = true;
    try {
      if (text.value.trim() === "") answer.replaceChildren();
      else {
        const start = performance.now();
        const [prediction] = await model.classify([text.value]);
        facts.textContent = told(model.report, performance.now() - start);
        show(prediction, model.labels);
      }
      error.textContent = "";
    } catch (cause) {
      error.textContent = cause.message;
    }
    busy = false;
    if (waiting) await classify();
  };
  text.addEventListener("input", classify);
  document.body.dataset.ready = "true";
} catch (cause) {
  facts.textContent = "The model could not be loaded.";
  error.textContent = cause.message;
}
