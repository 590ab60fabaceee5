import { readdirSync, readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rehearse } from '../../fs/cli/rehearse.js';

/** A mount that reports this traffic. */
const mountedWith = (requests: number, ended: boolean) =>
  ({ traffic: () => ({ requests, idleMs: 10, ended }) }) as unknown as Parameters<typeof rehearse>[0];

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
  await rehearse(mountedWith(0, false), (line) => said.push(line));
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
