import { expect, test } from "vitest";
import { metricText, metricWord } from "./metric-text.ts";

test("shares of examples are percent, correlations and errors have three decimals", () => {
  expect(metricText("accuracy", 0.8764)).toBe("87.6 %");
  expect(metricText("matthews", 0.2647)).toBe("0.265");
  expect(metricText("rmse", 1.5)).toBe("1.500");
});

test("a metric's name is a word of a sentence, and a name of one's own stays as it is", () => {
  expect(metricWord("roc_auc")).toBe("area under the ROC curve");
  expect(metricWord("mae")).toBe("mean absolute error");
  expect(metricWord("loss_of_mine")).toBe("loss_of_mine");
});
