/** Plain fine-tuning: the method without answers. Every tensor is trained, no site is touched. */

import type { Method, MethodState } from "../contract/method.ts";

export const FINETUNE: Method<Record<string, never>, MethodState> = {
  id: "finetune",
  summary: "Plain fine-tuning of every weight.",
  paper: undefined,
  from: "pre-trained",
  config: {},
  init: () => ({ tensors: new Map() }),
  trains: () => true,
  sites: () => ({}),
  finish: (network, _state, tensors) => ({ ...network, tensors }),
};
