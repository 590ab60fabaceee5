/** Streams that end early, are damaged, or lie: refused, and nothing of them is to be seen. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FsError, VolumeError } from '../../fs/errors.js';
import type { StreamHeader, StreamRecord } from '../../fs/format/stream.js';
import { seededRandom } from '../../fs/store/random.js';
import { RecordReader } from '../../fs/transfer/record-reader.js';
import { RecordWriter } from '../../fs/transfer/record-writer.js';
import { checkVolume } from '../../fsck/check.js';
import { Worker } from '../support/worker.js';
import { bytes, KeptVolume, root } from './kept-volume.js';
import { pieces, receive, sent } from './streams.js';

/** Why it was refused: the kind of problem. */
async function refusal(to: KeptVolume, stream: Uint8Array): Promise<string> {
  try {
    await receive(to, stream, seededRandom(1));
    return 'none';
  } catch (e) {
    if (e instanceof VolumeError) return e.problem;
    if (e instanceof FsError) return e.code;
    throw e;
  }
}

/** Nothing is there, and nothing is left but what the volume had. */
async function mustBeUntouched(to: KeptVolume, live: number): Promise<void> {
  await to.volume.leaving.idle;
  await to.volume.commit();
  expect(to.volume.snapshots.list()).toEqual([]);
  expect([...to.volume.state.roots.all()]).toEqual([]);
  const { table, main, system, mainPages, space } = to.volume.state;
  expect(table.livePages).toBe(mainPages + (main.nodes + system.nodes) * space.perNode);
  expect(mainPages + main.nodes).toBe(live);
}

it('is refused wherever it ends early, and with any byte that is another one', async () => {
  const from = await KeptVolume.make(20, 1);
  await from.file('f', Buffer.alloc(3000, 7));
  const step = 61;
  await from.volume.snapshots.create('s');
  const stream = await sent(from, 's');
  const to = await KeptVolume.make(20, 2);
  const { mainPages, main } = to.volume.state;
  const live = mainPages + main.nodes;
  for (let end = 0; end < stream.length; end += step) expect(await refusal(to, stream.subarray(0, end))).toBe('stream');
  await mustBeUntouched(to, live);
  for (let at = 0; at < stream.length; at += step) {
    const hurt = Uint8Array.from(stream);
    hurt[at] ^= 1 << (at % 8);
    expect(['stream', 'newer-version']).toContain(await refusal(to, hurt));
  }
  expect(await refusal(to, Buffer.concat([stream, Buffer.of(0)]))).toBe('stream');
  await mustBeUntouched(to, live);
  expect(await refusal(to, stream)).toBe('none');
  expect(await refusal(to, stream)).toBe('in-use');
  expect(await to.hash('s')).toBe(await from.hash('s'));
  await to.close();
});

it('is refused where what it builds on is missing or another one, or the name is taken', async () => {
  const from = await KeptVolume.make(20, 1);
  await from.volume.snapshots.create('a');
  await from.file('f', 'f');
  await from.volume.snapshots.create('b');
  const to = await KeptVolume.make(20, 2);
  const increment = await sent(from, 'b', 'a');
  expect(await refusal(to, increment)).toBe('not-found');
  await to.volume.snapshots.create('a');
  await expect(receive(to, increment, seededRandom(1))).rejects.toThrow('the a that is here is another one');
  expect(await refusal(to, await sent(from, 'a'))).toBe('EEXIST');
  await receive(to, await sent(from, 'a'), seededRandom(1), { name: 'a of the other' });
  await receive(to, increment, seededRandom(1));
  expect(await to.hash('b')).toBe(await from.hash('b'));
  // And back: it knows that what came from it is its own.
  const back = await KeptVolume.make(20, 3);
  await receive(back, await sent(from, 'a'), seededRandom(1));
  await receive(back, await sent(to, 'b', 'a of the other'), seededRandom(1));
  expect(await back.hash('b')).toBe(await from.hash('b'));
  await to.close();
});

interface Lie {
  readonly record: number;
  readonly field: number;
  readonly at: number;
  readonly value: number;
}

const lies = fc.array(
  fc.record({
    record: fc.nat(400),
    field: fc.nat(9),
    at: fc.nat(300),
    value: fc.oneof(fc.nat(300), fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 47, 2 ** 53 - 1)),
  }),
  { minLength: 1, maxLength: 4 },
);

/** The same stream with lies in it, and everything that guards against damage made anew. */
function lied(header: StreamHeader, records: readonly (StreamRecord & { body: Uint8Array })[], told: readonly Lie[]) {
  const list = records.map((record) => ({ ...record, body: Uint8Array.from(record.body) }));
  let head = header;
  for (const { record, field, at, value } of told) {
    const i = record % list.length;
    const one = list[i];
    if (field === 0) list[i] = { ...one, inode: value };
    else if (field === 1) list[i] = { ...one, offset: value };
    else if (field === 2) list[i] = { ...one, type: value % 14 };
    else if (field === 3) list[i] = { ...one, kind: value % 40 };
    else if (field === 4) list[i] = { ...one, flags: value % 2 };
    else if (field === 5) list.splice(i, 1);
    else if (field === 6) head = { ...head, nextInode: value, inodes: value };
    else if (field === 7) list[i] = { ...one, body: one.body.subarray(0, at) };
    else if (one.body.length > 0) one.body[at % one.body.length] = value;
    if (list.length === 0) return undefined;
  }
  const writer = new RecordWriter();
  writer.header(head);
  for (const { type, flags, kind, inode, offset, body } of list)
    writer.record(type, flags, { inode, kind, offset }, body);
  writer.end();
  return Buffer.concat(writer.take(true));
}

it('may lie as it likes: it is refused, or what comes of it is a sound map', async () => {
  const from = await KeptVolume.make(32, 1, ['lz4']);
  const worker = new Worker(from.fs, seededRandom(4), [1], []);
  for (let i = 0; i < 60; i++) await worker.step();
  const file = await from.file('units', Buffer.alloc(200_000, 'compressible '));
  await from.do((fs) => fs.setxattr(file, bytes('user.long'), Buffer.alloc(9000, 1), 0, root));
  await from.volume.snapshots.create('s');
  const reader = new RecordReader(pieces(await sent(from, 's'), seededRandom(1)));
  const header = await reader.header();
  const records: (StreamRecord & { body: Uint8Array })[] = [];
  for (let one = await reader.next(); one !== undefined; one = await reader.next()) records.push(one);
  const counts = { refused: 0, taken: 0 };
  const to = await KeptVolume.make(32, 2);
  await fc.assert(
    fc.asyncProperty(lies, async (told) => {
      const stream = lied(header, records, told);
      if (stream === undefined) return;
      const why = await refusal(to, stream);
      if (why !== 'none') {
        expect(['stream', 'ENOSPC', 'unknown-feature', 'EUCLEAN']).toContain(why);
        counts.refused++;
      } else {
        counts.taken++;
        await to.volume.snapshots.remove('s');
      }
      expect(to.volume.failure).toBe(undefined);
    }),
    { numRuns: 80, seed: 7 },
  );
  await to.volume.leaving.idle;
  expect([...to.volume.state.roots.all()]).toEqual([]);
  expect(counts.refused).toBeGreaterThan(10);
  expect(counts.taken).toBeGreaterThan(0);
  await to.fs.close();
  await to.volume.close();
  expect((await checkVolume(to.disk, { data: true })).map(({ message }) => message)).toEqual([]);
});

it('names snapshots as they can be called: what is said of it reaches a terminal', async () => {
  const from = await KeptVolume.make(20, 1);
  await from.volume.snapshots.create('s');
  const reader = new RecordReader(pieces(await sent(from, 's'), seededRandom(1)));
  const header = await reader.header();
  const to = await KeptVolume.make(20, 2);
  for (const lie of [{ name: 'a\x1b[2Jb' }, { fromName: 'a\x9bb' }, { name: '../x' }]) {
    const writer = new RecordWriter();
    writer.header({ ...header, ...lie });
    writer.end();
    const refused = receive(to, Buffer.concat(writer.take(true)), seededRandom(1), {});
    await expect(refused).rejects.toThrow(/^the stream names a snapshot "\P{Cc}*", as none is called$/u);
  }
  await to.close();
});

it('has a root directory, and names of attributes that the filesystem would have taken', async () => {
  const from = await KeptVolume.make(20, 1);
  await from.do((fs) => fs.setxattr(1, bytes('user.name'), bytes('value'), 0, root));
  await from.volume.snapshots.create('s');
  const reader = new RecordReader(pieces(await sent(from, 's'), seededRandom(1)));
  const header = await reader.header();
  const records: (StreamRecord & { body: Uint8Array })[] = [];
  for (let one = await reader.next(); one !== undefined; one = await reader.next()) records.push(one);
  const to = await KeptVolume.make(20, 2);
  const nothing = new RecordWriter();
  nothing.header({ ...header, inodes: 0 });
  nothing.end();
  expect(await refusal(to, Buffer.concat(nothing.take(true)))).toBe('stream');
  const at = records.findIndex(({ body }) => Buffer.from(body).includes('user.name'));
  for (const name of ['user.na\0e', 'else.name', 'trusted.']) {
    const hurt = records.map((record) => ({ ...record, body: Uint8Array.from(record.body) }));
    const body = Buffer.from(hurt[at].body);
    body.write(name.padEnd(9, 'x'), body.indexOf('user.name'));
    hurt[at] = { ...hurt[at], body };
    const stream = lied(header, hurt, []);
    expect(await refusal(to, stream as Uint8Array)).toBe(name === 'trusted.' ? 'none' : 'stream');
  }
  await to.close();
});
