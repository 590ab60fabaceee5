/** prctl(2): what a process asks of the kernel about itself. Returns -1 where that is refused. */
import { libc } from './libc.js';

export const prctl = libc.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)') as (
  option: number,
  a: number,
  b: number,
  c: number,
  d: number,
) => number;
