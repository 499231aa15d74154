/**
 * Whether the pages of a Parquet file are what its metadata says, looked at before anything is decoded.
 *
 * hyparquet trusts page headers. One flipped bit makes an offset NaN, and a loop over it reads byte 0 for ever; a
 * damaged count makes it fill memory. So every header of a wanted column is read and counted here first.
 */

import type { ColumnMetaData, FileMetaData, PageHeader } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";

/** More rows than this in one group are taken for damage: an array of them could not be held. */
const MOST_ROWS = 2 ** 30;

/**
 * Checks the row groups of the wanted top-level columns.
 * @throws {Error} naming what is wrong; the caller knows the file.
 */
export function checkPages(bytes: Uint8Array, { row_groups }: FileMetaData, wanted: readonly string[]): void {
  row_groups.forEach(({ columns, num_rows }, group) => {
    const rows = Number(num_rows);
    if (!isCount(rows, MOST_ROWS)) throw new Error(`row group ${group} has ${num_rows} rows`);
    for (const { meta_data } of columns) {
      const name = meta_data?.path_in_schema[0];
      if (meta_data === undefined || name === undefined) throw new Error(`row group ${group} has no columns`);
      if (wanted.includes(name)) checkChunk(bytes, meta_data, rows, `${name} in row group ${group}`);
    }
  });
}

/** One column of one row group: its pages lie end to end, and their values make up the rows. */
function checkChunk(bytes: Uint8Array, chunk: ColumnMetaData, rows: number, where: string): void {
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const length = Number(chunk.total_compressed_size);
  if (!isCount(start, bytes.length) || !isCount(length, bytes.length - start)) {
    throw new Error(`${where} lies outside of the file`);
  }
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset + start, length), offset: 0 };
  const isFlat = chunk.path_in_schema.length === 1;
  let values = 0;
  // hyparquet stops at the same places: when a flat column has its rows, and one byte before the end.
  while (reader.offset < length - 1 && !(isFlat && values >= rows)) {
    const header = parquetHeader(reader);
    const size = header.compressed_page_size;
    if (!isCount(size, length - reader.offset)) throw new Error(`a page of ${where} has ${size} bytes`);
    values += checkHeader(header, where);
    reader.offset += size;
  }
  if (isFlat && values !== rows) throw new Error(`${where} has ${values} values for ${rows} rows`);
}

/** The values of a page, dictionaries not counted. */
function checkHeader(header: PageHeader, where: string): number {
  const { type, compressed_page_size: size, uncompressed_page_size: unpacked } = header;
  const wrong = (what: string): Error => new Error(`a page of ${where} has ${what}`);
  if (!isCount(unpacked)) throw wrong(`${unpacked} bytes when unpacked`);
  const v1 = header.data_page_header;
  const v2 = header.data_page_header_v2;
  const dictionary = header.dictionary_page_header;
  if (type === "DICTIONARY_PAGE") {
    if (!isCount(dictionary?.num_values, unpacked))
      throw wrong(`${dictionary?.num_values} dictionary values`);
    return 0;
  }
  if (type === "DATA_PAGE" && v1 !== undefined) {
    if (!isCount(v1.num_values, MOST_ROWS)) throw wrong(`${v1.num_values} values`);
    return v1.num_values;
  }
  if (type !== "DATA_PAGE_V2" || v2 === undefined) throw wrong(`no header of its type, ${type}`);
  const { num_values, num_nulls, num_rows, definition_levels_byte_length, repetition_levels_byte_length } =
    v2;
  if (!isCount(num_values, MOST_ROWS) || !isCount(num_rows, num_values) || !isCount(num_nulls, num_values)) {
    throw wrong(`${num_values} values, ${num_nulls} of them null, in ${num_rows} rows`);
  }
  const levels = definition_levels_byte_length + repetition_levels_byte_length;
  if (!isCount(definition_levels_byte_length) || !isCount(levels, Math.min(size, unpacked))) {
    throw wrong(`${levels} bytes of levels`);
  }
  return num_values;
}

/** A whole number from 0 to `most`; a header without the field gives undefined. */
function isCount(value: unknown, most = Number.MAX_SAFE_INTEGER): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
}
