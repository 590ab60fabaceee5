/** What a check of a promise has to go by, and what it says. */
import type { Dump } from '../model/dump.js';

export interface Evidence {
  /** What recovery found. */
  readonly found: Dump;
  /** Generation of the checkpoint with which recovery began. */
  readonly generation: number;
  /** Only the process died: what the host was handed is there. */
  readonly processOnly: boolean;
}

/** The promise is kept, with the number of metadata operations since the last durable moment that survived; or what is wrong. */
export type Verdict =
  | { readonly kept: true; readonly effects: number }
  | { readonly kept: false; readonly why: string[] };
