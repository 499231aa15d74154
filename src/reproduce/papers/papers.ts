/** The tables that can be made, most of them a paper's, by their names. A missing one is a compile error. */

import { ADAPTING_BY_PRUNING } from "./adapting-by-pruning.ts";
import { BASELINES } from "./baselines.ts";
import { BLOCKS } from "./blocks.ts";
import { CORE } from "./core.ts";
import type { Paper, PaperId } from "./plan.ts";
import { RATES } from "./rates.ts";
import { SNIP } from "./snip.ts";
import { SPARSEBERT } from "./sparsebert.ts";
import { SUB_NETWORKS } from "./sub-networks.ts";
import { THESEUS } from "./theseus.ts";
import { WHOLE } from "./whole.ts";

/** Every paper; a new one is one more entry. */
export const PAPERS: Readonly<Record<PaperId, Paper>> = {
  core: CORE,
  whole: WHOLE,
  "adapting-by-pruning": ADAPTING_BY_PRUNING,
  sparsebert: SPARSEBERT,
  snip: SNIP,
  theseus: THESEUS,
  "sub-networks": SUB_NETWORKS,
  blocks: BLOCKS,
  baselines: BASELINES,
  rates: RATES,
};
