/**
 * The threads in which Node does work of its own: compiling what ran often, parts of garbage collection. They take a
 * processor for milliseconds at a time, and Linux lets a thread that is woken wait for them, whatever their nice values: a
 * slice of 1.4 to 2.8 ms is protected, and one that is over ends with the next tick of the clock only, 4 ms (EEVDF, 6.18).
 * The serving thread, or whoever asks it, then waits while another processor idles. One with a shorter slice takes the
 * processor at once (PREEMPT_SHORT): so these threads get the longest slice, and little weight.
 *
 * The shortest slice, 0.1 ms, does worse: deadlines are near then, so that these threads are chosen before others. In the first
 * moments of a mount 3,814 durable appends a second with it, 4,268 with 100 ms; 653 and 753 transactions of sqlite, 9,754 and
 * 10,613 new files (2026, two processors, Node 20, medians of 14 in turn).
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { getPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { libc } from './libc.js';

const syscall = libc.func('long syscall(long number, int thread, const void *attributes, uint flags)') as (
  number: number,
  thread: number,
  attributes: Buffer,
  flags: number,
) => number;

/** sched_setattr(2), which the C library has a name for only since its version 2.41. */
const schedSetattr: Partial<Record<string, number>> = { x64: 314, arm64: 274 };

/** struct sched_attr in its first version, and where in it what is not 0 lies. */
const attributes = { bytes: 48, size: 0, flags: 8, nice: 16, runtime: 24 } as const;
/** Whoever starts a server as a batch job, or one that only uses idle time, has said so of all of it. */
const keepPolicy = 8n;

/**
 * Not more: collecting the old part of the heap waits for helpers among these threads, and where others keep all processors
 * busy one with nice 19 has 1.5 % of them, one with 10 has 10 %. Beside two busy loops making a file then takes 95 and 122 ms at
 * worst with slices of 0.1 ms, 103 and 80 with 100 ms (14 s each, in turn, 2026).
 */
const nice = 10;
/** Nanoseconds, the most that the kernel takes. Kernels before 6.12 ignore it for ordinary threads. */
const slice = 100_000_000n;

/**
 * Let all threads but the calling one give way, those that exist now: to be called before there are any that serve.
 * What the kernel refuses is left as it is. Young objects are collected without them from now on, a millisecond's work: to
 * wait for helpers took up to 127 ms where others kept the processors busy (Node 20, 2026).
 */
export function calmBackgroundThreads(): void {
  setFlagsFromString('--no-parallel-scavenge');
  const number = schedSetattr[process.arch];
  // With /proc of another namespace, the threads found there would be others.
  if (number === undefined || readlinkSync('/proc/self') !== String(process.pid)) return;
  const wanted = Buffer.alloc(attributes.bytes);
  wanted.writeUInt32LE(attributes.bytes, attributes.size);
  wanted.writeBigUInt64LE(keepPolicy, attributes.flags);
  wanted.writeInt32LE(Math.max(nice, getPriority()), attributes.nice);
  wanted.writeBigUInt64LE(slice, attributes.runtime);
  for (const thread of readdirSync('/proc/self/task')) {
    if (Number(thread) !== process.pid) syscall(number, Number(thread), wanted, 0);
  }
}
