/**
 * How often a layer's input has which size, over any number of texts, in one pass and in bounded memory: bins of one width,
 * which doubles when a number lies beyond the last.
 */

import { RunError } from "../base/errors.ts";
import type { InputRange } from "../bert/quantized.ts";

/** Bins on either side of 0. */
const SIDE = 4096;
/** Where widths begin; a power of two, so that doubled ones are exact. */
const NARROWEST = 2 ** -20;

/** Counts of numbers. It grows: `count` changes it. */
export class Histogram {
  private width = NARROWEST;
  private bins = new Float64Array(2 * SIDE);
  private least = 0;
  private most = 0;

  /** Counts numbers. @throws {RunError} `quantize/range` for one that is not finite, which no range holds */
  count(numbers: Float32Array): void {
    for (let i = 0; i < numbers.length; i++) {
      const x = numbers[i] ?? 0;
      if (!Number.isFinite(x))
        throw new RunError("quantize/range", `calibration: expected finite inputs of a layer, got ${x}`);
      this.least = Math.min(this.least, x);
      this.most = Math.max(this.most, x);
      while (Math.abs(x) >= SIDE * this.width) this.widen();
      const bin = Math.floor(x / this.width) + SIDE;
      this.bins[bin] = (this.bins[bin] ?? 0) + 1;
    }
  }

  private widen(): void {
    const wider = new Float64Array(2 * SIDE);
    this.bins.forEach((n, bin) => {
      const to = Math.floor((bin - SIDE) / 2) + SIDE;
      wider[to] = (wider[to] ?? 0) + n;
    });
    this.bins = wider;
    this.width *= 2;
  }

  /** The least and the largest number, and 0. */
  range(): InputRange {
    return { low: this.least, high: this.most };
  }

  /** The range without a share of the numbers at either end; 0 stays within. */
  without(share: { readonly below: number; readonly above: number }): InputRange {
    const total = this.bins.reduce((sum, n) => sum + n, 0);
    const first = this.place(share.below * total, 1);
    const last = this.place(share.above * total, -1);
    return {
      low: Math.max(this.least, Math.min(0, (first - SIDE) * this.width)),
      high: Math.min(this.most, Math.max(0, (last + 1 - SIDE) * this.width)),
    };
  }

  /** The bin that the number after `skipped` others lies in, from either end. */
  private place(skipped: number, direction: 1 | -1): number {
    let left = skipped;
    let bin = direction === 1 ? 0 : 2 * SIDE - 1;
    for (; bin >= 0 && bin < 2 * SIDE; bin += direction) {
      left -= this.bins[bin] ?? 0;
      if (left < 0) return bin;
    }
    return SIDE;
  }

  /** The mean square of what rounding to `steps` steps of a range, and cutting off what is beyond it, changes. */
  error({ low, high }: InputRange, steps: number): number {
    const step = (high - low) / steps;
    let [sum, total] = [0, 0];
    this.bins.forEach((n, bin) => {
      if (n === 0) return;
      const x = (bin - SIDE + 0.5) * this.width;
      const beyond = x - Math.max(low, Math.min(high, x));
      sum += n * (beyond === 0 ? step ** 2 / 12 : beyond ** 2);
      total += n;
    });
    return total === 0 ? 0 : sum / total;
  }
}
