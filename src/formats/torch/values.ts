/** What a pickle of tensors is made of. Every container is flat data of ours: none of it can be called. */

import type { DType } from "../../base/tensor.ts";

/** Bytes of the file that hold numbers of one type; several tensors may lie in one. */
export interface Storage {
  readonly kind: "storage";
  readonly dtype: DType;
  /** The name that the file has for it. */
  readonly key: string;
  /** Numbers in it. */
  readonly count: number;
}

/** Numbers of a storage: element [i, j, …] is the one at `offset + i·strides[0] + j·strides[1] + …`. */
export interface View {
  readonly kind: "tensor";
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export interface Tuple {
  readonly kind: "tuple";
  readonly items: readonly Value[];
}

export interface List {
  readonly kind: "list";
  readonly items: Value[];
}

export interface Dict {
  readonly kind: "dict";
  readonly entries: Map<string, Value>;
}

/** The name of something that Python would import: only an allowed one becomes a value. */
export interface Global {
  readonly kind: "global";
  readonly name: string;
}

export type Value = null | boolean | number | bigint | string | Tuple | List | Dict | Global | Storage | View;

/** A value in few words, for a message; what lies in a container is not looked at. */
export function inWords(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 60))}`;
  if (value === null || typeof value !== "object") return String(value);
  if (value.kind === "global") return `the name ${value.name}`;
  return `a ${value.kind}`;
}
