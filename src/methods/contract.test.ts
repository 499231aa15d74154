/** Methods without a sparsity are held to the contract that outside methods are held to. */

import { expect, test } from "vitest";
import { isSparse, testContracts } from "../../test/support/contract.ts";
import { methodFromOutside } from "../contract/outside.ts";
import { METHODS } from "./registry.ts";

testContracts((id) => !isSparse(id));

test.each(Object.entries(METHODS))(
  "%s has the shape that is asked of a method from outside",
  (id, { value }) => {
    expect(methodFromOutside(value, "test").id).toBe(id);
  },
);
