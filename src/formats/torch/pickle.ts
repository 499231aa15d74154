/**
 * A machine for the pickles of tensors, which executes nothing: opcodes build plain data, and a name is only a name.
 *
 *   Format   https://github.com/python/cpython/blob/3.14/Lib/pickletools.py, protocol 2
 *   Promise  an opcode that torch does not write for weights is refused by its name and place. A name is refused
 *            where it is read unless the host knows it; calling one is a case of the host's (rebuild.ts), not a lookup.
 *            Time and memory grow with the bytes read, which are bounded, whatever sizes these bytes declare: nothing
 *            is allocated by a declared size, nothing is walked into, and there is no recursion.
 *
 * Stricter than Python: a key that occurs twice in a dictionary is an error, and all keys are texts.
 */

import { FormatError } from "../../base/errors.ts";
import { requireLast } from "../../base/present.ts";
import { type Dict, inWords, type List, type Value } from "./values.ts";

/** What a pickle may name and call. */
export interface Host {
  knows(name: string): boolean;
  call(name: string, args: readonly Value[], fail: Fail): Value;
  /** What `torch.save` writes in place of a storage. */
  persistent(id: Value, fail: Fail): Value;
  /** Checks what an object is given beside its items. */
  build(object: Value, state: Value, fail: Fail): void;
}

/** Makes the error of a place in the pickle. */
export type Fail = (code: string, what: string, expected: string, got: string) => FormatError;

/** Opcodes of a pickle; of 400 tensors there are some 16,000. */
const MAX_STEPS = 1 << 18;

/** Largest number of bytes in an integer: torch's magic number has 10. */
const MAX_INTEGER = 16;

/** Every opcode of protocols 0 to 5. */
const NAMES = new Map(
  Object.entries({
    ...{ MARK: "(", STOP: ".", POP: "0", POP_MARK: "1", DUP: "2", FLOAT: "F", INT: "I", BININT: "J" },
    ...{
      BININT1: "K",
      LONG: "L",
      BININT2: "M",
      NONE: "N",
      PERSID: "P",
      BINPERSID: "Q",
      REDUCE: "R",
      STRING: "S",
    },
    ...{
      BINSTRING: "T",
      SHORT_BINSTRING: "U",
      UNICODE: "V",
      BINUNICODE: "X",
      APPEND: "a",
      BUILD: "b",
      GLOBAL: "c",
    },
    ...{
      DICT: "d",
      EMPTY_DICT: "}",
      APPENDS: "e",
      GET: "g",
      BINGET: "h",
      INST: "i",
      LONG_BINGET: "j",
      LIST: "l",
    },
    ...{ EMPTY_LIST: "]", OBJ: "o", PUT: "p", BINPUT: "q", LONG_BINPUT: "r", SETITEM: "s", TUPLE: "t" },
    ...{ EMPTY_TUPLE: ")", SETITEMS: "u", BINFLOAT: "G", PROTO: "\x80", NEWOBJ: "\x81", EXT1: "\x82" },
    ...{ EXT2: "\x83", EXT4: "\x84", TUPLE1: "\x85", TUPLE2: "\x86", TUPLE3: "\x87", NEWTRUE: "\x88" },
    ...{ NEWFALSE: "\x89", LONG1: "\x8a", LONG4: "\x8b", BINBYTES: "B", SHORT_BINBYTES: "C" },
    ...{
      SHORT_BINUNICODE: "\x8c",
      BINUNICODE8: "\x8d",
      BINBYTES8: "\x8e",
      EMPTY_SET: "\x8f",
      ADDITEMS: "\x90",
    },
    ...{ FROZENSET: "\x91", NEWOBJ_EX: "\x92", STACK_GLOBAL: "\x93", MEMOIZE: "\x94", FRAME: "\x95" },
    ...{ BYTEARRAY8: "\x96", NEXT_BUFFER: "\x97", READONLY_BUFFER: "\x98" },
  }).map(([name, sign]) => [sign.charCodeAt(0), name]),
);

/** The machine's state: bytes being read, values being made. */
class Machine {
  readonly #data: DataView;
  readonly #where: string;
  readonly host: Host;
  readonly stack: Value[] = [];
  /** Heights of the stack at which a MARK was set. */
  readonly marks: number[] = [];
  readonly memo = new Map<number, Value>();
  at: number;
  /** Where the opcode begins that is being run. */
  #opcodeAt: number;

  constructor(bytes: Uint8Array, start: number, host: Host, where: string) {
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
    this.host = host;
    this.at = start;
    this.#opcodeAt = start;
  }

  fail: Fail = (code, what, expected, got) =>
    new FormatError(
      `pickle/${code}`,
      `${what}: expected ${expected}, got ${got} (${this.#where}, byte ${this.#opcodeAt})`,
    );

  /** The start of the next `length` bytes, which are there. */
  #take(length: number): number {
    const start = this.at;
    if (length > this.#data.byteLength - start) {
      throw this.fail("short", "pickle", `${length} bytes more`, `${this.#data.byteLength - start}`);
    }
    this.at = start + length;
    return start;
  }

  opcode(): number {
    this.#opcodeAt = this.at;
    return this.u8();
  }

  u8(): number {
    return this.#data.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#data.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#data.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#data.getInt32(this.#take(4), true);
  }

  /** Two's complement of `length` bytes. */
  integer(length: number): number | bigint {
    if (length > MAX_INTEGER)
      throw this.fail("integer", "integer", `at most ${MAX_INTEGER} bytes`, `${length}`);
    const start = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#data.getUint8(start + i));
    const signed = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }

  text(length: number): string {
    const start = this.#take(length);
    try {
      const bytes = new Uint8Array(this.#data.buffer, this.#data.byteOffset + start, length);
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.fail("utf8", "text", "UTF-8", "other bytes");
    }
  }

  /** Up to a line's end. */
  line(): string {
    const start = this.at;
    let end = start;
    while (end < this.#data.byteLength && this.#data.getUint8(end) !== 0x0a) end++;
    const text = this.text(end - start);
    this.#take(1);
    return text;
  }

  pop(): Value {
    const bottom = this.marks.length === 0 ? 0 : requireLast(this.marks, "marks");
    const value = this.stack.length > bottom ? this.stack.pop() : undefined;
    if (value === undefined) throw this.fail("stack", "stack", "a value", "none");
    return value;
  }

  top(): Value {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  /** What lies above the last mark, which goes too. */
  popMark(): Value[] {
    const height = this.marks.pop();
    if (height === undefined) throw this.fail("stack", "stack", "a mark", "none");
    return this.stack.splice(height);
  }

  popTuple(count: number): void {
    const items = Array.from({ length: count }, () => this.pop()).reverse();
    this.stack.push({ kind: "tuple", items });
  }

  topOf<K extends "list" | "dict">(kind: K): Extract<List | Dict, { kind: K }> {
    const value = this.top();
    if (typeof value === "object" && value !== null && value.kind === kind) {
      return value as Extract<List | Dict, { kind: K }>; // the compiler does not follow a kind that is a parameter
    }
    throw this.fail("type", "container", `a ${kind}`, inWords(value));
  }

  setItems(pairs: readonly Value[]): void {
    const { entries } = this.topOf("dict");
    if (pairs.length % 2 !== 0) throw this.fail("stack", "pairs", "a value for each key", "one less");
    for (let i = 0; i < pairs.length; i += 2) {
      const [key, value] = [pairs[i], pairs[i + 1]];
      if (typeof key !== "string") throw this.fail("key", "key", "a text", inWords(key));
      if (entries.has(key)) throw this.fail("twice", "key", "each once", `${inWords(key)} again`);
      if (value !== undefined) entries.set(key, value);
    }
  }

  recall(place: number): void {
    const value = this.memo.get(place);
    if (value === undefined) throw this.fail("memo", "memo", "a place that was set", `${place}`);
    this.stack.push(value);
  }
}

/** What each allowed opcode does; STOP is the loop's. The names are those of pickletools. */
const RULES: Readonly<Record<string, (m: Machine) => unknown>> = {
  PROTO: (m) => {
    const version = m.u8();
    if (version !== 2) throw m.fail("protocol", "protocol", "2, which torch writes", `${version}`);
  },
  MARK: (m) => m.marks.push(m.stack.length),
  NONE: (m) => m.stack.push(null),
  NEWTRUE: (m) => m.stack.push(true),
  NEWFALSE: (m) => m.stack.push(false),
  BININT: (m) => m.stack.push(m.i32()),
  BININT1: (m) => m.stack.push(m.u8()),
  BININT2: (m) => m.stack.push(m.u16()),
  LONG1: (m) => m.stack.push(m.integer(m.u8())),
  BINUNICODE: (m) => m.stack.push(m.text(m.u32())),
  EMPTY_TUPLE: (m) => m.popTuple(0),
  TUPLE1: (m) => m.popTuple(1),
  TUPLE2: (m) => m.popTuple(2),
  TUPLE3: (m) => m.popTuple(3),
  TUPLE: (m) => {
    const items = m.popMark();
    m.stack.push({ kind: "tuple", items });
  },
  EMPTY_LIST: (m) => m.stack.push({ kind: "list", items: [] }),
  APPEND: (m) => {
    const item = m.pop();
    m.topOf("list").items.push(item);
  },
  APPENDS: (m) => {
    const items = m.popMark();
    const list = m.topOf("list");
    for (const item of items) list.items.push(item);
  },
  EMPTY_DICT: (m) => m.stack.push({ kind: "dict", entries: new Map() }),
  SETITEM: (m) => {
    const [value, key] = [m.pop(), m.pop()];
    m.setItems([key, value]);
  },
  SETITEMS: (m) => m.setItems(m.popMark()),
  GLOBAL: (m) => {
    const name = `${m.line()}.${m.line()}`;
    if (!m.host.knows(name))
      throw m.fail("global", "name", "one that weights are made of", name.slice(0, 200));
    m.stack.push({ kind: "global", name });
  },
  REDUCE: (m) => {
    const [args, callee] = [m.pop(), m.pop()];
    if (typeof callee !== "object" || callee?.kind !== "global") {
      throw m.fail("call", "call", "an allowed name", inWords(callee));
    }
    if (typeof args !== "object" || args?.kind !== "tuple") {
      throw m.fail("call", `arguments of ${callee.name}`, "a tuple", inWords(args));
    }
    m.stack.push(m.host.call(callee.name, args.items, m.fail));
  },
  BUILD: (m) => {
    const state = m.pop();
    m.host.build(m.top(), state, m.fail);
  },
  BINPERSID: (m) => m.stack.push(m.host.persistent(m.pop(), m.fail)),
  BINGET: (m) => m.recall(m.u8()),
  LONG_BINGET: (m) => m.recall(m.u32()),
  BINPUT: (m) => m.memo.set(m.u8(), m.top()),
  LONG_BINPUT: (m) => m.memo.set(m.u32(), m.top()),
};

/**
 * The value of the pickle that begins at `start`, and where the bytes behind it begin.
 *
 * @param where  named in messages, with the byte
 * @throws {FormatError} `pickle/…`, and what the host throws
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  host: Host,
  where: string,
): { readonly value: Value; readonly end: number } {
  const machine = new Machine(bytes, start, host, where);
  for (let step = 0; step < MAX_STEPS; step++) {
    const opcode = machine.opcode();
    const name = NAMES.get(opcode) ?? `0x${opcode.toString(16).padStart(2, "0")}`;
    if (name === "STOP") {
      const value = machine.pop();
      if (machine.stack.length === 0 && machine.marks.length === 0) return { value, end: machine.at };
      throw machine.fail("stack", "stack", "one value at the end", `${machine.stack.length + 1}`);
    }
    const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
    if (rule === undefined) throw machine.fail("opcode", "opcode", "one that torch writes for weights", name);
    if ((step === 0) !== (name === "PROTO"))
      throw machine.fail("protocol", "pickle", "PROTO first and once", name);
    rule(machine);
  }
  throw machine.fail("steps", "pickle", `at most ${MAX_STEPS} opcodes`, "more");
}
