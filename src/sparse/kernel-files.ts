/** Where a browser finds the compiled kernels: beside this module in the package, and beside the bundle it is part of. */

/** Address of the kernels for a memory that threads share, or for one that they do not. Bundlers know this form. */
export function kernelFile(shared: boolean): URL {
  return shared
    ? new URL("./kernels-shared.wasm", import.meta.url)
    : new URL("./kernels.wasm", import.meta.url);
}
