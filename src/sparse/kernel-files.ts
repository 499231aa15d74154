/** Where a browser finds the compiled kernels: beside this module in the package, and beside the bundle it is part of. */

/** Which of the four compilations: for memory that threads share, and with relaxed SIMD. */
export interface KernelBuild {
  readonly shared: boolean;
  readonly fused: boolean;
}

/** Address of compiled kernels. Every one is written out, because this is the form that bundlers know. */
export function kernelFile({ shared, fused }: KernelBuild): URL {
  if (fused) {
    return shared
      ? new URL("./kernels-fused-shared.wasm", import.meta.url)
      : new URL("./kernels-fused.wasm", import.meta.url);
  }
  return shared
    ? new URL("./kernels-shared.wasm", import.meta.url)
    : new URL("./kernels.wasm", import.meta.url);
}
