/**
 * The same network in onnxruntime-web on this page: both answer one text of as many word pieces, in turn, with as many threads.
 *
 * Loaded when it is asked for, since onnxruntime-web's WebAssembly alone has 14 MB. Its pieces are all the same, which time
 * does not depend on; ours are cut from a text, and the time that this takes counts.
 */

const PIECES = 64;
const WARM_UP = 3;
const TURNS = 15;

const here = new URL("./", import.meta.url).href;

function median(times) {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
}

async function timeOf(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** A session of onnxruntime-web: one pass over so many pieces, and its end. */
async function openRival(threads, pieces) {
  const ort = await import("./ort.mjs");
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = here;
  const options = { executionProviders: ["wasm"] };
  const session = await ort.InferenceSession.create(`${here}model.onnx`, options);
  const filled = (value) =>
    new ort.Tensor("int64", new BigInt64Array(pieces).fill(BigInt(value)), [1, pieces]);
  const feeds = { input_ids: filled(1), attention_mask: filled(1), token_type_ids: filled(0) };
  return { run: () => session.run(feeds), close: () => session.release() };
}

/**
 * Median milliseconds of both.
 *
 * @param model  a loaded packed file with labels or a score
 * @param tell   called with what is going on
 */
export async function compare(model, tell) {
  const { threads } = model.report;
  // A piece for each full stop, and one at each end; fewer where the model takes fewer.
  const text = ". ".repeat(PIECES - 2);
  const ask = model.task === "tokens" ? model.tag : model.classify;
  const [{ tokens }] = await ask([text]);
  tell("Loading onnxruntime-web, 14 MB…");
  const rival = await openRival(threads, tokens);
  const times = { ours: [], theirs: [] };
  for (let turn = 1 - WARM_UP; turn <= TURNS; turn++) {
    const taken = { ours: await timeOf(() => ask([text])), theirs: await timeOf(rival.run) };
    if (turn < 1) continue;
    times.ours.push(taken.ours);
    times.theirs.push(taken.theirs);
    tell(`Turn ${turn} of ${TURNS}…`);
  }
  await rival.close();
  return { ours: median(times.ours), theirs: median(times.theirs), tokens, threads, turns: TURNS };
}
