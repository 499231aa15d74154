/**
 * What the example page says of its model, beside what any packed file tells: title, lead, examples to click, and what it
 * learned, knows and does not know. make.mjs writes it as about.json, page.js shows it.
 */

const EXAMPLES = [
  {
    title: "Like the reviews it learned from",
    texts: [
      "The plot is far from dull.",
      "Although the soup is bland, the service is wonderful.",
      "I expected a masterpiece and got a bore.",
      "The battery is anything but dependable.",
    ],
  },
  {
    title: "Nothing it knows, labelled all the same",
    texts: [
      "Would I go again? In a heartbeat.",
      "The train to Oslo leaves at nine.",
      "Das Essen war furchtbar.",
    ],
  },
];

/** A share with a decimal, where it has one. */
export const percent = (share) => `${Number((100 * share).toFixed(1))} %`;

/**
 * What is told of the model of make.mjs.
 *
 * @param metric    accuracy before pruning, after it, and on how many reviews
 * @param sparsity  share of the encoder's weights that are zero
 * @param epochs    of its training
 * @param bytes     of the packed file
 */
export function aboutReviews({ metric, sparsity, epochs, bytes }) {
  return {
    title: "Praise or blame?",
    lead: `A BERT of 4 layers reads a review in this page, with ${percent(sparsity)} of its encoder's weights pruned away.`,
    examples: EXAMPLES,
    facts: [
      {
        name: "Learned from",
        text: "4,000 short English reviews of films, meals, devices, places to stay and books. A program wrote them, from 600 words.",
      },
      {
        name: "Right about",
        text: `${percent(metric.after)} of ${metric.examples.toLocaleString("en")} other reviews by that program; ${percent(metric.before)} before it was pruned. The best of ${epochs} epochs was chosen by the same reviews.`,
      },
      {
        name: "Size",
        text: `${(bytes / 1e6).toFixed(1)} MB, vocabulary and tokenizer included.`,
      },
      {
        name: "Does not know",
        text: "Reviews that people wrote, irony, any language but English. It has two answers and gives one of them to everything, often with confidence.",
      },
    ],
  };
}
