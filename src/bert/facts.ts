/**
 * What one kind of encoder computes otherwise than another: the record that the forward pass reads.
 *
 * Inside the project every encoder has BERT's parameter names, so that methods, masks and reports know one set of names
 * alone. How a checkpoint spells them, and its `config.json`, is in architectures/. A record is plain JSON: it goes
 * wherever a configuration goes.
 */

/** What `config.json` calls `model_type`. */
export type ModelType =
  | "bert"
  | "distilbert"
  | "roberta"
  | "xlm-roberta"
  | "camembert"
  | "electra"
  | "mpnet"
  | "albert"
  | "modernbert";

/** The three functions of the feed-forward module: exact GELU (erf), GELU by tanh, ReLU. */
export type Activation = "gelu" | "gelu_new" | "relu";

/** What a head does (config.ts, `Head`). */
export type HeadKind = "classification" | "regression" | "multi-label" | "tokens" | "mlm" | "none";

/**
 * What a classification or a regression reads of the encoder. The stock one is the pooler: tanh(W·h + b) of the last
 * layer's first token. A `mixture` is a learned average of every layer's first token and one hidden layer with ReLU
 * (head-layers.ts, `mixLayers`), `means` the same of every layer's mean over the text; no stock library has them.
 */
export type Reader = "pooler" | "mixture" | "means";

/** How a token's place enters. */
export type Positions =
  /** Place t adds row t of a table. */
  | { readonly kind: "table" }
  /** The n-th token that is not `pad`, counted from 1, adds row `pad` + n of a table, and `pad` itself row `pad`. */
  | { readonly kind: "counted"; readonly pad: number }
  /** Queries and keys are turned by angles place · base^(-2i/A): `full` in layers that see all tokens, else `window`. */
  | { readonly kind: "rotary"; readonly full: number; readonly window: number };

/** What a layer has beside its sizes; nothing of it in BERT. */
export interface LayerFacts {
  /** The feed-forward module is W₂·(f(W₁·x) ∘ V·x), V under `LayerNames.gate`. */
  readonly gated?: true;
  /** A token sees so many others on each side; absent: all. */
  readonly window?: number;
  /** Where LayerNorms stand before modules: there is none before this layer's attention. */
  readonly bare?: true;
  /** Columns of its heads in the table of relative positions, where there is one. */
  readonly places?: readonly number[];
  /** The number under which its tensors stand, and those of the layers that share them; absent: its own. */
  readonly sharing?: number;
}

/** Modules that may have no bias: those of attention, of the feed-forward, LayerNorms, the head's hidden layer, pieces. */
export type Biased = "attention" | "ffn" | "norm" | "hidden" | "pieces";

/** Where a rate is another than BERT's: `hiddenDropout`, and 0 for `neurons`. */
export interface Dropouts {
  readonly embeddings?: number;
  readonly attentionOutput?: number;
  /** Between the two matrices of the feed-forward module. */
  readonly neurons?: number;
  readonly output?: number;
  /** Before labels of tokens; else as before a text's. */
  readonly tokens?: number;
}

/** The head's hidden layer, and what stands around it. */
export interface HeadFacts {
  /** What answers to texts read: the first token's last state, or the mean of all. */
  readonly reads: "first" | "mean";
  /** After the hidden layer. */
  readonly activation: Activation | "tanh";
  /** Dropout before the hidden layer too. */
  readonly dropsInput?: true;
  /** The hidden layer, with a LayerNorm after it, also stands before labels of tokens and before pieces. */
  readonly shared?: true;
  /**
   * `read`: a text's hidden layer is the encoder's pooler, which pre-training knows. `spare`: it is the head's own, and a
   * bare encoder may carry a pooler that no head reads. `none`: the head's own, and there is no other.
   */
  readonly pooler: "read" | "spare" | "none";
  /** Of the hidden layer before pieces; absent: as in the feed-forward module. */
  readonly pieces?: Activation;
}

/** One kind of encoder. */
export interface Facts {
  readonly type: ModelType;
  /** Numbers of a row of the tables, which a linear layer then brings to the hidden size; absent: the hidden size. */
  readonly embeddingSize?: number;
  readonly positions: Positions;
  /** A table of so many buckets by distance, a column for each head, is added to the scores of every layer. */
  readonly relative?: { readonly buckets: number; readonly farthest: number; readonly heads: number };
  /** Token types: read from the batch, always the first one, or no table of them. */
  readonly types: "read" | "first" | "none";
  /** LayerNorms stand after the sum with the skip path, or before each module and once at the end. */
  readonly norm: "after" | "before";
  /** What has no bias. */
  readonly without: readonly Biased[];
  readonly dropouts: Dropouts;
  readonly head: HeadFacts;
}
