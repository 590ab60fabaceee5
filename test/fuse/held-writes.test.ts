/** Write-back gives way: a large WRITE of the page cache is served when no other request is there to be read. */
import { closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { writeIn } from '../../fs/fuse/kernel/abi.js';
import { BackgroundLimit, maxBackground } from '../../fs/fuse/kernel/background-limit.js';
import type { Exchange } from '../../fs/fuse/kernel/exchange.js';
import { HeldWrites, mostHeld, mostOpen } from '../../fs/fuse/kernel/held-writes.js';
import { Session } from '../../fs/fuse/kernel/session.js';
import { read } from '../../fs/fuse/kernel/system-calls.js';
import { libc } from '../../fs/host/libc.js';
import type { FileSystemApi } from '../../fs/posix/api.js';
import { Suspend } from '../../fs/suspend.js';

const socketpair = libc.func('int socketpair(int domain, int type, int protocol, _Out_ int *ends)') as (
  domain: number,
  type: number,
  protocol: number,
  ends: Int32Array,
) => number;
const [afUnix, packetsNonBlocking] = [1, 5 | 0o4000];

const opcode = { getattr: 3, write: 16 } as const;
const ofPageCache = 1;
const largeBytes = 100_000;

/** A request, its unique number as the inode's. */
function request(code: number, inode: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(40 + body.length);
  const words = new Uint32Array(bytes.buffer, 0, 10);
  words.set([bytes.length, code, inode, 0, inode, 0, 0, 0, 1, 0]);
  bytes.set(body, 40);
  return bytes;
}

/** Without its data: the packet would be too large for a socket, and nobody looks at it. */
function write(inode: number, size: number, flags: number, offset = 0): Uint8Array {
  const body = new Uint8Array(40);
  const words = new Uint32Array(body.buffer);
  words[2] = offset;
  words[4] = size;
  words[5] = flags;
  const bytes = request(opcode.write, inode, body);
  new Uint32Array(bytes.buffer)[0] += size;
  return bytes;
}

const getattr = (inode: number): Uint8Array => request(opcode.getattr, inode, new Uint8Array(16));

it('serves one after a while, whatever else there is to do', () => {
  const held = new HeldWrites(new BackgroundLimit('0:0', mostOpen, '/nowhere'));
  const words = new Map<number, number>([
    [writeIn.size, largeBytes],
    [writeIn.flags, ofPageCache],
  ]);
  const x = { request: { opcode: opcode.write, u32: (at: number) => words.get(at) } } as unknown as Exchange;
  expect(held.pressing(1000)).toBe(false);
  expect([held.keeps(x, 1000), held.keeps(x, 1009)]).toEqual([true, true]);
  expect([held.pressing(1010), held.pressing(1011)]).toEqual([false, true]);
  expect(held.first(1012, 0)).toBe(x);
  held.drop(1012);
  expect([held.pressing(1022), held.pressing(1023)]).toEqual([false, true]);
  const portions = [
    [1020, 960],
    [1020, 975],
    [1023, 1020],
  ].map(([now, lastCaller]) => held.first(now, lastCaller).portion);
  expect(portions, 'nobody, somebody, and too late').toEqual([0, 2 ** 18, 0]);
});

it('tells the kernel to have few of them open, and many again when they have ended', () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-fusectl-'));
  try {
    const file = join(directory, '42', 'max_background');
    mkdirSync(join(directory, '42'));
    writeFileSync(file, '');
    const limit = new BackgroundLimit('0:42', 8, directory);
    limit.relax(100);
    limit.lower(101);
    limit.lower(110);
    limit.relax(125);
    expect(readFileSync(file, 'utf8')).toBe('8\n');
    limit.relax(140);
    expect(readFileSync(file, 'utf8')).toBe(`8\n${maxBackground}\n`);
    limit.close();
    limit.lower(150);
    expect(readFileSync(file, 'utf8')).toBe(`8\n${maxBackground}\n`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('a session', () => {
  let kernel = -1;
  let session: Session;
  let served: string[] = [];

  beforeEach(() => {
    const ends = new Int32Array(2);
    // One packet is one request, as with /dev/fuse.
    expect(socketpair(afUnix, packetsNonBlocking, 0, ends)).toBe(0);
    kernel = ends[0];
    const connection = { fd: ends[1], device: '0:0' };
    const options = { source: 'test', readOnly: false, writeThrough: false, general: [], allowOther: true };
    session = new Session(
      '/nowhere',
      connection,
      { ...options, posixAcl: false, log: () => undefined },
      { heldMs: Infinity },
    );
    session.ready().catch(() => undefined);
    served = [];
  });
  afterEach(async () => {
    session.abort();
    await over;
    closeSync(kernel);
  });

  let over: Promise<unknown> = Promise.resolve();

  /** `meanwhile`: what comes, or goes wrong, during a write there; `taken`: how many bytes of it are written. */
  function serve(
    meanwhile: (offset: number) => unknown = () => undefined,
    taken: (offset: number, length: number) => number = (_, length) => length,
    settled: () => Promise<void> | undefined = () => undefined,
  ): void {
    const filesystem = {
      write(inode: number, offset: number, data: Uint8Array) {
        meanwhile(offset);
        served.push(
          data.length < 2 ** 18 ? `write ${inode}` : `write ${inode} at ${offset >> 10}, ${data.length >> 10} KiB`,
        );
        return taken(offset, data.length);
      },
      getattr(inode: number) {
        served.push(`getattr ${inode}`);
        throw new FsError('EIO', 'test');
      },
      settled,
    } as unknown as FileSystemApi;
    over = session.serve({ filesystem: () => filesystem, nearLimit: () => false });
  }

  it('lets requests pass that came after it, and keeps the order of such writes', async () => {
    for (const bytes of [
      write(1, largeBytes, ofPageCache),
      getattr(2),
      write(3, largeBytes, ofPageCache),
      write(4, 4096, ofPageCache),
      write(5, largeBytes, 0),
      getattr(6),
    ])
      writeSync(kernel, bytes);
    serve();
    await allServed();
    expect(served).toEqual(['getattr 2', 'write 4', 'write 5', 'getattr 6', 'write 1', 'write 3']);
  });

  /** All requests are answered, or wait. */
  async function allServed(): Promise<void> {
    for (let quiet = 0, count = -1; quiet < 20; quiet = served.length === count ? quiet + 1 : 0) {
      count = served.length;
      await new Promise(setImmediate);
    }
  }

  /** Error and bytes written, of the reply to the write of this inode. */
  function replyTo(inode: number): [number, number] | undefined {
    for (const bytes = new Uint8Array(4096); read(kernel, bytes, bytes.length) > 0; ) {
      const words = new Int32Array(bytes.buffer);
      if (words[2] === inode) return [words[1], words[4]];
    }
    return undefined;
  }

  it('serves one in portions while somebody asks for something, with one reply', async () => {
    writeSync(kernel, getattr(1));
    writeSync(kernel, write(2, 2 ** 20 - 4096, ofPageCache));
    let asks = 3;
    serve((offset) => offset > 0 && writeSync(kernel, getattr(asks++)));
    await allServed();
    expect(served).toEqual([
      'getattr 1',
      'write 2 at 0, 256 KiB',
      'write 2 at 256, 256 KiB',
      'getattr 3',
      'write 2 at 512, 256 KiB',
      'getattr 4',
      'write 2',
      'getattr 5',
    ]);
    expect(replyTo(2)).toEqual([0, 2 ** 20 - 4096]);
    expect(session.statistics().bytesWritten).toBe(2 ** 20 - 4096);
  });

  it('serves one whole when it is alone', async () => {
    writeSync(kernel, write(2, 2 ** 20, ofPageCache));
    serve();
    await allServed();
    expect(served).toEqual(['write 2 at 0, 1024 KiB']);
    expect(replyTo(2)).toEqual([0, 2 ** 20]);
  });

  it('does the rest of one at once when a portion had to wait', async () => {
    writeSync(kernel, getattr(1));
    writeSync(kernel, write(2, 2 ** 20, ofPageCache));
    let waits = 1;
    serve((offset) => {
      if (offset === 2 ** 18 && waits-- > 0) throw new Suspend(Promise.resolve(), 'test');
    });
    await allServed();
    expect(served).toEqual(['getattr 1', 'write 2 at 0, 256 KiB', 'write 2 at 256, 768 KiB']);
    expect(replyTo(2)).toEqual([0, 2 ** 20]);
  });

  it('knows of somebody who was answered late', async () => {
    writeSync(kernel, getattr(1));
    let waits = 1;
    let answer: () => void = () => undefined;
    const until = new Promise<void>((resolve) => {
      answer = resolve;
    });
    serve((offset) => {
      if (offset === 0 && waits-- > 0) throw new Suspend(until, 'test');
    });
    await allServed();
    // One that nobody holds: it waits, and is answered when there is no other traffic any more.
    writeSync(kernel, write(2, 4096, 0));
    await new Promise((resolve) => setTimeout(resolve, 70));
    answer();
    await allServed();
    writeSync(kernel, write(3, 2 ** 19, ofPageCache));
    await allServed();
    expect(served).toEqual(['getattr 1', 'write 2', 'write 3 at 0, 256 KiB', 'write 3 at 256, 256 KiB']);
  });

  it('takes none of those it holds for somebody, whenever they are answered', async () => {
    serve(undefined, undefined, () => Promise.resolve());
    for (const inode of [1, 2, 3]) {
      writeSync(kernel, write(inode, 2 ** 20, ofPageCache));
      await allServed();
    }
    expect(served).toEqual([1, 2, 3].map((inode) => `write ${inode} at 0, 1024 KiB`));
  });

  it('writes the rest when the filesystem took only a part of a portion', async () => {
    writeSync(kernel, getattr(1));
    writeSync(kernel, write(2, 2 ** 20, ofPageCache));
    serve(undefined, (offset, length) => (offset === 2 ** 18 ? 2 ** 17 : length));
    await allServed();
    expect(served).toEqual([
      'getattr 1',
      'write 2 at 0, 256 KiB',
      'write 2 at 256, 256 KiB',
      'write 2 at 384, 640 KiB',
    ]);
    expect(replyTo(2)).toEqual([0, 2 ** 20]);
  });

  it('ends portions where units end', async () => {
    writeSync(kernel, getattr(1));
    writeSync(kernel, write(2, 2 ** 19, ofPageCache, 4096));
    serve();
    await allServed();
    expect(served.slice(1)).toEqual(['write 2', 'write 2 at 256, 256 KiB', 'write 2']);
    expect(replyTo(2)).toEqual([0, 2 ** 19]);
  });

  it('forgets one that is half done when the mount goes', async () => {
    writeSync(kernel, getattr(1));
    writeSync(kernel, write(2, 2 ** 20, ofPageCache));
    serve(() => {
      // Longer than a turn, so that the rest is for another one.
      for (const until = performance.now() + 3; performance.now() < until; );
      queueMicrotask(() => session.abort());
    });
    await over;
    expect(served).toEqual(['getattr 1', 'write 2 at 0, 256 KiB']);
  });

  it('lets an fsync go on that waits for those at the door, while write-back is held and when requests never end', async () => {
    let more = true;
    let writes = 0;
    serve(() => {
      if (more) writeSync(kernel, write(++writes + 1, 2 ** 18, ofPageCache));
    });
    writeSync(kernel, write(1, 2 ** 18, ofPageCache));
    await new Promise(setImmediate);
    await session.gather();
    more = false;
    await allServed();
    expect(writes).toBeGreaterThan(0);
  });

  it('says what went wrong with a portion, and goes on with the next one', async () => {
    writeSync(kernel, getattr(1));
    writeSync(kernel, write(2, 2 ** 20, ofPageCache));
    writeSync(kernel, write(3, largeBytes, ofPageCache));
    serve((offset) => {
      if (offset === 2 ** 18) throw new FsError('ENOSPC', 'test');
    });
    await allServed();
    expect(served).toEqual(['getattr 1', 'write 2 at 0, 256 KiB', 'write 3']);
    expect(replyTo(2)?.[0]).toBe(-28);
  });

  it('holds no more than it may', async () => {
    for (let i = 1; i <= mostHeld + 2; i++) writeSync(kernel, write(i, 65536, ofPageCache));
    writeSync(kernel, getattr(99));
    serve();
    await allServed();
    expect(served).toEqual([
      ...[1, 2, 3].map((i) => `write ${i}`),
      'getattr 99',
      ...Array.from({ length: mostHeld - 1 }, (_, i) => `write ${i + 4}`),
    ]);
  });
});
