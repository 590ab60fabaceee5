/** What every operation is, who does it, and how its results are compared and told. */
import { textOf } from '../model/state.js';
import type { Choose } from './choose.js';
import type { Harness } from './harness.js';

/** Its parameters are drawn from a seed and the state of the model. */
export type Operation = (h: Harness, choose: Choose) => Promise<unknown>;

export const root = { uid: 0, gid: 0, pid: 1 };
export const somebody = { uid: 1000, gid: 100, pid: 2 };

/** For results that need no comparison. */
export const nothing = (): string[] => [];

export const sameNumber = (expected: number, found: number): string[] =>
  expected === found ? [] : [`expected ${expected}, found ${found}`];

/** A name, for the trail. */
export const show = (name: Uint8Array | string): string => {
  const text = typeof name === 'string' ? name : textOf(name);
  return JSON.stringify(text.length > 24 ? `${text.slice(0, 20)}... (${text.length})` : text);
};
