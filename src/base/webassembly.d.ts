/** The part of WebAssembly's JavaScript interface that kernels use; Node's types leave it to the browser's. */

declare namespace WebAssembly {
  /** Whether bytes are a module that this engine can compile. */
  function validate(bytes: Uint8Array): boolean;
  class Memory {
    constructor(descriptor: {
      readonly initial: number;
      readonly maximum?: number;
      readonly shared?: boolean;
    });
    readonly buffer: ArrayBuffer;
    /** Adds pages of 64 KiB; @returns how many there were */
    grow(pages: number): number;
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
