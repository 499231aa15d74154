/** The part of WebAssembly's JavaScript interface that kernels use; Node's types leave it to the browser's. */

declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum?: number });
    readonly buffer: ArrayBuffer;
  }
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: { readonly env: { readonly memory: Memory } });
    /** Functions of numbers are all that kernels export; the memory is imported. */
    readonly exports: Readonly<Record<string, (...numbers: number[]) => number>>;
  }
}
