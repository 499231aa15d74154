/**
 * The few names that pickled weights are made of, and what each makes: a dictionary, a storage, a view of one.
 *
 *   From     torch/_utils.py and torch/serialization.py of PyTorch 2.13, for arguments and persistent ids
 *   Promise  arguments are checked one by one. What would change a number and is not known here (hooks, a view of
 *            conjugates, subclasses of tensors, sparse or quantized ones) is refused, never passed over.
 */

import { requireItem } from "../../base/present.ts";
import type { DType } from "../../base/tensor.ts";
import type { Fail, Host } from "./pickle.ts";
import { inWords, type Storage, type Tuple, type Value, type View } from "./values.ts";

/** Storages by their names in Python, of the types that this project's tensors have. */
const STORAGES: Readonly<Record<string, DType>> = {
  "torch.FloatStorage": "float32",
  "torch.DoubleStorage": "float64",
  "torch.HalfStorage": "float16",
  "torch.BFloat16Storage": "bfloat16",
  "torch.LongStorage": "int64",
  "torch.IntStorage": "int32",
  "torch.CharStorage": "int8",
  "torch.ByteStorage": "uint8",
  "torch.BoolStorage": "bool",
};

/** Torch's own limit. */
const MAX_DIMENSIONS = 64;

const CALLS: Readonly<Record<string, (args: readonly Value[], fail: Fail) => Value>> = {
  "collections.OrderedDict": (args, fail) => {
    requireArguments("collections.OrderedDict", args, [0], fail);
    return { kind: "dict", entries: new Map() };
  },
  "torch._utils._rebuild_tensor": (args, fail) => {
    requireArguments("_rebuild_tensor", args, [4], fail);
    return rebuildTensor(args, fail);
  },
  "torch._utils._rebuild_tensor_v2": (args, fail) => {
    requireArguments("_rebuild_tensor_v2", args, [6, 7], fail);
    const [, , , , gradient, hooks, metadata] = args;
    requireFlag(gradient, fail);
    requireEmpty("hooks", hooks, fail);
    if (metadata !== undefined && metadata !== null) requireEmpty("metadata of a tensor", metadata, fail);
    return rebuildTensor(args, fail);
  },
  "torch._utils._rebuild_parameter": (args, fail) => {
    requireArguments("_rebuild_parameter", args, [3], fail);
    const [tensor = null, gradient, hooks] = args;
    if (!isKind(tensor, "tensor")) throw fail("type", "parameter", "a tensor", inWords(tensor));
    requireFlag(gradient, fail);
    requireEmpty("hooks", hooks, fail);
    return tensor;
  },
};

/** True for a value of a kind. */
export function isKind<K extends "dict" | "list" | "tensor" | "tuple" | "storage" | "global">(
  value: Value | undefined,
  kind: K,
): value is Extract<Value, { readonly kind: K }> {
  return typeof value === "object" && value !== null && value.kind === kind;
}

function requireArguments(name: string, args: readonly Value[], counts: readonly number[], fail: Fail): void {
  if (counts.includes(args.length)) return;
  throw fail("arguments", name, `${counts.join(" or ")} arguments`, `${args.length}`);
}

function requireFlag(value: Value | undefined, fail: Fail): void {
  if (typeof value !== "boolean") throw fail("type", "requires_grad", "true or false", inWords(value));
}

function requireEmpty(what: string, value: Value | undefined, fail: Fail): void {
  if (!isKind(value, "dict")) throw fail("type", what, "a dict", inWords(value));
  const [key] = value.entries.keys();
  if (key !== undefined) throw fail("state", what, "none", key);
}

function requireSize(what: string, value: Value | undefined, fail: Fail): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw fail("size", what, "an integer from 0", inWords(value));
}

function requireSizes(what: string, value: Value | undefined, fail: Fail): number[] {
  if (!isKind(value, "tuple")) throw fail("size", what, "a tuple of integers", inWords(value));
  const { items } = value;
  if (items.length > MAX_DIMENSIONS) throw fail("size", what, `at most ${MAX_DIMENSIONS}`, `${items.length}`);
  return items.map((item) => requireSize(what, item, fail));
}

/** A view that lies within its storage, whatever its strides are. */
function rebuildTensor([storage, first, sizes, steps]: readonly Value[], fail: Fail): View {
  if (!isKind(storage, "storage")) throw fail("type", "storage", "a storage", inWords(storage));
  const offset = requireSize("offset", first, fail);
  const shape = requireSizes("shape", sizes, fail);
  const strides = requireSizes("strides", steps, fail);
  if (shape.length !== strides.length) {
    throw fail("size", "strides", `${shape.length}, one for each dimension`, `${strides.length}`);
  }
  const view: View = { kind: "tensor", storage, offset, shape, strides };
  const end = offset + spanOf(view);
  // A sum that lost digits is far above any storage, too.
  if (end > storage.count)
    throw fail("range", `tensor of storage ${storage.key}`, `at most ${storage.count} numbers`, `${end}`);
  if (!Number.isSafeInteger(shape.reduce((n, size) => n * Math.max(size, 1), 1))) {
    throw fail("size", "shape", "fewer than 2^53 numbers", `[${shape}]`);
  }
  return view;
}

/** Numbers from a view's first to its last, both included; 0 for a view without any. */
export function spanOf({ shape, strides }: Pick<View, "shape" | "strides">): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((last, size, i) => last + (size - 1) * requireItem(strides, i, "strides"), 1);
}

/** Where a storage was (`cpu`, `cuda:0`) says nothing of its numbers. `isLegacy`: with a place for a view's name. */
function readStorage(id: Value, isLegacy: boolean, fail: Fail): Storage {
  if (!isKind(id, "tuple")) throw fail("storage", "persistent id", "a tuple", inWords(id));
  const [tag, type, key, location, count, viewed] = (id satisfies Tuple).items;
  if (tag !== "storage") throw fail("storage", "persistent id", "a storage", inWords(tag));
  if (id.items.length !== (isLegacy ? 6 : 5))
    throw fail("storage", "storage", `${isLegacy ? 6 : 5} fields`, `${id.items.length}`);
  const dtype = isKind(type, "global") ? STORAGES[type.name] : undefined;
  if (dtype === undefined) throw fail("storage", "storage", "a type of storage", inWords(type));
  if (typeof key !== "string") throw fail("storage", "name of a storage", "a text", inWords(key));
  if (typeof location !== "string")
    throw fail("storage", "location of a storage", "a text", inWords(location));
  if (isLegacy && viewed !== null) throw fail("storage", "view of a storage", "none", inWords(viewed));
  return { kind: "storage", dtype, key, count: requireSize("numbers of a storage", count, fail) };
}

/** A host for one file. `storages` collects its storages by name: one name has one type and size. */
export function hostOf(storages: Map<string, Storage>, isLegacy: boolean): Host {
  return {
    knows: (name) => Object.hasOwn(CALLS, name) || Object.hasOwn(STORAGES, name),
    call: (name, args, fail) => {
      const make = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
      if (make === undefined) throw fail("call", "call", "a name that makes a value", name);
      return make(args, fail);
    },
    persistent: (id, fail) => {
      const storage = readStorage(id, isLegacy, fail);
      const known = storages.get(storage.key);
      if (known === undefined) storages.set(storage.key, storage);
      else if (known.dtype !== storage.dtype || known.count !== storage.count) {
        throw fail(
          "storage",
          `storage ${storage.key}`,
          `${known.count} numbers of ${known.dtype}`,
          `${storage.count} of ${storage.dtype}`,
        );
      }
      return known ?? storage;
    },
    build: (object, state, fail) => {
      // `Module.state_dict()` adds the versions of its modules, which no tensor depends on.
      const keys = isKind(state, "dict") ? [...state.entries.keys()] : [inWords(state)];
      if (isKind(object, "dict") && keys.every((key) => key === "_metadata")) return;
      throw fail("state", `state of ${inWords(object)}`, "_metadata alone", keys.slice(0, 5).join(", "));
    },
  };
}
