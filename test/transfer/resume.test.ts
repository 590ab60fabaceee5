/** Streams that break off: what came is kept, the rest follows, whatever happens to the receiver in between. */
import { expect, it, vi } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { StreamHeader } from '../../fs/format/stream.js';
import { below, chance, seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { Interrupted, receiveStream } from '../../fs/transfer/receiver.js';
import { tokenText } from '../../fs/transfer/resume-token.js';
import { noise } from '../../stress/system/noise.js';
import { Worker } from '../support/worker.js';
import { KeptVolume, root } from './kept-volume.js';
import { receive, sent, sentOn } from './streams.js';

it('goes on after twenty breaks, some of them crashes of the receiver', async () => {
  const random = seededRandom(11);
  const from = await KeptVolume.make(48, 1, ['lz4']);
  const worker = new Worker(from.fs, random, [1], []);
  for (let i = 0; i < 250; i++) await worker.step();
  await from.volume.snapshots.create('a');
  for (let i = 0; i < 150; i++) await worker.step();
  await from.volume.snapshots.create('b');
  let to = await KeptVolume.make(48, 2);
  let breaks = 0;
  let crashes = 0;
  for (const [name, base] of [
    ['a', undefined],
    ['b', 'a'],
  ] as const) {
    let stream = await sent(from, name, base);
    for (let goal = breaks + 10; breaks < goal; ) {
      const cut = stream.subarray(0, 1000 + below(random, Math.max(1, Math.floor(stream.length / 6))));
      breaks++;
      let token = '';
      if (chance(random, 0.4)) {
        // The power goes while the stream still comes.
        const endless = async function* (): AsyncGenerator<Uint8Array> {
          yield cut;
          await new Promise(() => undefined);
        };
        void receiveForever(to, endless());
        for (let turns = below(random, 40); turns >= 0; turns--) await new Promise((resolve) => setImmediate(resolve));
        await to.volume.commit();
        const contents = to.disk.crash(random);
        await to.volume.abandon();
        to = await KeptVolume.open(new SimulatedDisk(48 * 2 ** 20, { contents }));
        const [part] = to.volume.receptions.partial();
        const from = to.volume.snapshots.find('a')?.identity ?? { uuid: new Uint8Array(16), epoch: 0, id: 0 };
        if (part !== undefined) token = tokenText({ to: part.identity, from, after: part.received });
        crashes++;
      } else {
        const broken = await receive(to, cut, random, { keep: true }).catch((e) => e);
        expect(broken).toBeInstanceOf(Interrupted);
        token = (broken as Interrupted).token;
        if (chance(random, 0.3)) {
          await to.close();
          to = await KeptVolume.open(to.disk);
        }
      }
      expect(to.volume.snapshots.find(name)).toBe(undefined);
      stream = token === '' ? await sent(from, name, base) : await sentOn(from, token);
    }
    await receive(to, stream, random, { keep: true });
    expect(await to.hash(name)).toBe(await from.hash(name));
  }
  expect(crashes).toBeGreaterThan(2);
  expect(to.volume.receptions.partial()).toEqual([]);
  await to.close();
});

async function receiveForever({ volume }: KeptVolume, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await receiveStream(volume, chunks, { keep: true, breathe: () => Promise.resolve() }).catch(() => undefined);
}

it.each([
  { here: ['a'], gone: ['a'] },
  { here: ['a', 'b'], gone: ['b'] },
  { here: ['a', 'b'], gone: ['b', 'a'] },
  { here: ['a', 'b'], gone: ['a', 'b'] },
])(
  'goes on although of $here, on the last of which it builds, $gone were deleted meanwhile',
  async ({ here, gone }) => {
    const from = await KeptVolume.make(32, 1);
    const to = await KeptVolume.make(32, 2);
    const random = seededRandom(5);
    let base: string | undefined;
    for (const name of [...here, 'last']) {
      for (let i = 0; i < 20; i++) await from.file(`${name} ${i}`, Buffer.alloc(20_000, i));
      await from.volume.snapshots.create(name);
      const stream = await sent(from, name, base);
      if (name !== 'last') await receive(to, stream, random, {});
      else {
        const half = stream.subarray(0, stream.length / 2);
        const broken = (await receive(to, half, random, { keep: true }).catch((e) => e)) as Interrupted;
        for (const one of gone) await to.volume.snapshots.remove(one);
        await to.volume.leaving.idle;
        await receive(to, await sentOn(from, broken.token), random, {});
      }
      base = name;
    }
    expect(await to.hash('last')).toBe(await from.hash('last'));
    await to.volume.leaving.idle;
    const left = [...here.filter((name) => !gone.includes(name)), 'last'];
    expect([...to.volume.state.roots.all()].map(({ name }) => name)).toEqual(left);
    await to.close();
  },
);

it('leaves nothing of what was not to be kept, also when the receiver dies; what is kept can be given up', async () => {
  const from = await KeptVolume.make(32, 1);
  for (let i = 0; i < 40; i++) await from.file(`file ${i}`, noise(20_000, i));
  await from.volume.snapshots.create('s');
  const stream = await sent(from, 's');
  let to = await KeptVolume.make(32, 2);
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    yield stream.subarray(0, 400_000);
    await new Promise(() => undefined);
  };
  void receiveStream(to.volume, endless(), { breathe: () => Promise.resolve() }).catch(() => undefined);
  for (let turns = 0; turns < 200; turns++) await new Promise((resolve) => setImmediate(resolve));
  await to.volume.commit();
  const random = seededRandom(1);
  const contents = to.disk.crash(random);
  await to.volume.abandon();
  to = await KeptVolume.open(new SimulatedDisk(32 * 2 ** 20, { contents }));
  await to.volume.leaving.idle;
  expect([...to.volume.state.roots.all()]).toEqual([]);

  await expect(receive(to, stream.subarray(0, 300_000), random, { keep: true })).rejects.toThrow('send -t');
  await expect(receive(to, stream, random)).rejects.toThrow('a part of s is here already');
  await to.volume.receptions.remove(to.volume.receptions.partial()[0].id);
  await to.volume.leaving.idle;
  expect([...to.volume.state.roots.all()]).toEqual([]);
  await receive(to, stream, random);
  expect(await to.hash('s')).toBe(await from.hash('s'));
  await to.close();
});

it('goes on with a part of nothing only where it began: a whole snapshot is no rest of an increment', async () => {
  const random = seededRandom(1);
  const from = await KeptVolume.make(20, 1);
  await from.file('old', 'x');
  await from.volume.snapshots.create('a');
  await from.do((fs) => fs.rename(1, Buffer.from('old'), 1, Buffer.from('new'), 0, root));
  await from.volume.snapshots.create('b');
  const to = await KeptVolume.make(20, 2);
  await receive(to, await sent(from, 'a'), random);
  const increment = await sent(from, 'b', 'a');
  // It breaks off behind the header.
  await expect(receive(to, increment.subarray(0, StreamHeader.size), random, { keep: true })).rejects.toThrow(
    'send -t',
  );
  expect(to.volume.receptions.partial().map(({ received }) => received.inode)).toEqual([0]);
  await expect(receive(to, await sent(from, 'b'), random)).rejects.toThrow('a part of b is here already');
  await receive(to, increment, random);
  expect(await to.hash('b')).toBe(await from.hash('b'));
  await to.close();
});

it('is received once at a time, and not given up meanwhile', async () => {
  const random = seededRandom(1);
  const from = await KeptVolume.make(20, 1);
  await from.volume.snapshots.create('s');
  const stream = await sent(from, 's');
  const to = await KeptVolume.make(20, 2);
  let go = (): void => undefined;
  const waits = async function* (): AsyncGenerator<Uint8Array> {
    yield stream.subarray(0, stream.length - 1);
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    yield stream.subarray(stream.length - 1);
  };
  const first = receiveStream(to.volume, waits(), { keep: true, breathe: () => Promise.resolve() });
  while (to.volume.state.sideLines.size === 0) await new Promise((resolve) => setImmediate(resolve));
  await expect(receive(to, stream, random, { name: 'other' })).rejects.toThrow('is being received already');
  const [side] = to.volume.state.sideLines;
  await to.volume.commit();
  await expect(to.volume.receptions.remove(side.id)).rejects.toThrow('EBUSY');
  for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
  go();
  expect((await first).name).toBe('s');
  expect(await to.hash('s')).toBe(await from.hash('s'));
  await to.close();
});

it.each([
  { what: 'its first checkpoint', nth: 0, keep: false, again: 'whole' },
  { what: 'its first checkpoint, to be kept', nth: 0, keep: true, again: 'whole' },
  { what: 'the one that ends it', nth: 1, keep: false, again: 'whole' },
  { what: 'the one that ends it, to be kept', nth: 1, keep: true, again: 'rest' },
])('a read that fails in $what leaves nothing that is being received', async ({ nth, keep, again }) => {
  const random = seededRandom(5);
  const from = await KeptVolume.make(20, 1);
  const worker = new Worker(from.fs, random, [1], []);
  for (let i = 0; i < 60; i++) await worker.step();
  await from.volume.snapshots.create('a');
  for (let i = 0; i < 20; i++) await worker.step();
  await from.volume.snapshots.create('b');
  const to = await KeptVolume.make(20, 2);
  await receive(to, await sent(from, 'a'), random);
  const stream = await sent(from, 'b', 'a');
  const { checkpoints, receptions } = to.volume;
  const checkpoint = checkpoints.checkpoint.bind(checkpoints);
  let count = 0;
  const failing = vi
    .spyOn(checkpoints, 'checkpoint')
    .mockImplementation(() => (count++ >= nth ? Promise.reject(new FsError('EIO', 'read')) : checkpoint()));
  const cut = stream.subarray(0, stream.length - 1);
  await expect(receive(to, cut, random, { keep })).rejects.toThrow(nth === 0 ? 'EIO' : 'ends');
  failing.mockRestore();
  await to.volume.commit();
  expect(to.volume.state.sideLines.size).toBe(0);
  const [part] = receptions.partial();
  expect(part !== undefined).toBe(again === 'rest');
  const token =
    part === undefined ? '' : tokenText({ to: part.identity, from: receptions.baseOf(part), after: part.received });
  await receive(to, token === '' ? stream : await sentOn(from, token), random, { keep });
  expect(await to.hash('b')).toBe(await from.hash('b'));
  await to.volume.leaving.idle;
  await to.close();
});
