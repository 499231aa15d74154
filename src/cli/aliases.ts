/** What other programs call a command: a suggestion goes by what a word means before how it is spelt. */

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
