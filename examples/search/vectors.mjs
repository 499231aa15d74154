/** Vectors as bytes, and the nearest among them by cosine: written by make.mjs, read by the page. */

/** Each vector with its largest number as 127. A cosine needs no scale, so none is kept. */
export function packVectors(vectors) {
  const [first] = vectors;
  const packed = new Int8Array(vectors.length * first.length);
  vectors.forEach((vector, row) => {
    const largest = vector.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
    packed.set(
      vector.map((x) => Math.round((127 * x) / largest)),
      row * vector.length,
    );
  });
  return packed;
}

/**
 * What lies beside a model that searches.
 *
 * @param made     about, examples and sentences, as the page shows them
 * @param vectors  one of each sentence, by that model
 * @returns contents by name
 */
export function filesOf(made, vectors) {
  return { "sentences.json": JSON.stringify(made), "vectors.bin": packVectors(vectors) };
}

/**
 * A search through packed vectors.
 *
 * @param packed      what packVectors made
 * @param dimensions  numbers of a vector
 * @returns a function: of a query's vector, the nearest rows with their cosines, the nearest first
 */
export function searcher(packed, dimensions) {
  const rows = Array.from({ length: packed.length / dimensions }, (_, row) => row);
  const lengths = rows.map((row) => lengthOf(packed.subarray(row * dimensions, (row + 1) * dimensions)));
  return function nearest(query, most) {
    const length = lengthOf(query);
    const found = rows.map((row) => {
      const from = row * dimensions;
      let product = 0;
      for (let i = 0; i < dimensions; i++) product += packed[from + i] * query[i];
      return { row, cosine: product / (length * lengths[row]) };
    });
    return found.sort((a, b) => b.cosine - a.cosine).slice(0, most);
  };
}

/** Of a vector of zeros 1, so that its cosine is 0. */
function lengthOf(vector) {
  let squares = 0;
  for (const x of vector) squares += x * x;
  return Math.sqrt(squares) || 1;
}
