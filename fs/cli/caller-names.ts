/** Which processes made the last requests: the kernel names threads, /proc knows whose they are and what they run. */
import { readFileSync } from 'node:fs';
import type { Activity } from './activity.js';
import type { CallerSample } from './activity-sample.js';

const kernel = { pid: 0, name: 'kernel' };

/** The process of a thread; one that has ended keeps its number. */
export function processOf(thread: number): { readonly pid: number; readonly name: string } {
  if (thread === 0) return kernel;
  try {
    const [, pid = String(thread)] = /^Tgid:\s+(\d+)/m.exec(readFileSync(`/proc/${thread}/status`, 'utf8')) ?? [];
    return { pid: Number(pid), name: readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd() };
  } catch (e) {
    // ESRCH: it ended while its file was open.
    if (!['ENOENT', 'ESRCH'].includes((e as NodeJS.ErrnoException).code ?? '')) throw e;
    return { pid: thread, name: '(ended)' };
  }
}

/** Whose requests those were, the busiest first; processes that have ended are one. */
export function callersBy(callers: Activity['callers'], find = processOf): CallerSample[] {
  const all = callers.reduce((sum, [, count]) => sum + count, 0);
  const found = new Map<string, { pid: number; name: string; count: number }>();
  for (const [thread, count] of callers) {
    const { pid, name } = find(thread);
    const key = name === '(ended)' ? name : String(pid);
    const known = found.get(key);
    if (known === undefined) found.set(key, { pid, name, count });
    else known.count += count;
  }
  return [...found.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ pid, name, count }) => ({ pid, name, share: count / all }));
}
