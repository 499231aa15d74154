/** Types of about.mjs, for the test of the page that shows it. */

export function percent(share: number): string;

export function aboutReviews(made: {
  readonly metric: { readonly before: number; readonly after: number; readonly examples: number };
  readonly sparsity: number;
  readonly epochs: number;
  readonly bytes: number;
}): {
  readonly title: string;
  readonly lead: string;
  readonly examples: readonly { readonly title: string; readonly texts: readonly string[] }[];
  readonly facts: readonly { readonly name: string; readonly text: string }[];
};
