/**
 * What bounds the kernels on a machine, for benchmarks/runtime/kernels.mjs: products and sums on registers alone, as many independent
 * ones as keep all units busy. Twelve for registers of 128 bits; twice as many become twelve of 256 bits where V8 joins them.
 */

import { constant } from "./exponential";
import { madd } from "./madd";

/** `n` times 12 products and sums of four numbers each, from and to 192 bytes at `x`. */
export function roof_12(x: usize, n: i32): void {
  const w = constant(2);
  let r0 = v128.load(x, 0);
  let r1 = v128.load(x, 16);
  let r2 = v128.load(x, 32);
  let r3 = v128.load(x, 48);
  let r4 = v128.load(x, 64);
  let r5 = v128.load(x, 80);
  let r6 = v128.load(x, 96);
  let r7 = v128.load(x, 112);
  let r8 = v128.load(x, 128);
  let r9 = v128.load(x, 144);
  let r10 = v128.load(x, 160);
  let r11 = v128.load(x, 176);
  for (let i = 0; i < n; i++) {
    r0 = madd(r0, w, w);
    r1 = madd(r1, w, w);
    r2 = madd(r2, w, w);
    r3 = madd(r3, w, w);
    r4 = madd(r4, w, w);
    r5 = madd(r5, w, w);
    r6 = madd(r6, w, w);
    r7 = madd(r7, w, w);
    r8 = madd(r8, w, w);
    r9 = madd(r9, w, w);
    r10 = madd(r10, w, w);
    r11 = madd(r11, w, w);
  }
  v128.store(x, r0, 0);
  v128.store(x, r1, 16);
  v128.store(x, r2, 32);
  v128.store(x, r3, 48);
  v128.store(x, r4, 64);
  v128.store(x, r5, 80);
  v128.store(x, r6, 96);
  v128.store(x, r7, 112);
  v128.store(x, r8, 128);
  v128.store(x, r9, 144);
  v128.store(x, r10, 160);
  v128.store(x, r11, 176);
}

/** The same with 24, from and to 384 bytes. */
export function roof_24(x: usize, n: i32): void {
  const w = constant(2);
  let r0 = v128.load(x, 0);
  let r1 = v128.load(x, 16);
  let r2 = v128.load(x, 32);
  let r3 = v128.load(x, 48);
  let r4 = v128.load(x, 64);
  let r5 = v128.load(x, 80);
  let r6 = v128.load(x, 96);
  let r7 = v128.load(x, 112);
  let r8 = v128.load(x, 128);
  let r9 = v128.load(x, 144);
  let r10 = v128.load(x, 160);
  let r11 = v128.load(x, 176);
  let r12 = v128.load(x, 192);
  let r13 = v128.load(x, 208);
  let r14 = v128.load(x, 224);
  let r15 = v128.load(x, 240);
  let r16 = v128.load(x, 256);
  let r17 = v128.load(x, 272);
  let r18 = v128.load(x, 288);
  let r19 = v128.load(x, 304);
  let r20 = v128.load(x, 320);
  let r21 = v128.load(x, 336);
  let r22 = v128.load(x, 352);
  let r23 = v128.load(x, 368);
  for (let i = 0; i < n; i++) {
    r0 = madd(r0, w, w);
    r1 = madd(r1, w, w);
    r2 = madd(r2, w, w);
    r3 = madd(r3, w, w);
    r4 = madd(r4, w, w);
    r5 = madd(r5, w, w);
    r6 = madd(r6, w, w);
    r7 = madd(r7, w, w);
    r8 = madd(r8, w, w);
    r9 = madd(r9, w, w);
    r10 = madd(r10, w, w);
    r11 = madd(r11, w, w);
    r12 = madd(r12, w, w);
    r13 = madd(r13, w, w);
    r14 = madd(r14, w, w);
    r15 = madd(r15, w, w);
    r16 = madd(r16, w, w);
    r17 = madd(r17, w, w);
    r18 = madd(r18, w, w);
    r19 = madd(r19, w, w);
    r20 = madd(r20, w, w);
    r21 = madd(r21, w, w);
    r22 = madd(r22, w, w);
    r23 = madd(r23, w, w);
  }
  v128.store(x, r0, 0);
  v128.store(x, r1, 16);
  v128.store(x, r2, 32);
  v128.store(x, r3, 48);
  v128.store(x, r4, 64);
  v128.store(x, r5, 80);
  v128.store(x, r6, 96);
  v128.store(x, r7, 112);
  v128.store(x, r8, 128);
  v128.store(x, r9, 144);
  v128.store(x, r10, 160);
  v128.store(x, r11, 176);
  v128.store(x, r12, 192);
  v128.store(x, r13, 208);
  v128.store(x, r14, 224);
  v128.store(x, r15, 240);
  v128.store(x, r16, 256);
  v128.store(x, r17, 272);
  v128.store(x, r18, 288);
  v128.store(x, r19, 304);
  v128.store(x, r20, 320);
  v128.store(x, r21, 336);
  v128.store(x, r22, 352);
  v128.store(x, r23, 368);
}
