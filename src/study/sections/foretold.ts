/** Which measure foretells the accuracy that is left, beyond what density by layer and component does? */

import { counted, fixed } from "../../base/quantity.ts";
import { barChart } from "../../report/draw/charts.ts";
import { PREDICTORS } from "../measures.ts";
import { drawPicture } from "../picture.ts";
import { type Foretold, isTooFew, type Prediction, type TooFew } from "../prediction.ts";
import { listed, type StudySection, slimTable } from "./section.ts";

/** Measures in the picture. */
const SHOWN = 12;
/** A gain that luck gives less often than once in twenty studies. */
const LUCK = 0.05;
/** A gain below it is none, however sure. */
const SLIGHT = 0.005;

/** The section. */
export function foretoldSection(found: Prediction | TooFew): StudySection {
  if (isTooFew(found)) {
    const heading = `Which measure foretells the accuracy cannot be said from ${counted(found.runs, "run")}: it takes at least ${found.needed}, two for each number of the baseline`;
    return { heading, paragraphs: [], pictures: [], tables: [] };
  }
  const { gains, bound, deals } = found;
  return {
    heading: headingOf(found),
    paragraphs: [
      `${counted(found.runs, "run")} in ${found.groups} groups that differ by their seed alone. The target is the share of the dense metric that is left. The baseline is ridge regression (penalty ${found.penalty}) on ${found.columns} numbers: the task, the logarithm of the density as a line that may bend, the logarithm of the density of each component and layer. Controls are left out: whatever tells a shuffled mask from a found one would seem to foretell. R² is of runs that the fit has not seen: one run at a time, or all seeds of one method, sparsity and task together, which is the number to believe, for seeds are nearly copies of each other. Below 0 a fit is worse than the mean.`,
      `Luck: what the baseline does not say of the measures was dealt to the runs anew ${deals} times. The best of the ${gains.length} then gained at most ${signed(bound)} in 19 of 20 deals; *p* is how often the best gains as much as the measure does. No p is corrected further. A measure that follows density in a way that the baseline cannot bend to would seem to foretell too, so a small gain is none; and runs of one model say nothing of another.`,
    ],
    pictures: [
      drawPicture("foretold", {
        label: "What each measure adds to R² of runs that were left out. The numbers are in the table.",
        panels: [
          {
            title: "Gain in R² beyond density, all seeds left out",
            chart: barChart("Gains", barsOf(found), 200),
          },
        ],
      }),
    ],
    tables: [baselineTable(found), gainTable(found)],
  };
}

function headingOf({ gains, bound, baseline }: Prediction): string {
  const [best] = gains;
  const already = `density by layer and component alone has an R² of ${fixed(baseline.bySeeds, 2)}`;
  if (best === undefined) return `No measure differs among the runs; ${already}`;
  const sure = gains.filter(({ p, gain }) => p <= LUCK && gain >= SLIGHT);
  if (sure.length === 0) {
    return `No measure foretells the accuracy beyond density by more than luck and ${SLIGHT}: the best, ${PREDICTORS[best.measure]}, adds ${signed(best.gain)}, luck up to ${signed(bound)}; ${already}`;
  }
  const names = sure.slice(0, 3).map(({ measure, gain }) => `${PREDICTORS[measure]} (${signed(gain)})`);
  return `Beyond density the accuracy is foretold by ${listed(names)}${sure.length > 3 ? ` and ${sure.length - 3} more` : ""}; luck gives up to ${signed(bound)}, and ${already}`;
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

function baselineTable({ tasks, density, baseline }: Prediction): string {
  const row = (name: string, { byRun, bySeeds }: Foretold): string[] => [
    name,
    fixed(byRun, 3),
    fixed(bySeeds, 3),
  ];
  return slimTable(
    ["what is known", "R², one run left out", "R², all its seeds left out"],
    [
      row("the task", tasks),
      row("and the density", density),
      row("and the density of each layer and component", baseline),
    ],
  );
}

function gainTable({ gains }: Prediction): string {
  return slimTable(
    ["and", "runs", "R², one run left out", "R², all its seeds left out", "without it", "gain", "p"],
    gains.map((gain) => [
      PREDICTORS[gain.measure],
      String(gain.runs),
      fixed(gain.with.byRun, 3),
      fixed(gain.with.bySeeds, 3),
      fixed(gain.baseline.bySeeds, 3),
      signed(gain.gain),
      fixed(gain.p, 3),
    ]),
  );
}
