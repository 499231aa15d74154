import { expect, test } from "vitest";
import { FormatError } from "../base/errors.ts";
import { isObject, own, parseJson, withDigits } from "./json.ts";

test.each([
  '{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}], "c": "a"}',
  '["a", "a", "a:", "\\"a\\":"]',
  '{"__proto__": 1, "k\\\\": 2, "k": "}{\\"k\\":"}',
  " 3 ",
])("%s is read as JSON.parse reads it", (text) => {
  expect(parseJson(text, "f")).toEqual(JSON.parse(text));
});

test.each([
  ["json/duplicate", '{"a": 1, "b": 2, "a" \n: 3}', '"a" twice (f)'],
  ["json/duplicate", '{"x": [{"a": 1, "\\u0061": 2}]}', '"a" twice'],
  ["json/duplicate", '{"__proto__": 1, "__proto__": 2}', "__proto__"],
  ["json/syntax", '{"a": 1,}', "(f)"],
  ["json/syntax", "", "(f)"],
])("%s: %s", (code, text, part) => {
  const read = () => parseJson(text, "f");
  expect(read).toThrow(FormatError);
  expect(read).toThrow(expect.objectContaining({ code, message: expect.stringContaining(part) }));
});

test("own keys only", () => {
  const value = parseJson('{"__proto__": 5}', "f");
  expect(isObject(value) && own(value, "__proto__")).toBe(5);
  expect(own({}, "constructor")).toBeUndefined();
  expect([null, [], "x", 1].some(isObject)).toBe(false);
});

test.each([
  ["12345678901234567890", '"12345678901234567890"'],
  [
    '{"id": -12345678901234567890, "ids":[9007199254740993,9007199254740991]}',
    '{"id": "-12345678901234567890", "ids":["9007199254740993",9007199254740991]}',
  ],
  ['{"12345678901234567890":"\\"12345678901234567890"}', undefined],
  ["[0.12345678901234567890, 12345678901234567890e3, 1.5e-12345678901234567]", undefined],
])("numbers beyond 2^53 in %s become texts, and nothing else changes", (text, exact = text) => {
  expect(withDigits(text)).toBe(exact);
});
