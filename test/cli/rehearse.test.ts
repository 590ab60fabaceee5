import { readdirSync, readlinkSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { rehearse } from '../../fs/cli/rehearse.js';
import { Rehearsal } from '../../fs/fuse/kernel/rehearsal.js';

/** A mount that reports this traffic. */
const mountedWith = (requests: number, ended: boolean) =>
  ({ traffic: () => ({ requests, waiting: 0, idleMs: 10, ended }) }) as unknown as Parameters<typeof rehearse>[0];

const memoryFiles = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('memfd:rehearsal');
    } catch (e) {
      // The descriptor of the listing itself is gone by now.
      if ((e as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw e;
    }
  }).length;

it('plays to its end on a volume in memory, says nothing and leaves nothing open', async () => {
  const said: string[] = [];
  await rehearse(mountedWith(0, false), (line) => said.push(line), [
    { acts: 20, recollections: 10 },
    { acts: 60, recollections: 30 },
  ]);
  expect(said).toEqual([]);
  expect(memoryFiles()).toBe(0);
});

it.each([
  ['was used', 1_000_000, false],
  ['is gone', 0, true],
])('ends at once when the mount %s', async (_, requests, ended) => {
  const said: string[] = [];
  await rehearse(mountedWith(requests, ended), (line) => said.push(line));
  expect(said).toEqual([]);
  expect(memoryFiles()).toBe(0);
});

it('does nothing while a request waits for its answer', async () => {
  let looks = 0;
  const traffic = () => ({ requests: 0, waiting: 1, idleMs: 10, ended: ++looks > 20 });
  const act = vi.spyOn(Rehearsal.prototype, 'act');
  await rehearse({ traffic } as unknown as Parameters<typeof rehearse>[0], () => undefined);
  expect(looks).toBeGreaterThan(20);
  expect(act).not.toHaveBeenCalled();
});
