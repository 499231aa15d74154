/**
 * CRC-32 (IEEE 802.3, reflected polynomial EDB88320), the one of gzip and PNG: it finds damage, not malice.
 *
 * By hand because Web Crypto's digests are only there in secure contexts. Four bytes a step (slicing by four).
 */

const TABLES = tables();

function tables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let c = byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  const after = (table: Int32Array): Int32Array => table.map((c) => (c >>> 8) ^ (first[c & 255] ?? 0));
  const second = after(first);
  const third = after(second);
  return [first, second, third, after(third)];
}

/** The checksum, from 0 to 2^32 - 1. */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = TABLES;
  const whole = bytes.length - (bytes.length % 4);
  let c = -1;
  let i = 0;
  for (; i < whole; i += 4) {
    c ^=
      (bytes[i] ?? 0) |
      ((bytes[i + 1] ?? 0) << 8) |
      ((bytes[i + 2] ?? 0) << 16) |
      ((bytes[i + 3] ?? 0) << 24);
    c = (t3[c & 255] ?? 0) ^ (t2[(c >>> 8) & 255] ?? 0) ^ (t1[(c >>> 16) & 255] ?? 0) ^ (t0[c >>> 24] ?? 0);
  }
  for (; i < bytes.length; i++) c = (t0[(c ^ (bytes[i] ?? 0)) & 255] ?? 0) ^ (c >>> 8);
  return ~c >>> 0;
}
