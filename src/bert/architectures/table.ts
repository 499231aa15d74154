/** The architectures that are read here, by what `config.json` calls `model_type`. */

import { type JsonObject, own } from "../../formats/json.ts";
import { bad } from "../config-values.ts";
import type { ModelType } from "../facts.ts";
import { ALBERT } from "./albert.ts";
import type { Architecture, Claim } from "./architecture.ts";
import { BERT } from "./bert.ts";
import { DISTILBERT } from "./distilbert.ts";
import { ELECTRA } from "./electra.ts";
import { MODERNBERT } from "./modernbert.ts";
import { MPNET } from "./mpnet.ts";
import { CAMEMBERT, ROBERTA, XLM_ROBERTA } from "./roberta.ts";

export const ARCHITECTURES: Readonly<Record<ModelType, Architecture>> = {
  bert: BERT,
  distilbert: DISTILBERT,
  roberta: ROBERTA,
  "xlm-roberta": XLM_ROBERTA,
  camembert: CAMEMBERT,
  electra: ELECTRA,
  mpnet: MPNET,
  albert: ALBERT,
  modernbert: MODERNBERT,
};

/** The architecture of a configuration; without a type it is BERT. @throws {ConfigError} `config/model-type` */
export function architectureOf(json: JsonObject, where: string): Architecture {
  const type = own(json, "model_type") ?? "bert";
  const found = Object.values(ARCHITECTURES).find((each) => each.type === type);
  if (found !== undefined) return found;
  throw bad("model-type", "model_type", `one of ${Object.keys(ARCHITECTURES).join(", ")}`, type, where);
}

/** The classes of an architecture in `transformers` that are read here, and ours for mixtures. */
export function classesOf({ stem, classes }: Architecture): ReadonlyMap<string, Claim> {
  return new Map<string, Claim>([
    [`${stem}Model`, { kind: "none" }],
    [`${stem}ForMaskedLM`, { kind: "mlm" }],
    ...Object.entries(classes),
    [classOf(stem, "classification"), { kind: "classification" }],
    [classOf(stem, "mixture"), { kind: "classification", reader: "mixture" }],
    [classOf(stem, "means"), { kind: "classification", reader: "means" }],
    [classOf(stem, "tokens"), { kind: "tokens" }],
    [`${stem}ForQuestionAnswering`, { kind: "none", foreign: "answers to questions" }],
    [`${stem}ForMultipleChoice`, { kind: "none", foreign: "multiple choice" }],
  ]);
}

/** How a classifier's class begins: stock, and with the mixtures, whose names are ours. */
const READINGS = { classification: "", mixture: "Mixture", means: "MeanMixture" };

/** A classifier by what it reads, or one of each token. */
export function classOf(stem: string, kind: keyof typeof READINGS | "tokens"): string {
  return kind === "tokens"
    ? `${stem}ForTokenClassification`
    : `${stem}${READINGS[kind]}ForSequenceClassification`;
}
