/**
 * What every store promises (fs/store/store.ts), tried on each of them: random reads, writes and barriers against
 * one array of bytes.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DelayedStore } from '../../fs/store/delayed.js';
import { DistantStore } from '../../fs/store/distant.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { openStore } from '../../fs/store/open.js';
import { below, chance, seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { Store } from '../../fs/store/store.js';
import { VolatileStore } from '../../fs/store/volatile-file.js';

const size = 4 << 20;
const pageSize = 4096;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-contract-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const image = (name: string): string => path.join(folder, name);
const makers: Record<string, () => Promise<Store>> = {
  'image file': () => openStore(image('file'), { create: { size } }),
  'image file, on threads': () => openStore(image('threads'), { create: { size }, inPlaceBytes: 0 }),
  volatile: () => openStore(image('volatile'), { create: { size }, kind: 'volatile' }),
  delayed: () => openStore(image('delayed'), { create: { size }, kind: 'delayed', delayMs: 1 }),
  distant: () => openStore(image('distant'), { create: { size }, kind: 'distant', delayMs: 1 }),
  memory: async () => new MemoryStore(size),
  'memory, shuffled': async () => new MemoryStore(size, { shuffled: { random: seededRandom(5) } }),
  'simulated disk': async () => new SimulatedDisk(size),
  'simulated disk, slow': async () =>
    new SimulatedDisk(size, { slow: { random: seededRandom(6), inPlace: 0.3, turns: 8 } }),
};

describe.each(Object.keys(makers))('%s', (kind) => {
  it('reads what was written', async () => {
    const random = seededRandom(1);
    const store = await makers[kind]();
    const model = new Uint8Array(size);
    expect(store.size).toBe(size);
    for (let i = 0; i < 300; i++) {
      const page = below(random, size / pageSize - 8);
      const pages = 1 + below(random, 8);
      if (chance(random, 0.5)) {
        const buffers: Uint8Array[] = [];
        for (let j = 0; j < pages; j++) buffers.push(new Uint8Array(pageSize).fill(below(random, 256)));
        await store.write(page * pageSize, buffers);
        model.set(Buffer.concat(buffers), page * pageSize);
      } else if (chance(random, 0.8)) {
        const skip = below(random, 4096);
        const into = new Uint8Array(pages * pageSize - skip).fill(170);
        await store.read(page * pageSize + skip, into);
        const expected = model.subarray(page * pageSize + skip, page * pageSize + skip + into.length);
        expect(Buffer.from(into).equals(expected)).toBe(true);
      } else await store.barrier();
    }
    await store.close();
  });
});

it('what stands on a store that can not be resized can not be either', async () => {
  const fixed = new SimulatedDisk(size);
  const file = new MemoryStore(size);
  for (const around of [DelayedStore, DistantStore]) {
    expect(new around(fixed, 0).resize).toBeUndefined();
    await new around(file, 0).resize?.(2 * size);
    expect(new around(file, 0).size).toBe(2 * size);
    await file.resize(size);
  }
  expect(new VolatileStore(fixed).resize).toBeUndefined();
});

describe('volatile', () => {
  it('loses what no barrier followed', async () => {
    const store = await openStore(image('loses'), { create: { size }, kind: 'volatile' });
    await store.write(0, [new Uint8Array(pageSize).fill(1)]);
    await store.barrier();
    await store.write(0, [new Uint8Array(pageSize).fill(2)]);
    expect(fs.readFileSync(image('loses'))[0]).toBe(1);
    await store.close();
    expect(fs.readFileSync(image('loses'))[0]).toBe(1);
  });
});
