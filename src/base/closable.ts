/** What owns memory or threads until it is closed, by hand or by `await using`. Browser-safe. */

/// <reference lib="esnext.disposable" preserve="true" />

/** To be closed. */
export interface Closable {
  /** Ends what waits, and gives everything back. */
  close(): Promise<void>;
  /** The same at the end of a block of `await using`; missing where the platform has no `Symbol.asyncDispose`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Under both names. */
export function closable(close: () => Promise<void>): Closable {
  const name: symbol | undefined = Symbol.asyncDispose;
  // Nothing can call it where there is no name for it, which the types do not know.
  return (name === undefined ? { close } : { close, [name]: close }) as Closable;
}
