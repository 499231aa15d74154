/**
 * What a teacher has answered: the logits of each example, kept from the first time it comes. A frozen model without
 * dropout says the same every time, so a student that learns from answers alone needs one pass of the teacher for each
 * example of a run instead of one for each example of each epoch: 33 ms a step instead of 51 for a student of 3 of its
 * teacher's 6 layers x 256, SST-2 in batches of 32, one thread (benchmarks/training/distillation.mjs).
 *
 * Padding is not the same in every batch and moves the last bits, so a run that goes on from a checkpoint must find
 * the numbers it had: they are part of the trainer's state. Not here: the pass itself (step.ts).
 */

/** Logits by the number of the example. */
export class TeacherAnswers {
  /** [N, C], NaN where nothing is known. */
  private rows: Float32Array;
  private readonly classes: number;

  /**
   * @param classes  C
   * @param rows     what another's `all` gave
   */
  constructor(classes: number, rows: Float32Array = new Float32Array(0)) {
    this.classes = classes;
    this.rows = rows.slice();
  }

  /** What is known, [N, C] row by row, NaN where nothing is; N is one more than the largest number. */
  get all(): Float32Array {
    return this.rows;
  }

  /** Logits of these examples row by row, or undefined unless all of them are known. */
  find(indices: Int32Array): Float32Array | undefined {
    const { classes, rows } = this;
    const found = new Float32Array(indices.length * classes);
    for (const [i, index] of indices.entries()) {
      const row = rows.subarray(index * classes, (index + 1) * classes);
      if (row.length < classes || row.some(Number.isNaN)) return undefined;
      found.set(row, i * classes);
    }
    return found;
  }

  /** Keeps the logits of these examples. */
  keep(indices: Int32Array, logits: Float32Array): void {
    const { classes } = this;
    const needed = (Math.max(...indices) + 1) * classes;
    if (needed > this.rows.length) {
      const grown = new Float32Array(needed).fill(Number.NaN);
      grown.set(this.rows);
      this.rows = grown;
    }
    for (const [i, index] of indices.entries()) {
      this.rows.set(logits.subarray(i * classes, (i + 1) * classes), index * classes);
    }
  }
}
