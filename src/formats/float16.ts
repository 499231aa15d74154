/**
 * Half precision: IEEE 754 binary16 and bfloat16, converted bit by bit.
 *
 * Promise: every half becomes exactly its float, NaN payloads included, and comes back as the same bits; a float that
 * is no half is rounded to the nearest one, ties to even; beyond 65,519.99… it becomes infinite, as IEEE 754 §4.3.1
 * says. All 65,536 halves are tested.
 */

/** Bits of the float32 that equals a half. */
function widen(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  // Subnormal: mantissa · 2^-24. Its leading bit becomes the hidden one.
  const shift = Math.clz32(mantissa) - 21;
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}

/** `mantissa` / 2^`shift`, to nearest, ties to even. */
function shiftRounded(mantissa: number, shift: number): number {
  const quotient = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return quotient + (rest > tie || (rest === tie && (quotient & 1) === 1) ? 1 : 0);
}

/** Bits of the half nearest to the float32 with these bits. */
function narrow(float: number): number {
  const sign = (float >>> 16) & 0x8000;
  const magnitude = float & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 0x200); // NaN stays NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65,520, halfway to the next power of two
  const exponent = magnitude >>> 23;
  if (exponent >= 113) return sign | (shiftRounded(magnitude, 13) - (112 << 10));
  if (exponent < 102) return sign; // below 2^-25, half of the smallest half
  return sign | shiftRounded((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

/** Floats of raw halves; exact. */
export function decodeFloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = widen(halves[i] ?? 0);
  return new Float32Array(bits.buffer);
}

/** Raw halves of floats, to nearest, ties to even. */
export function encodeFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = narrow(bits[i] ?? 0);
  return halves;
}

/** Floats of raw bfloat16 values, which are the upper halves of float32; exact. */
export function decodeBfloat16(raw: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(raw.length);
  for (let i = 0; i < raw.length; i++) bits[i] = (raw[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
}
