/** Methods with a sparsity to reach are held to the contract that outside methods are held to. */

import { isSparse, testContracts } from "../../test/support/contract.ts";

testContracts(isSparse);
