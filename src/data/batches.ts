/**
 * Examples as arrays: encoded once, then cut into padded batches whose order depends on a key and the epoch alone.
 */

/** One example as piece numbers. */
export interface Encoded {
  readonly ids: Int32Array;
  readonly types: Int32Array;
  readonly label: number;
}

/** `size` examples padded to the longest among them. */
export interface Batch {
  /** B. */
  readonly size: number;
  /** T. */
  readonly length: number;
  /** [B, T], padded with [PAD]. */
  readonly ids: Int32Array;
  /** [B, T], padded with 0. */
  readonly types: Int32Array;
  /** [B, T], 1 for a piece and 0 for padding. */
  readonly mask: Float32Array;
  /** [B]: Int32Array of classes, Float32Array of regression values. */
  readonly labels: Int32Array | Float32Array;
  /** [B], the example's number in the encoded data set. */
  readonly indices: Int32Array;
}

/** An epoch's batches by number; any of them can be made without those before it. */
export interface Batches extends Iterable<Batch> {
  readonly count: number;
  at(index: number): Batch;
}
