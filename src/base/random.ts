/**
 * Counter-based random numbers: a key is a value, drawing never changes it.
 *
 * The generator is Threefry-2x32 with 20 rounds (Salmon et al., SC 2011, "Parallel random numbers: as easy as
 * 1, 2, 3", §3.3): a draw is a function of (key, counter), so the order of epoch 7 or the dropout of step 900 can be
 * computed without the ones before, and a resumed run sees the same numbers as one that never stopped.
 */

/** 64 bits of key. Derive keys with `fold`; never reuse one for two purposes. */
export type Key = readonly [number, number];

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
/** Threefish's key-schedule constant for 32-bit words (same source, §3.3). */
const PARITY = 0x1bd11bda;

/** Threefry-2x32-20 of the counter (x0, x1) under `key`: two words of 32 random bits. */
export function threefry([k0, k1]: Key, x0: number, x1: number): [number, number] {
  const schedule = [k0, k1, k0 ^ k1 ^ PARITY];
  let a = (x0 + k0) | 0;
  let b = (x1 + k1) | 0;
  for (let round = 0; round < 20; round++) {
    const r = ROTATIONS[round % 8] ?? 0;
    a = (a + b) | 0;
    b = ((b << r) | (b >>> (32 - r))) ^ a;
    if (round % 4 === 3) {
      const inject = (round + 1) / 4;
      a = (a + (schedule[inject % 3] ?? 0)) | 0;
      b = (b + (schedule[(inject + 1) % 3] ?? 0) + inject) | 0;
    }
  }
  return [a >>> 0, b >>> 0];
}

/** The root key of a run. `seed` is any non-negative integer below 2^53. */
export function keyOf(seed: number): Key {
  return threefry([0, 0], seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
}

/** A key for sub-purpose `data` (a number or a name); different data give unrelated keys. */
export function fold(key: Key, data: number | string): Key {
  if (typeof data === "number") return threefry(key, data >>> 0, 1);
  let hash = 0x811c9dc5; // FNV-1a, 32 bits
  for (let i = 0; i < data.length; i++) hash = Math.imul(hash ^ data.charCodeAt(i), 0x01000193);
  return threefry(key, hash >>> 0, 2);
}

/** A number in [0, 1) with 32 random bits: the `i`-th draw under `key`. */
export function uniform(key: Key, i = 0): number {
  return threefry(key, i, 0)[0] / 2 ** 32;
}

/** An integer in [0, n). The bias of n / 2^53 is below anything measured here. */
export function randint(key: Key, n: number, i = 0): number {
  const [hi, lo] = threefry(key, i, 0);
  return Math.floor(((hi >>> 5) * 2 ** 26 + (lo >>> 6)) * 2 ** -53 * n);
}

/** `n` standard normal draws (Box–Muller), times `std`. */
export function normals(key: Key, n: number, std = 1): Float32Array {
  const out = new Float32Array(n);
  for (let i = 0; i < n; i += 2) {
    const [a, b] = threefry(key, i, 0);
    const radius = std * Math.sqrt(-2 * Math.log((a + 1) / (2 ** 32 + 1)));
    const angle = (2 * Math.PI * b) / 2 ** 32;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < n) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** A random order of 0..n-1 (Fisher–Yates). */
export function permutation(key: Key, n: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = randint(key, i + 1, i);
    const swap = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = swap;
  }
  return order;
}

/**
 * Words of 32 random bits, one after another, for where millions are drawn in order: some 5 ns each, where a draw by
 * counter takes 200. It is Doty-Humphrey's sfc32 (PractRand), begun from the key.
 */
export function sequence([k0, k1]: Key): () => number {
  let [a, b, c, count] = [0, k0 | 0, k1 | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next(); // until every bit of the key has reached all of the state
  return next;
}

/** The same numbers in a random order: Fisher–Yates with `sequence`, for where millions change their places. */
export function shuffled(numbers: Uint8Array, key: Key): Uint8Array;
export function shuffled(numbers: Float32Array, key: Key): Float32Array;
export function shuffled(numbers: Uint8Array | Float32Array, key: Key): Uint8Array | Float32Array {
  const out = numbers.slice();
  const next = sequence(key);
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor((next() / 2 ** 32) * (i + 1));
    const swap = out[i] ?? 0;
    out[i] = out[j] ?? 0;
    out[j] = swap;
  }
  return out;
}
