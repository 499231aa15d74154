import { expect, test } from "vitest";
import { symmetricEigen } from "./linear-algebra.ts";
import { keyOf, normals } from "./random.ts";

test("eigenvectors and eigenvalues rebuild a symmetric matrix within 1e-10", () => {
  const n = 12;
  const draws = normals(keyOf(4), n * n);
  const a = new Float64Array(n * n).map((_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return (draws[i * n + j] ?? 0) + (draws[j * n + i] ?? 0);
  });
  const { vectors, values } = symmetricEigen(a, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) {
        sum += (values[k] ?? 0) * (vectors[k * n + i] ?? 0) * (vectors[k * n + j] ?? 0);
      }
      expect(Math.abs(sum - (a[i * n + j] ?? 0))).toBeLessThan(1e-10);
    }
  }
  expect([...values]).toEqual([...values].sort((x, y) => y - x));
});
