/**
 * What a teacher has answered: the logits of each example, kept from the first time it comes. A frozen model without
 * dropout says the same every time, so a student that learns from answers alone needs one pass of the teacher for each
 * example of a run instead of one for each example of each epoch: 33 ms a step instead of 51 for a student of 3 of its
 * teacher's 6 layers x 256, SST-2 in batches of 32, one thread (benchmarks/training/distillation.mjs).
 *
 * Padding is not the same in every batch and moves the last bits, so a run that goes on from a checkpoint must find
 * the numbers it had: they are part of the trainer's state. Not here: the pass itself (step.ts).
 */

import { answerKind } from "../bert/answers.ts";
import type { Teacher } from "../contract/method.ts";

/** Numbers of a row of a teacher's answers. */
export function answerWidth(teacher: Teacher | undefined): number {
  if (teacher === undefined || teacher.head.kind === "mlm") return 1;
  return answerKind(teacher.head).width(teacher.head, teacher.config.hiddenSize);
}

/** Whether answers can be kept: those for tokens have as many rows as the batch they came in is long. */
export function keepsAnswers(teacher: Teacher | undefined): boolean {
  return teacher?.head.kind !== "tokens";
}

/** Answers by the number of the example. */
export class TeacherAnswers {
  /** [N, C], NaN where nothing is known. */
  private rows: Float32Array;
  readonly width: number;

  /**
   * @param width  numbers of an answer: C
   * @param rows   what another's `all` gave
   */
  constructor(width: number, rows: Float32Array = new Float32Array(0)) {
    this.width = width;
    this.rows = rows.slice();
  }

  /** What is known, [N, C] row by row, NaN where nothing is; N is one more than the largest number. */
  get all(): Float32Array {
    return this.rows;
  }

  /** Logits of these examples row by row, or undefined unless all of them are known. */
  find(indices: Int32Array): Float32Array | undefined {
    const { width, rows } = this;
    const found = new Float32Array(indices.length * width);
    for (const [i, index] of indices.entries()) {
      const row = rows.subarray(index * width, (index + 1) * width);
      if (row.length < width || row.some(Number.isNaN)) return undefined;
      found.set(row, i * width);
    }
    return found;
  }

  /** Keeps the logits of these examples. */
  keep(indices: Int32Array, logits: Float32Array): void {
    const { width } = this;
    const needed = (Math.max(...indices) + 1) * width;
    if (needed > this.rows.length) {
      const grown = new Float32Array(needed).fill(Number.NaN);
      grown.set(this.rows);
      this.rows = grown;
    }
    for (const [i, index] of indices.entries()) {
      this.rows.set(logits.subarray(i * width, (i + 1) * width), index * width);
    }
  }
}
