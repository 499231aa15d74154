/** Worker threads load compiled JavaScript, also when the caller itself runs from TypeScript under a test runner. */

/** Address of the built module `relative` to the module at `base` (an `import.meta.url`). */
export function builtUrl(relative: string, base: string): URL {
  const url = new URL(relative, base);
  return base.endsWith(".ts") ? new URL(url.href.replace(/\/src\/(?!.*\/src\/)/, "/dist/")) : url;
}
