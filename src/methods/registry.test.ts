import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { keyOf } from "../base/random.ts";
import { METHODS, methodById } from "./registry.ts";

test.each(Object.entries(METHODS))("%s stands under its own id and says what it does", (id, method) => {
  expect(method.id).toBe(id);
  expect(method.summary).toMatch(/^[A-Z].*\.$/);
  expect(method.configure({ set: {} }).id).toBe(id);
  for (const { help } of Object.values(method.fields)) expect(help).not.toBe("");
});

test("settings are read by the method's own schema and resolved with its defaults", () => {
  const { settings } = methodById("theseus", { set: { layers: "2", schedule: "constant" } });
  const defaults = {
    base: 0.3,
    full: 0.6,
    swap: 0,
    start: "first",
    init: "pre-trained",
    clipOver: "trained",
  };
  expect(settings).toEqual({ layers: 2, schedule: "constant", ...defaults });
});

test.each([
  ["theseos", { set: {} }, "method/unknown", 'got "theseos"; did you mean "theseus"?'],
  ["constructor", { set: {} }, "method/unknown", 'got "constructor"'],
  ["theseus", { set: { layer: "3" } }, "method/unknown-setting", 'did you mean "layers"?'],
  ["theseus", { set: { layers: "three" } }, "method/setting", "theseus.layers: expected a number"],
  ["finetune", { set: {}, sparsity: 0.5 }, "method/unknown-setting", "it has no settings"],
])("%s with %o is refused as %s", (id, request, code, says) => {
  const attempt = () => methodById(id, request);
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code, message: expect.stringContaining(says) }));
});

test.each(["schedule", "start", "init", "clipOver"])(
  "theseus/%s: a word that is none of the choices is refused",
  (name) => {
    const network = smallNetwork(CLASSES, 2);
    const attempt = () =>
      methodById("theseus", { set: { layers: "1", [name]: "odd" } }).bind(network, {
        steps: 1,
        key: keyOf(0),
      });
    expect(attempt).toThrow(expect.objectContaining({ code: `theseus/${name}` }));
  },
);
