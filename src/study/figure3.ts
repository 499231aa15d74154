/**
 * The paper's Figure 3: which share of each component and each layer is pruned, for BERT-base.
 *
 *   Gao, Colombo & Wang, Adapting by Pruning, 2021, Figure 3 and the appendix's Figures 1 and 2 ·
 *   https://arxiv.org/abs/2105.03343
 *
 * The paper prints no numbers: these were read off the vector graphics of its figures, exact to about 0.001. Means of five
 * runs. What the figure calls output is one bar, and the text does not say of which matrices; it stands beside our
 * attention's output. Not here: what is ours.
 */

/** What the paper draws of one method, on one task, at one sparsity. */
export interface DrawnRow {
  readonly task: string;
  readonly sparsity: number;
  /** Ours, as registered: its name for the paper's IMP, MP and Ours. */
  readonly method: "lottery" | "magnitude" | "adapting-by-pruning";
  /** Share pruned of embeddings, query, key, value and output. */
  readonly components: readonly [
    embeddings: number,
    query: number,
    key: number,
    value: number,
    output: number,
  ];
  /** Share pruned of layers 0 to 11. */
  readonly layers: readonly number[];
}

export const FIGURE_3: readonly DrawnRow[] = [
  {
    task: "mnli",
    sparsity: 0.2,
    method: "lottery",
    components: [0.156, 0.182, 0.185, 0.247, 0.226],
    layers: [0.227, 0.211, 0.219, 0.214, 0.209, 0.209, 0.21, 0.213, 0.209, 0.205, 0.206, 0.205],
  },
  {
    task: "mnli",
    sparsity: 0.2,
    method: "magnitude",
    components: [0.152, 0.18, 0.183, 0.244, 0.222],
    layers: [0.225, 0.207, 0.217, 0.212, 0.207, 0.207, 0.208, 0.211, 0.206, 0.202, 0.202, 0.2],
  },
  {
    task: "mnli",
    sparsity: 0.2,
    method: "adapting-by-pruning",
    components: [0.076, 0.237, 0.234, 0.235, 0.217],
    layers: [0.225, 0.222, 0.225, 0.225, 0.226, 0.229, 0.231, 0.231, 0.23, 0.218, 0.211, 0.228],
  },
  {
    task: "mnli",
    sparsity: 0.99,
    method: "lottery",
    components: [0.9825, 0.9911, 0.9916, 0.9988, 0.996],
    layers: [0.9963, 0.9962, 0.994, 0.9952, 0.9947, 0.9945, 0.9949, 0.996, 0.9963, 0.9955, 0.996, 0.9967],
  },
  {
    task: "mnli",
    sparsity: 0.99,
    method: "magnitude",
    components: [0.9791, 0.9886, 0.9893, 0.9984, 0.9952],
    layers: [0.9953, 0.9951, 0.9926, 0.9938, 0.9933, 0.9931, 0.9936, 0.9949, 0.9951, 0.9942, 0.995, 0.9956],
  },
  {
    task: "mnli",
    sparsity: 0.99,
    method: "adapting-by-pruning",
    components: [0.9994, 0.9802, 0.9839, 0.9905, 0.9898],
    layers: [0.9875, 0.9878, 0.9838, 0.9859, 0.9866, 0.9876, 0.9859, 0.9888, 0.9885, 0.9895, 0.9893, 0.9913],
  },
  {
    task: "sst2",
    sparsity: 0.2,
    method: "lottery",
    components: [0.156, 0.182, 0.185, 0.248, 0.226],
    layers: [0.228, 0.21, 0.22, 0.214, 0.21, 0.21, 0.21, 0.214, 0.209, 0.205, 0.206, 0.204],
  },
  {
    task: "sst2",
    sparsity: 0.2,
    method: "adapting-by-pruning",
    components: [0.063, 0.222, 0.217, 0.245, 0.24],
    layers: [0.226, 0.212, 0.232, 0.23, 0.233, 0.237, 0.239, 0.24, 0.244, 0.222, 0.209, 0.201],
  },
  {
    task: "sst2",
    sparsity: 0.99,
    method: "adapting-by-pruning",
    components: [0.9988, 0.9909, 0.9921, 0.984, 0.9843],
    layers: [0.9875, 0.9875, 0.9907, 0.9918, 0.9905, 0.9892, 0.9866, 0.9835, 0.9816, 0.9855, 0.9878, 0.9832],
  },
  {
    task: "stsb",
    sparsity: 0.2,
    method: "adapting-by-pruning",
    components: [0.041, 0.242, 0.238, 0.266, 0.236],
    layers: [0.22, 0.203, 0.238, 0.243, 0.245, 0.245, 0.246, 0.25, 0.252, 0.239, 0.224, 0.151],
  },
  {
    task: "stsb",
    sparsity: 0.99,
    method: "adapting-by-pruning",
    components: [0.9954, 0.9807, 0.9821, 0.9878, 0.992],
    layers: [0.9741, 0.9884, 0.9803, 0.9845, 0.987, 0.9896, 0.9928, 0.9961, 0.9955, 0.9954, 0.9955, 0.9937],
  },
];
