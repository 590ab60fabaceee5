/** Supplementary groups of a process, which no FUSE request carries. Costs a file read: for where they decide. */
import { readFileSync } from 'node:fs';

/** Empty for a process that is gone, or that this one can't see (another PID namespace: pid 0). */
export function groupsOfProcess(pid: number): readonly number[] {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return [];
    throw e;
  }
  const list = /^Groups:\s*(.*)$/m.exec(status)?.[1] ?? '';
  return list.split(' ').filter(Boolean).map(Number);
}
