/**
 * CRC-32 (IEEE 802.3, reflected polynomial EDB88320), the one of gzip and PNG: it finds damage, not malice.
 *
 * By hand because Web Crypto's digests are only there in secure contexts. Eight bytes a step (slicing by eight).
 */

/** T[k][b]: what byte b does to the checksum k bytes later. */
const [T0, T1, T2, T3, T4, T5, T6, T7] = tables();

type Table = Int32Array;

function tables(): readonly [Table, Table, Table, Table, Table, Table, Table, Table] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let c = byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  const after = (table: Table): Table => table.map((c) => (c >>> 8) ^ (first[c & 255] ?? 0));
  const second = after(first);
  const third = after(second);
  const fourth = after(third);
  const fifth = after(fourth);
  const sixth = after(fifth);
  const seventh = after(sixth);
  return [first, second, third, fourth, fifth, sixth, seventh, after(seventh)];
}

/** The checksum, from 0 to 2^32 - 1. */
export function crc32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const whole = bytes.length - (bytes.length % 8);
  let c = -1;
  let i = 0;
  for (; i < whole; i += 8) {
    const a = c ^ view.getInt32(i, true);
    const b = view.getInt32(i + 4, true);
    c =
      (T7[a & 255] ?? 0) ^
      (T6[(a >>> 8) & 255] ?? 0) ^
      (T5[(a >>> 16) & 255] ?? 0) ^
      (T4[a >>> 24] ?? 0) ^
      (T3[b & 255] ?? 0) ^
      (T2[(b >>> 8) & 255] ?? 0) ^
      (T1[(b >>> 16) & 255] ?? 0) ^
      (T0[b >>> 24] ?? 0);
  }
  for (; i < bytes.length; i++) c = (T0[(c ^ (bytes[i] ?? 0)) & 255] ?? 0) ^ (c >>> 8);
  return ~c >>> 0;
}
