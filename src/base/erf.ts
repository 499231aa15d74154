/** The error function in double precision, for constants that are computed once. Not here: the graph's (graph/ops/). */

/** From here on erf is 1 in double precision. */
const SATURATED = 6;

/**
 * erf(x), within 1e-14 of the exact value.
 *
 * erf x = 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)): every term has the sign of x, so none cancel.
 */
export function erf(x: number): number {
  if (Math.abs(x) >= SATURATED) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
