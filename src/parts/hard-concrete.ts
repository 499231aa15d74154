/**
 * Hard-concrete gates: random numbers in [0, 1] that are exactly 0 or 1 with some probability and can be learned.
 *
 *   Louizos, Welling & Kingma, ICLR 2018, "Learning Sparse Neural Networks through L0 Regularization"
 *   https://arxiv.org/abs/1712.01312
 *
 *   paper          here
 *   log α          logAlpha          what is learned
 *   β              temperature
 *   γ, ζ           LOW, HIGH         the stretch
 *   u              uniform noise     a function of key and position (graph/uniform.ts)
 *   z              sampledGate       Eq. 10, 11; settledGate where nothing is drawn, Eq. 13
 *   P(z ≠ 0)       openChance        Eq. 12
 */

import { add, clip, log, neg, scale, shift, sigmoid, sub } from "../graph/ops/elementwise.ts";
import type { Value } from "../graph/value.ts";

/** γ and ζ: gates are stretched to this interval before they are cut off at 0 and 1 (§4, and everybody after it). */
export const LOW = -0.1;
export const HIGH = 1.1;

/** Numbers of places for gates' noise in a graph begin here, far above those of dropout. */
export const NOISE_SITES = 1 << 20;

/** z = min(1, max(0, s·(ζ − γ) + γ)) with s = σ((log u − log(1 − u) + log α)/β): Eq. 10 and 11. */
export function sampleGate(logAlpha: Value, uniform: Value, temperature: number): Value {
  const logistic = sub(log(uniform), log(shift(neg(uniform), 1)));
  return stretch(sigmoid(scale(add(logistic, logAlpha), 1 / temperature)));
}

/** The gate when nothing is drawn: z = min(1, max(0, σ(log α)·(ζ − γ) + γ)), Eq. 13. */
export function settleGate(logAlpha: Value): Value {
  return stretch(sigmoid(logAlpha));
}

/** Eq. 13 on the host. */
export function gateOf(logAlpha: number): number {
  const s = 1 / (1 + Math.exp(-logAlpha));
  return Math.min(1, Math.max(0, s * (HIGH - LOW) + LOW));
}

function stretch(s: Value): Value {
  return clip(shift(scale(s, HIGH - LOW), LOW), 0, 1);
}

/** P(z ≠ 0) = σ(log α − β·log(−γ/ζ)), Eq. 12: its sum is the expected number of open gates, the penalty. */
export function openChance(logAlpha: Value, temperature: number): Value {
  return sigmoid(shift(logAlpha, openShift(temperature)));
}

/** −β·log(−γ/ζ). */
export function openShift(temperature: number): number {
  return -temperature * Math.log(-LOW / HIGH);
}
