/** A session's end, when the kernel's side is gone, and with it the descriptor's number; and what it counts. A fifo stands in for /dev/fuse. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Session } from '../../fs/fuse/kernel/session.js';
import { quantile, total } from '../../fs/fuse/latency-buckets.js';
import type { FileSystemApi } from '../../fs/posix/api.js';
import { header, hex } from '../support/wire.js';

const options = {
  source: 'fifo',
  readOnly: false,
  writeThrough: false,
  general: [],
  allowOther: true,
  posixAcl: false,
  log: () => {},
};

/** A session in a folder of its own, which the test removes. */
function overFifo() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-session-'));
  const fifo = path.join(directory, 'fifo');
  const target = path.join(directory, 'target');
  execFileSync('mkfifo', [fifo]);
  fs.mkdirSync(target);
  const fd = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  return { directory, target, fd, session: new Session(target, { fd, device: '0:0' }, options) };
}

it('does not answer a late request through a descriptor that is another file by now', async () => {
  const { directory, fd, session } = overFifo();
  let finish: () => void = () => undefined;
  const asked = new Promise<void>((begun) => {
    const filesystem = {
      fsync: () =>
        new Promise<void>((resolve) => {
          finish = resolve;
          begun();
        }),
    } as unknown as FileSystemApi;
    const served = session.serve({ filesystem: () => filesystem, nearLimit: () => false });
    served.catch(() => undefined);
  });
  fs.writeSync(fd, hex(`${header('14000000', '0100000000000000')} ${'00'.repeat(16)}`));
  await asked;
  session.abort();
  const other = fs.openSync(path.join(directory, 'other'), 'w');
  expect(other).toBe(fd);
  finish();
  await new Promise((resolve) => setImmediate(resolve));
  fs.closeSync(other);
  expect(fs.readFileSync(path.join(directory, 'other')).length).toBe(0);
  fs.rmSync(directory, { recursive: true });
});

it('counts how long it stayed away from its requests, and no sleep', async () => {
  const { directory, session } = overFifo();
  const began = [performance.now(), performance.nodeTiming.idleTime];
  session.ready().catch(() => undefined);
  const served = session.serve({ filesystem: () => undefined, nearLimit: () => false });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = session.away();
  const blocked = performance.now() + 20;
  while (performance.now() < blocked);
  await new Promise((resolve) => setImmediate(resolve));
  const after = session.away();
  const awake = performance.now() - began[0] - (performance.nodeTiming.idleTime - began[1]);
  session.abort();
  await served;
  fs.rmSync(directory, { recursive: true });
  expect(total(after.counts)).toBeGreaterThan(total(before.counts));
  expect(quantile(after.counts, 1)).toBeGreaterThanOrEqual(20);
  expect(after.totalMs).toBeLessThanOrEqual(awake);
});

it.runIf(process.getuid?.() === 0)('leaves alone what others have mounted at its place', async () => {
  const { directory, target, session } = overFifo();
  session.ready().catch(() => undefined);
  const served = session.serve({ filesystem: () => undefined, nearLimit: () => false });
  execFileSync('mount', ['-t', 'tmpfs', 'theirs', target]);
  try {
    fs.writeFileSync(path.join(target, 'file'), '');
    await expect(session.unmount(true)).rejects.toMatchObject({ code: 'EBUSY' });
    session.abort();
    await served;
    await session.unmount(true);
    expect(fs.readdirSync(target)).toEqual(['file']);
  } finally {
    execFileSync('umount', [target]);
    fs.rmSync(directory, { recursive: true });
  }
});

it('lets go of the device when it is given up before it serves', async () => {
  const { directory, fd, session } = overFifo();
  expect(() => session.statistics()).toThrow('not served yet');
  session.abort();
  await expect(session.ready()).rejects.toMatchObject({ code: 'ENOTCONN' });
  expect(() => fs.fstatSync(fd)).toThrow('EBADF');
  await session.unmount(true);
  fs.rmSync(directory, { recursive: true });
});
