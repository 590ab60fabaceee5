/** Which processes made the last requests: the kernel names threads, /proc knows whose they are and what they run. */
import { readFileSync } from 'node:fs';
import type { Activity } from './activity.js';
import type { CallerSample } from './activity-sample.js';

const kernel = { pid: 0, name: 'kernel' };

/** The process of a thread; one that has ended keeps its number, as does one of others where /proc hides these. */
export function processOf(
  thread: number,
  read: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): { readonly pid: number; readonly name: string } {
  if (thread === 0) return kernel;
  try {
    const [, pid = String(thread)] = /^Tgid:\s+(\d+)/m.exec(read(`/proc/${thread}/status`)) ?? [];
    return { pid: Number(pid), name: read(`/proc/${pid}/comm`).trimEnd() };
  } catch (e) {
    const { code = '' } = e as NodeJS.ErrnoException;
    // ESRCH: it ended while its file was open. The others: /proc is mounted with hidepid=.
    if (['ENOENT', 'ESRCH'].includes(code)) return { pid: thread, name: '(ended)' };
    if (['EACCES', 'EPERM'].includes(code)) return { pid: thread, name: '(hidden)' };
    throw e;
  }
}

/** Whose requests those were, the busiest first; processes that have ended are one. */
export function callersBy(callers: Activity['callers']): CallerSample[] {
  const all = callers.reduce((sum, [, count]) => sum + count, 0);
  const found = new Map<string, { pid: number; name: string; count: number }>();
  for (const [thread, count] of callers) {
    const { pid, name } = processOf(thread);
    const key = name === '(ended)' ? name : String(pid);
    const known = found.get(key);
    if (known === undefined) found.set(key, { pid, name, count });
    else known.count += count;
  }
  return [...found.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ pid, name, count }) => ({ pid, name, share: count / all }));
}
