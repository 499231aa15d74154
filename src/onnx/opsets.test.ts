import { expect, test } from "vitest";
import type { Graph, Node } from "./model.ts";
import { checkOpset, hasOperator, irVersionOf, OPSETS, PORTABLE_OPSET, SINCE } from "./opsets.ts";

function graphOf(...nodes: Pick<Node, "opType" | "domain">[]): Graph {
  const whole = nodes.map((node) => ({ inputs: [], outputs: [], attributes: {}, ...node }));
  return { name: "g", nodes: whole, inputs: [], outputs: [], initializers: [] };
}

test("an operator newer than the opset is refused by name, and so is one that the table does not have", () => {
  const gelu = graphOf({ opType: "MatMul" }, { opType: "Gelu" });
  expect(() => checkOpset(gelu, 20)).not.toThrow();
  expect(() => checkOpset(gelu, 19)).toThrow(
    expect.objectContaining({
      code: "onnx/opset",
      message: "operator Gelu: expected one of opset 19 or older, got one of opset 20",
    }),
  );
  for (const opType of ["Unheard", "constructor"]) {
    expect(() => checkOpset(graphOf({ opType }), 20)).toThrow(
      expect.objectContaining({
        code: "onnx/opset",
        message: `operator ${opType}: expected one of opset 20 or older, got one that SINCE in src/onnx/opsets.ts does not have`,
      }),
    );
  }
  expect(() => checkOpset(graphOf({ opType: "FusedMatMul", domain: "com.microsoft" }), 17)).not.toThrow();
});

test("by default a file has IR version 8, which ONNX Runtime 1.14 and so transformers.js 2 read", () => {
  expect(irVersionOf(PORTABLE_OPSET)).toBe(8);
  expect(OPSETS.map((opset) => irVersionOf(opset))).toEqual([8, 8, 9, 9]);
});

test("newer than the oldest opset are GELU, which is written out, and an operator of training alone", () => {
  const newer = Object.keys(SINCE).filter((opType) => !hasOperator(opType, OPSETS[0]));
  expect(newer).toEqual(["BitwiseXor", "Gelu"]);
});
