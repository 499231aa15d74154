/** Types of serve.mjs, for the test that serves pages with it. */

export function serve(options: {
  readonly page?: "browser" | "search";
  readonly model: string;
  readonly port?: number;
  readonly isolated?: boolean;
  readonly more?: Readonly<Record<string, string | undefined>>;
}): Promise<{ readonly url: string; close(): Promise<void> }>;
