/** What other programs call a command or an option: a suggestion goes by what a word means before how it is spelt. */

const WORDS: Readonly<Record<string, readonly string[]>> = {
  finetune: ["train", "fit", "tune", "learn", "fine-tune", "fine_tune", "training", "finetuning"],
  compress: ["prune", "distil", "distill", "distillation", "pruning", "sparsify", "reduce", "compact"],
  export: ["convert", "onnx", "save", "pack", "to-onnx"],
  quantize: ["quantise", "quantization", "quantisation", "int8", "8bit", "8-bit"],
  evaluate: ["test", "eval", "score", "validate", "accuracy", "metrics", "judge"],
  predict: ["serve", "classify", "infer", "inference", "label", "run", "tag", "answer", "pipeline"],
  embed: ["vector", "vectors", "encode", "embedding", "embeddings", "features", "vectorize"],
  bench: ["benchmark", "time", "speed", "latency", "profile", "compare", "measure"],
  inspect: ["info", "show", "describe", "summary", "summarize", "size", "params", "look", "stat", "stats"],
  resume: ["continue", "restart", "go-on", "recover"],
  shrink: ["trim", "slim", "minify", "strip", "vocabulary"],
  augment: ["augmentation", "paraphrase", "generate"],
  pretrain: ["pre-train", "mlm", "pretraining", "scratch"],
  reproduce: ["paper", "replicate", "table", "reproduction"],
  demo: ["example", "try", "tutorial", "quickstart", "start", "hello"],
};

/** The command that a word means elsewhere, or undefined. */
export function commandMeantBy(word: string): string | undefined {
  const plain = word.toLowerCase();
  return Object.entries(WORDS).find(([, words]) => words.includes(plain))?.[0];
}

/** Fields by the flags of other programs, mostly the scripts of `transformers`, without dashes before and with dashes inside. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  model: ["model", "model-name-or-path", "model-name", "model-path", "model-id", "checkpoint", "base-model"],
  data: ["train-file", "train-data", "train", "dataset", "dataset-name", "data-dir", "input", "file"],
  validation: ["validation-file", "eval-file", "test-file", "valid", "dev", "eval-data", "test"],
  out: ["output-dir", "output", "output-path", "save-dir", "save", "dest"],
  task: ["task-name"],
  text: ["text-column", "text-column-name", "sentence1", "sentence1-key"],
  textPair: ["sentence2", "sentence2-key", "pair", "second-text"],
  label: ["label-column", "label-column-name", "labels", "target"],
  epochs: ["num-train-epochs", "num-epochs", "n-epochs", "epoch"],
  learningRate: ["lr", "rate"],
  batchSize: ["per-device-train-batch-size", "train-batch-size", "batch", "bs"],
  maxLength: ["max-seq-length", "max-seq-len", "max-len", "length"],
  weightDecay: ["wd"],
  warmup: ["warmup-ratio"],
  accumulate: ["gradient-accumulation-steps", "grad-accum", "accumulation-steps"],
  limit: ["max-train-samples", "max-samples", "num-samples"],
  metric: ["metric-for-best-model"],
  method: ["pruner", "algorithm", "pruning-method"],
  sparsity: ["pruning-ratio", "prune-ratio", "target-sparsity", "amount"],
  to: ["format", "framework"],
  threads: ["num-threads", "num-workers", "jobs"],
  force: ["overwrite", "overwrite-output-dir", "yes"],
};

/** The field that a flag means elsewhere, underscores or dashes alike, or undefined. */
export function fieldMeantBy(flag: string): string | undefined {
  const plain = flag.replace(/^-+/, "").replace(/=.*$/s, "").replaceAll("_", "-").toLowerCase();
  const ours = plain.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.entries(FLAGS).find(([, flags]) => flags.includes(plain))?.[0] ?? ours;
}
