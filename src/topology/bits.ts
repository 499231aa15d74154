/**
 * Which entries of a matrix are there: one bit each, row by row, every row beginning at a word of its own.
 *
 * Bit c of row r lies in word r × stride + (c >> 5) at place c & 31; bits after the last column are 0. A mask of BERT-base
 * is 13 MB, and two of them are compared 32 weights at a time.
 */

/** The bits of a matrix [rows, columns]. */
export interface BitMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Words of one row. */
  readonly stride: number;
  readonly words: Uint32Array;
}

/** The bits of entries that are not 0. @param entries  [rows, columns], a mask or weights */
export function bitsOf(entries: Uint8Array | Float32Array, rows: number, columns: number): BitMatrix {
  if (entries.length !== rows * columns)
    throw new RangeError(`entries: expected ${rows} × ${columns}, got ${entries.length}`);
  const stride = Math.ceil(columns / 32);
  const words = new Uint32Array(rows * stride);
  for (let r = 0, i = 0; r < rows; r++) {
    for (let w = r * stride, left = columns; left > 0; w++, left -= 32) {
      let word = 0;
      const end = Math.min(32, left);
      // No branch: where half are there it would be guessed wrongly every second time, and take twice as long.
      for (let b = 0; b < end; b++, i++) word |= Number(entries[i] !== 0) << b;
      words[w] = word;
    }
  }
  return { rows, columns, stride, words };
}

/** Set bits of a word. */
export function countBits(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Entries that are there. */
export function countKept({ words }: BitMatrix): number {
  let n = 0;
  for (let i = 0; i < words.length; i++) n += countBits(words[i] ?? 0);
  return n;
}

/** Entries of each row: the fan-in of its unit, [rows]. */
export function rowCounts({ rows, stride, words }: BitMatrix): Uint32Array {
  const counts = new Uint32Array(rows);
  for (let r = 0, w = 0; r < rows; r++) {
    let n = 0;
    for (const end = w + stride; w < end; w++) n += countBits(words[w] ?? 0);
    counts[r] = n;
  }
  return counts;
}

/**
 * Entries of each column: the fan-out of what it reads, [columns].
 *
 * Sums lie across words: bit b of plane k is the k-th binary digit of the count of column b, so a row is added 32 columns
 * at a time: some 0.08 s for all of a BERT-base mask, however dense. Visiting its weights one by one takes two to four
 * times as long where half are kept.
 */
export function columnCounts({ rows, columns, stride, words }: BitMatrix): Uint32Array {
  const planes = 32 - Math.clz32(rows); // as many digits as `rows` has
  const sums = new Int32Array(stride * planes);
  for (let r = 0, w = 0; r < rows; r++) {
    for (let s = 0; s < sums.length; s += planes, w++) {
      let carry = (words[w] ?? 0) | 0;
      for (let p = s; carry !== 0; p++) {
        const digit = sums[p] ?? 0;
        sums[p] = digit ^ carry;
        carry &= digit;
      }
    }
  }
  const counts = new Uint32Array(columns);
  for (let c = 0; c < columns; c++) {
    let n = 0;
    for (let k = 0; k < planes; k++) n += (((sums[(c >> 5) * planes + k] ?? 0) >>> (c & 31)) & 1) << k;
    counts[c] = n;
  }
  return counts;
}

/** Entries of both matrices, which have the same shape. */
export function countCommon({ words }: BitMatrix, { words: others }: BitMatrix): number {
  let n = 0;
  for (let i = 0; i < words.length; i++) n += countBits((words[i] ?? 0) & (others[i] ?? 0));
  return n;
}

/** Visits the entries that are there, row by row. */
export function forEachKept(
  { rows, stride, words }: BitMatrix,
  visit: (row: number, column: number) => void,
): void {
  for (let r = 0; r < rows; r++) {
    for (let w = 0; w < stride; w++) {
      // The lowest bit that is set, until none is.
      for (let word = words[r * stride + w] ?? 0; word !== 0; word &= word - 1) {
        visit(r, 32 * w + 31 - Math.clz32(word & -word));
      }
    }
  }
}
