/** Which measure foretells the accuracy that is left, beyond what method and density do? */

import { counted, fixed } from "../../base/quantity.ts";
import { barChart } from "../../report/draw/charts.ts";
import { PREDICTORS } from "../measures.ts";
import { drawPicture } from "../picture.ts";
import { FEWEST, type Foretold, isTooFew, type Prediction, type TooFew } from "../prediction.ts";
import { listed, type StudySection, slimTable } from "./section.ts";

/** Measures in the picture. */
const SHOWN = 12;
/** A gain that luck gives less often than once in twenty studies. */
const LUCK = 0.05;
/** A gain below it is none, however sure. */
const SLIGHT = 0.005;

/** The section. @param of  the model, where runs of several are studied */
export function foretoldSection(found: Prediction | TooFew, of?: string): StudySection {
  const prefix = of === undefined ? "" : `${of}: `;
  if (isTooFew(found)) {
    const heading = `${prefix}${of === undefined ? "Which" : "which"} measure foretells the accuracy cannot be said yet: ${lackText(found)}`;
    return { heading, paragraphs: found.runs === 0 ? [] : [blocksText(found)], pictures: [], tables: [] };
  }
  return {
    heading: `${prefix}${headingOf(found)}`,
    paragraphs: [blocksText(found), baselineText(found), luckText(found)],
    pictures: [
      drawPicture(of === undefined ? "foretold" : `foretold-${of.replaceAll(/[^\w]+/g, "-")}`, {
        label: `What each measure adds to R² of runs that were left out${of === undefined ? "" : `, ${of}`}. The numbers are in the table.`,
        panels: [
          {
            title: "Gain in R² beyond method and density, whole blocks left out",
            chart: barChart("Gains", barsOf(found), 200),
          },
        ],
      }),
    ],
    tables: [baselineTable(found), gainTable(found)],
  };
}

/** Which condition does not hold, and what it takes. */
function lackText({ lack, needed, runs, blocks }: TooFew): string {
  switch (lack) {
    case "blocks":
      return `it takes at least ${needed} blocks of runs, and there ${blocks === 1 ? "is" : "are"} ${blocks} (${counted(runs, "run")})`;
    case "runs":
      return `it takes at least ${needed} runs, and there are ${runs} (${counted(blocks, "block")})`;
    case "difference":
      return `all of the ${counted(runs, "run")} keep the same share`;
  }
}

function blocksText(found: Prediction | TooFew): string {
  const { runs, blocks, single, between } = found;
  const rest =
    single === 0
      ? ""
      : ` ${counted(single, "more run")} of methods at one sparsity alone ${single === 1 ? "is" : "are"} left out: a measure is asked what it says within a method.`;
  const least =
    !isTooFew(found) || found.lack !== "blocks"
      ? ""
      : ` It takes two blocks for each of the ${between} numbers that are known of a block beforehand, and ${FEWEST} at least.`;
  return `${counted(runs, "run")} in ${counted(blocks, "block")}. A block is all tasks and seeds of a method at one sparsity: their masks are nearly copies, of which one foretells the others. So whole blocks are left out together, and the R² of these is the one to believe.${least}${rest}`;
}

function baselineText({ columns, between, penalty }: Prediction): string {
  return `The target is the share that is left, 0 where it is below. The baseline is ridge regression (penalty ${penalty}) on ${counted(columns, "number")}, of which ${between} belong to the block: the task, the method, the logarithm of the encoder's density as a line that may bend, and of the embeddings'. The method is among them because methods differ in more than their masks (one trains the weights, another freezes them). Densities of single layers and parts would be more numbers than there are blocks for, so a measure may stand for these. Controls are left out: whatever tells a shuffled mask from a found one would seem to foretell. Below 0 a fit is worse than the mean.`;
}

function luckText({ gains, bound, deals }: Prediction): string {
  return `Luck: what the baseline does not say of the measures was dealt to the blocks anew ${deals} times. The best of the ${gains.length} then gained at most ${signed(bound)} in 19 of 20 deals; *p* is how often the best gains as much as the measure does. No p is corrected further. Where methods fall at different rates with sparsity, p is somewhat too small; a small gain is none; and runs of one model say nothing of another.`;
}

function headingOf({ gains, bound, baseline }: Prediction): string {
  const [best] = gains;
  const already = `method and density alone have an R² of ${fixed(baseline.byBlock, 2)}`;
  if (best === undefined) return `No measure differs among the runs; ${already}`;
  // What foretells worse than the mean foretells nothing, though it may be less bad than the baseline.
  const sure = gains.filter((each) => each.p <= LUCK && each.gain >= SLIGHT && each.with.byBlock > 0);
  if (sure.length === 0) {
    return `No measure foretells the accuracy beyond method and density by more than luck: the best, ${PREDICTORS[best.measure]}, adds ${signed(best.gain)}, luck up to ${signed(bound)}; ${already}`;
  }
  const names = sure.slice(0, 3).map(({ measure, gain }) => `${PREDICTORS[measure]} (${signed(gain)})`);
  return `Beyond method and density the accuracy is foretold by ${listed(names)}${sure.length > 3 ? ` and ${sure.length - 3} more` : ""}; luck gives up to ${signed(bound)}, and ${already}`;
}

function signed(value: number): string {
  return `${value >= 0 ? "+" : "−"}${fixed(Math.abs(value), 3)}`;
}

function barsOf({ gains, bound }: Prediction) {
  const bars = gains.slice(0, SHOWN).map(({ measure, gain }) => ({
    name: PREDICTORS[measure],
    value: Math.max(0, gain),
    show: signed(gain),
    tone: 0,
  }));
  return [...bars, { name: "luck, 19 of 20", value: Math.max(0, bound), show: signed(bound), tone: 6 }];
}

function baselineTable({ tasks, methods, baseline }: Prediction): string {
  const row = (name: string, { byRun, byBlock }: Foretold): string[] => [
    name,
    fixed(byRun, 3),
    fixed(byBlock, 3),
  ];
  return slimTable(
    ["what is known", "R², one run left out", "R², its block left out"],
    [row("the task", tasks), row("and the method", methods), row("and the densities", baseline)],
  );
}

function gainTable({ gains }: Prediction): string {
  return slimTable(
    ["and", "runs", "R², one run left out", "R², its block left out", "without it", "gain", "p"],
    gains.map((gain) => [
      PREDICTORS[gain.measure],
      String(gain.runs),
      fixed(gain.with.byRun, 3),
      fixed(gain.with.byBlock, 3),
      fixed(gain.baseline.byBlock, 3),
      signed(gain.gain),
      fixed(gain.p, 3),
    ]),
  );
}
