/** Pickles made to do something: each is refused by the name of the opcode or of what it would import, with its place. */

import { expect, test } from "vitest";
import { bytesOf, latin, op, pickleOf, sizes, storage, tensor } from "../../../test/support/torch-file.ts";
import { readPickle } from "./pickle.ts";
import { hostOf } from "./rebuild.ts";
import type { Value } from "./values.ts";

const read = (bytes: Uint8Array, isLegacy = false): Value =>
  readPickle(bytes, 0, hostOf(new Map(), isLegacy), "evil.bin").value;

/** What `torch.save` writes for weights. All other 227 bytes are no opcodes here. */
const ALLOWED = "\x80(.N\x88\x89JKM\x8aX)\x85\x86\x87t]ae}sucRbQhjqr";

/** What those that matter most are called. */
const CALLED: Readonly<Record<string, string>> = {
  i: "INST",
  o: "OBJ",
  "\x81": "NEWOBJ",
  "\x82": "EXT1",
  "\x83": "EXT2",
  "\x84": "EXT4",
  "\x92": "NEWOBJ_EX",
  "\x93": "STACK_GLOBAL",
  "\x95": "FRAME",
  P: "PERSID",
  "2": "DUP",
  "\x94": "MEMOIZE",
  "\x97": "NEXT_BUFFER",
  U: "SHORT_BINSTRING",
  L: "LONG",
  "\x8b": "LONG4",
  "\x8d": "BINUNICODE8",
  "\x96": "BYTEARRAY8",
  A: "0x41",
  "\xff": "0xff",
  "\0": "0x00",
};

test("every byte that torch does not write as an opcode is refused, by its name and place", () => {
  for (let byte = 0; byte < 256; byte++) {
    const sign = String.fromCharCode(byte);
    if (ALLOWED.includes(sign)) continue;
    const run = () => read(Buffer.concat([op.begin, op.dict, latin(sign), Buffer.alloc(64)]));
    expect(run).toThrow(expect.objectContaining({ code: "pickle/opcode" }));
    expect(run).toThrow(`got ${CALLED[sign] ?? ""}`);
    expect(run).toThrow("(evil.bin, byte 3)");
  }
});

test.each([
  ...[
    "os.system",
    "posix.system",
    "nt.system",
    "subprocess.Popen",
    "builtins.eval",
    "builtins.exec",
    "builtins.getattr",
  ],
  ...[
    "__builtin__.eval",
    "builtins.__import__",
    "builtins.open",
    "runpy._run_code",
    "pickle.loads",
    "shutil.rmtree",
  ],
  ...["torch.load", "torch.hub.load", "torch.jit.load", "torch.Tensor", "torch.Size", "torch.ShortStorage"],
  ...["torch.UntypedStorage", "torch.storage._load_from_bytes", "torch.FloatStorage.from_file"],
  ...[
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_qtensor",
  ],
  ...["torch._utils._rebuild_parameter_with_state", "torch._tensor._rebuild_from_type_v2"],
  ...["numpy.core.multiarray._reconstruct", "numpy.dtype", "_codecs.encode", "collections.defaultdict"],
  ...[
    "collections.OrderedDict.__init__",
    "collections.abc.OrderedDict",
    "collections.OrderedDict ",
    ".constructor",
  ],
  ...["Object.constructor", "__proto__.toString", "collections.", "."],
])("the name %s is refused where it is read", (name) => {
  const [module, member] = [name.slice(0, name.lastIndexOf(".")), name.slice(name.lastIndexOf(".") + 1)];
  const run = () => read(pickleOf(op.dict, op.global(module, member), op.text("id"), op.tuple1, op.reduce));
  expect(run).toThrow(expect.objectContaining({ code: "pickle/global" }));
  expect(run).toThrow(`got ${name} (evil.bin, byte 3)`);
});

const FLOATS = storage("0", 6);
const OF_SIX = { shape: [2, 3], strides: [3, 1] };
const ORDERED = op.global("collections", "OrderedDict");
const EMPTY = Buffer.concat([ORDERED, op.nothing, op.reduce]);
const FULL = Buffer.concat([op.dict, op.text("hook"), op.none, op.set]);
const rebuilt = (name: string, ...args: readonly Uint8Array[]): Buffer =>
  Buffer.concat([op.global("torch._utils", name), op.mark, ...args, op.tuple, op.reduce]);
const persistent = (...fields: readonly Uint8Array[]): Buffer =>
  Buffer.concat([op.mark, ...fields, op.tuple, op.persistent]);
const [TAG, FLOAT, KEY, CPU] = [
  op.text("storage"),
  op.global("torch", "FloatStorage"),
  op.text("0"),
  op.text("cpu"),
];

const ATTACKS: readonly (readonly [string, string, Uint8Array])[] = [
  ["nothing", "pickle/short", Buffer.alloc(0)],
  ["no protocol", "pickle/protocol", latin("}.")],
  ["protocol 4", "pickle/protocol", latin("\x80\x04}.")],
  ["a protocol within", "pickle/protocol", pickleOf(op.begin, op.dict)],
  ["no end", "pickle/short", latin("\x80\x02}")],
  ["a value too many at the end", "pickle/stack", pickleOf(op.dict, op.dict)],
  ["a mark at the end", "pickle/stack", pickleOf(op.mark, op.dict)],
  ["no value at the end", "pickle/stack", pickleOf()],
  ["a call of a list", "pickle/call", pickleOf(op.list, op.nothing, op.reduce)],
  ["a call of a text", "pickle/call", pickleOf(op.text("os.system"), op.nothing, op.reduce)],
  ["a call of a storage's type", "pickle/call", pickleOf(FLOAT, op.nothing, op.reduce)],
  ["a call of what a call made", "pickle/call", pickleOf(EMPTY, op.nothing, op.reduce)],
  ["a call with a list", "pickle/call", pickleOf(ORDERED, op.list, op.reduce)],
  ["a dictionary of given items", "pickle/arguments", pickleOf(ORDERED, op.list, op.tuple1, op.reduce)],
  ["a name that goes on to the end", "pickle/short", Buffer.concat([op.begin, latin("cos")])],
  [
    "a text longer than the file",
    "pickle/short",
    Buffer.concat([op.begin, latin("X"), bytesOf([4, 0xffffffff])]),
  ],
  ["a text that is not UTF-8", "pickle/utf8", Buffer.concat([op.begin, latin("X\x01\0\0\0\xff.")])],
  ["an integer of 255 bytes", "pickle/integer", pickleOf(latin("\x8a\xff"), Buffer.alloc(255))],
  ["a place of the memo that was not set", "pickle/memo", pickleOf(op.get(7))],
  ["the memo of an empty stack", "pickle/stack", pickleOf(op.put(0))],
  ["items of a tuple that are below a mark", "pickle/stack", pickleOf(op.int(1), op.mark, op.tuple1)],
  ["a mark that was not set", "pickle/stack", pickleOf(op.tuple)],
  ["items for a tuple", "pickle/type", pickleOf(op.nothing, op.int(1), op.append)],
  ["many items for a dictionary", "pickle/type", pickleOf(op.dict, op.mark, op.int(1), op.appends)],
  ["items for a tensor", "pickle/type", pickleOf(tensor(FLOATS, OF_SIX), op.text("a"), op.none, op.set)],
  ["a key without a value", "pickle/stack", pickleOf(op.dict, op.mark, op.text("a"), op.sets)],
  ["a key that is a number", "pickle/key", pickleOf(op.dict, op.int(1), op.none, op.set)],
  ["a key that is a tuple", "pickle/key", pickleOf(op.dict, op.nothing, op.none, op.set)],
  [
    "a key twice",
    "pickle/twice",
    pickleOf(op.dict, op.mark, op.text("a"), op.none, op.text("a"), op.none, op.sets),
  ],
  [
    "a key in two steps",
    "pickle/twice",
    pickleOf(op.dict, op.text("a"), op.none, op.set, op.text("a"), op.none, op.set),
  ],
  ["a state with code", "pickle/state", pickleOf(EMPTY, FULL, op.build)],
  ["a state that is a tuple", "pickle/state", pickleOf(EMPTY, op.nothing, op.build)],
  ["a state of a tensor", "pickle/state", pickleOf(tensor(FLOATS, OF_SIX), op.dict, op.build)],
  ["a state of a name", "pickle/state", pickleOf(ORDERED, op.dict, op.build)],
  ["hooks", "pickle/state", pickleOf(tensor(FLOATS, OF_SIX, [op.no, FULL]))],
  ["hooks that are none", "pickle/type", pickleOf(tensor(FLOATS, OF_SIX, [op.no, op.none]))],
  ["a view of negatives", "pickle/state", pickleOf(tensor(FLOATS, OF_SIX, [op.no, EMPTY, FULL]))],
  [
    "an argument too many",
    "pickle/arguments",
    pickleOf(tensor(FLOATS, OF_SIX, [op.no, EMPTY, EMPTY, op.none])),
  ],
  ["a gradient that is a number", "pickle/type", pickleOf(tensor(FLOATS, OF_SIX, [op.int(1), EMPTY]))],
  [
    "a parameter of a parameter's name",
    "pickle/type",
    pickleOf(rebuilt("_rebuild_parameter", ORDERED, op.yes, EMPTY)),
  ],
  [
    "a parameter with hooks",
    "pickle/state",
    pickleOf(rebuilt("_rebuild_parameter", tensor(FLOATS, OF_SIX), op.yes, FULL)),
  ],
  ["a tensor of no storage", "pickle/type", pickleOf(tensor(op.dict, OF_SIX))],
  ["a tensor beyond its storage", "pickle/range", pickleOf(tensor(FLOATS, { shape: [7], strides: [1] }))],
  ["an offset beyond it", "pickle/range", pickleOf(tensor(FLOATS, { offset: 1, ...OF_SIX }))],
  ["strides beyond it", "pickle/range", pickleOf(tensor(FLOATS, { shape: [2, 3], strides: [4, 1] }))],
  [
    "strides beyond any number",
    "pickle/range",
    pickleOf(tensor(FLOATS, { shape: [2 ** 52, 2], strides: [2 ** 52, 1] })),
  ],
  [
    "an empty tensor beyond it",
    "pickle/range",
    pickleOf(tensor(FLOATS, { offset: 7, shape: [0], strides: [1] })),
  ],
  ["a negative offset", "pickle/size", pickleOf(tensor(FLOATS, { offset: -1, ...OF_SIX }))],
  ["a negative size", "pickle/size", pickleOf(tensor(FLOATS, { shape: [-1], strides: [1] }))],
  ["a negative stride", "pickle/size", pickleOf(tensor(FLOATS, { offset: 5, shape: [6], strides: [-1] }))],
  ["a size beyond 2^53", "pickle/size", pickleOf(tensor(FLOATS, { shape: [2 ** 60], strides: [0] }))],
  [
    "sizes whose product is",
    "pickle/size",
    pickleOf(tensor(FLOATS, { shape: [2 ** 50, 2 ** 50, 0], strides: [0, 0, 0] })),
  ],
  ["fewer strides than sizes", "pickle/size", pickleOf(tensor(FLOATS, { shape: [2, 3], strides: [1] }))],
  [
    "sizes that are texts",
    "pickle/size",
    pickleOf(rebuilt("_rebuild_tensor", FLOATS, op.int(0), op.list, sizes(1))),
  ],
  [
    "65 dimensions",
    "pickle/size",
    pickleOf(tensor(FLOATS, { shape: Array(65).fill(1), strides: Array(65).fill(1) })),
  ],
  ["a persistent id that is a path", "pickle/storage", pickleOf(op.text("/etc/passwd"), op.persistent)],
  [
    "a persistent id of another kind",
    "pickle/storage",
    pickleOf(persistent(op.text("module"), FLOAT, KEY, CPU, op.int(6))),
  ],
  ["a field too few", "pickle/storage", pickleOf(persistent(TAG, FLOAT, KEY, CPU))],
  ["a field too many", "pickle/storage", pickleOf(persistent(TAG, FLOAT, KEY, CPU, op.int(6), op.none))],
  [
    "a storage of a dictionary's type",
    "pickle/storage",
    pickleOf(persistent(TAG, ORDERED, KEY, CPU, op.int(6))),
  ],
  ["a storage without a name", "pickle/storage", pickleOf(persistent(TAG, FLOAT, op.int(0), CPU, op.int(6)))],
  ["a storage nowhere", "pickle/storage", pickleOf(persistent(TAG, FLOAT, KEY, op.none, op.int(6)))],
  ["a storage of a negative size", "pickle/size", pickleOf(persistent(TAG, FLOAT, KEY, CPU, op.int(-1)))],
  ["a storage of two sizes", "pickle/storage", pickleOf(op.mark, FLOATS, storage("0", 7), op.tuple)],
  [
    "a storage of two types",
    "pickle/storage",
    pickleOf(op.mark, FLOATS, storage("0", 6, "IntStorage"), op.tuple),
  ],
];

test.each(ATTACKS)("attack: %s is %s", (_, code, bytes) => {
  expect(() => read(bytes)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(/\(evil\.bin, byte \d+\)$/) }),
  );
});

test("a legacy storage that is a view of another is refused", () => {
  const legacy = (viewed: Uint8Array) => pickleOf(persistent(TAG, FLOAT, KEY, CPU, op.int(6), viewed));
  expect(read(legacy(op.none), true)).toMatchObject({
    kind: "storage",
    dtype: "float32",
    key: "0",
    count: 6,
  });
  expect(() => read(legacy(sizes(0, 1)), true)).toThrow(expect.objectContaining({ code: "pickle/storage" }));
});

/** Each makes, or asks for, far more than its bytes. */
const BOMBS: readonly (readonly [string, string | undefined, Uint8Array])[] = [
  ["more opcodes than any model has", "pickle/steps", Buffer.alloc(1 << 20, "}")],
  ["half a million lists", "pickle/steps", Buffer.alloc(1 << 19, "]")],
  ["half a million marks", "pickle/steps", Buffer.alloc(1 << 19, "(")],
  [
    "200,000 nested tuples",
    undefined,
    Buffer.concat([latin(")"), Buffer.alloc(200_000, "\x85", "latin1"), op.stop]),
  ],
  [
    "tuples that double 100 times through the memo",
    undefined,
    Buffer.concat([
      op.nothing,
      ...Array.from({ length: 100 }, () => [op.put(0), op.get(0), op.tuple2]).flat(),
      op.stop,
    ]),
  ],
  [
    "a dictionary within itself",
    undefined,
    Buffer.concat([op.dict, op.put(0), op.text("a"), op.get(0), op.set, op.stop]),
  ],
  [
    "100,000 places of the memo",
    undefined,
    Buffer.concat([
      op.dict,
      ...Array.from({ length: 100_000 }, (_, i) => bytesOf([1, 0x72], [4, i * 40_000])),
      op.stop,
    ]),
  ],
  ["a name of 16 MB", "pickle/short", Buffer.concat([latin("c"), Buffer.alloc(1 << 24, "a")])],
];

test.each(BOMBS)("bomb: %s costs no more than its bytes", (_, code, bytes) => {
  const [start, heap] = [performance.now(), process.memoryUsage().heapUsed];
  const run = () => read(Buffer.concat([op.begin, bytes]));
  if (code === undefined) expect(run).not.toThrow();
  else expect(run).toThrow(expect.objectContaining({ code }));
  expect(performance.now() - start).toBeLessThan(5000);
  expect(process.memoryUsage().heapUsed - heap).toBeLessThan(1e9);
});
