/** What the compiled kernels' files are called. */

/** Which of the four compilations: for memory that threads share, and with relaxed SIMD. */
export interface KernelBuild {
  readonly shared: boolean;
  readonly fused: boolean;
}

/** Name of the file with compiled kernels. */
export function kernelFile({ shared, fused }: KernelBuild): string {
  return `kernels${fused ? "-fused" : ""}${shared ? "-shared" : ""}.wasm`;
}
