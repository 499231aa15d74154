/**
 * Random numbers as a function of (key, site, position): no generator, no state, the same numbers after a resume.
 *
 * An element's draw is the 32-bit product of a hashed odd number of its row and one of its column, so one broadcast
 * multiplication makes the draws of a whole matrix. Rows and columns are hashed with two rounds of multiply-and-fold
 * in 64 bits (after splitmix64, Steele et al. 2014). ONNX Runtime's own RandomUniform keeps a hidden generator and runs
 * on one thread. It is no cryptographic generator; its tests bound what its users need.
 */

import { reshape } from "./ops/broadcast.ts";
import { add, cast, div, mul, scale, shift, xor } from "./ops/elementwise.ts";
import { range } from "./ops/select.ts";
import { at, type Dim, product, type Shape } from "./shape.ts";
import { constant, scalar, type Value } from "./value.ts";

/** Where random numbers come from in a graph: an int64 scalar fed at each step. */
export interface DropoutKey {
  readonly key: Value;
}

/**
 * Numbers in (0, 1), float32, neither end included.
 *
 * @param shape  lengths that are known
 * @param site  a number for this place in the network; two places, and dropout's, must not share one
 */
export function uniform(shape: readonly number[], { key }: DropoutKey, site: number): Value {
  // An int32 becomes one of the floats from −2³¹ to 2³¹; the factor keeps ½ ± 2³¹·factor one rounding away from 0 and 1.
  const factor = 2 ** -32 * (1 - 2 ** -23);
  return shift(scale(cast(draws(shape, key, site, key), "float32"), factor), 0.5);
}

/**
 * Draws of which the upper bits are uniform over the int32 numbers.
 *
 * @param of  any value that has the shape's symbols
 */
export function draws(shape: Shape, key: Value, site: number, of: Value): Value {
  const lead = shape.slice(0, -1);
  const rows = reshape(oddNumbers(product(lead), key, 2 * site, of), [...lead, 1]);
  return mul(rows, oddNumbers(at(shape, -1), key, 2 * site + 1, of));
}

/** `n` odd int32 numbers, hashed from the key, a salt and their position. */
function oddNumbers(n: Dim, key: Value, salt: number, of: Value): Value {
  const start = add(key, constantLong(BigInt(salt) * 0x9e3779b97f4a7c15n));
  let h = add(range(n, of), reshape(start, [1]));
  for (const factor of [0xbf58476d1ce4e5b9n, 0x94d049bb133111ebn]) {
    h = mul(xor(h, div(h, constantLong(1n << 29n))), constantLong(factor));
  }
  h = div(h, constantLong(1n << 31n));
  return add(scale(cast(h, "int32"), 2), scalar(1, "int32"));
}

/** A 64-bit word, wrapped into int64. */
function constantLong(value: bigint): Value {
  return constant({ dtype: "int64", shape: [], data: BigInt64Array.of(BigInt.asIntN(64, value)) });
}
