import { expect, test } from "vitest";
import { decodeBfloat16, decodeFloat16, encodeFloat16 } from "./float16.ts";

const ALL = Uint16Array.from({ length: 65_536 }, (_, i) => i);
const INFINITY_BITS = 0x7c00;

/** IEEE 754 §3.4, in ordinary arithmetic. */
function definition(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + mantissa / 1024) : sign * 2 ** -24 * mantissa;
}

/** The float32 next above (or below) a positive one. */
function neighbour(value: number, step: 1 | -1): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer);
  bits[0] = (bits[0] ?? 0) + step;
  return new Float32Array(bits.buffer)[0] ?? 0;
}

function half(value: number): number {
  return encodeFloat16(new Float32Array([value]))[0] ?? -1;
}

test("all 65,536 halves become the float of the definition", () => {
  const floats = decodeFloat16(ALL);
  const wrong = [...ALL].filter((h) => !Object.is(floats[h], definition(h)));
  expect(wrong).toEqual([]);
});

test("all 65,536 halves come back as the same bits, NaN payloads included", () => {
  expect(encodeFloat16(decodeFloat16(ALL))).toEqual(ALL);
});

test("between any two neighbouring halves: nearest, and the even one from the middle", () => {
  const wrong: number[] = [];
  for (let h = 0; h < INFINITY_BITS; h++) {
    // Above the largest half, 65,536 stands for the infinite one.
    const upper = h + 1 === INFINITY_BITS ? 65_536 : definition(h + 1);
    const middle = (definition(h) + upper) / 2;
    const even = h % 2 === 0 ? h : h + 1;
    const right =
      half(middle) === even &&
      half(-middle) === (even | 0x8000) &&
      half(neighbour(middle, 1)) === h + 1 &&
      half(neighbour(middle, -1)) === h;
    if (!right) wrong.push(h);
  }
  expect(wrong).toEqual([]);
});

test("far values: tiny ones vanish with their sign, large ones are infinite, NaN stays", () => {
  expect([1e-30, -1e-30, 1e30, -1e30].map(half)).toEqual([0, 0x8000, 0x7c00, 0xfc00]);
  const low = new Float32Array(new Uint32Array([0x7f800001]).buffer);
  expect(encodeFloat16(low)[0]).toBe(0x7e00);
});

test("bfloat16 is the upper half of a float", () => {
  expect([...decodeBfloat16(Uint16Array.of(0x3f80, 0xc049, 0xff80, 0x0001))]).toEqual([
    1,
    -3.140625,
    Number.NEGATIVE_INFINITY,
    2 ** -133,
  ]);
});
