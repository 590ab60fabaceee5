/** Which snapshot leaves next, however many are deleted; and what is said of roots that follow themselves. */
import { describe, expect, it } from 'vitest';
import { rootState } from '../../fs/format/item.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, type Random, seededRandom } from '../../fs/store/random.js';
import { type KeptRoot, KeptRoots, putRoot, ringsOf } from '../../fs/volume/kept-roots.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine } from '../../fsck/check.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { formatTestVolume } from '../support/volume-image.js';

type Facts = Pick<KeptRoot, 'id' | 'parent' | 'state'>;
/** The rest of the record matters to nobody here. */
const record = (facts: Facts): KeptRoot => facts as KeptRoot;

/** What may leave next by definition. */
function mayLeave(all: readonly Facts[], newest: number): number[] {
  const leaving = all.filter(({ state }) => state === rootState.leaving);
  if (leaving.length > 0) return leaving.map(({ id }) => id);
  return all
    .filter(({ id, state }) => {
      const followers = all.filter(({ parent }) => parent === id);
      const count = followers.length + (newest === id ? 1 : 0);
      return state === rootState.deleted && count <= 1 && followers.every((one) => one.state < rootState.receiving);
    })
    .map(({ id }) => id);
}

it('what leaves next is what the definition says, whatever changes', () => {
  const random = seededRandom(5);
  const roots = new KeptRoots();
  const model = new Map<number, Facts>();
  let some = 0;
  for (let i = 0; i < 2000; i++) {
    const id = 1 + below(random, 8);
    if (below(random, 4) === 0) {
      roots.delete(id);
      model.delete(id);
    } else {
      const state = below(random, 12) === 0 ? rootState.leaving : [0, 1, 1, 1, 3, 4][below(random, 6)];
      const facts = { id, parent: state === rootState.leaving ? 0 : below(random, 9), state };
      roots.set(record(facts));
      model.set(id, facts);
    }
    const newest = below(random, 9);
    const expected = mayLeave([...model.values()], newest);
    const next = roots.nextToLeave(newest)?.id;
    if (expected.length > 0) some++;
    expect(expected.length === 0 ? next === undefined : expected.includes(next ?? 0)).toBe(true);
    const followers = [...model.values()].filter((one) => one.parent === id && one.state !== rootState.leaving);
    const heir = roots.heir(id);
    expect(heir === undefined ? followers.length === 0 : followers.some((one) => one.id === heir.id)).toBe(true);
  }
  expect(some).toBeGreaterThan(500);
});

/** How often records are looked at until all deleted roots have left; `parentOf`: which root one follows. */
function looks(count: number, parentOf: (id: number, random: Random) => number): number {
  let looked = 0;
  const counted = (facts: Facts): KeptRoot =>
    new Proxy(record(facts), {
      get: (target, field) => {
        looked++;
        return Reflect.get(target, field);
      },
    });
  const random = seededRandom(1);
  const roots = new KeptRoots();
  for (let id = 1; id <= count; id++)
    roots.set(counted({ id, parent: parentOf(id, random), state: rootState.deleted }));
  let left = 0;
  for (let next = roots.nextToLeave(1); next !== undefined; next = roots.nextToLeave(1), left++) {
    const { id, parent } = next;
    const heir = roots.heir(id);
    roots.set(counted({ id, parent: 0, state: rootState.leaving }));
    if (heir !== undefined) roots.set(counted({ id: heir.id, parent, state: heir.state }));
    expect(roots.nextToLeave(1)?.id).toBe(id);
    roots.delete(id);
  }
  expect(left).toBe(count);
  return looked;
}

it.each([
  ['a chain', (id: number) => id - 1],
  ['a chain from its end', (id: number) => id + 1],
  ['a tree', (id: number) => Math.floor(id / 2)],
  ['a star', (id: number) => (id === 1 ? 0 : 1)],
  ['chance', (id: number, random: Random) => below(random, id)],
] as const)('twice as many deleted roots cost twice as much: %s', (_, parentOf) => {
  expect(looks(1000, parentOf)).toBeLessThan(2.2 * looks(500, parentOf));
});

describe('roots that follow themselves', () => {
  it('are found', () => {
    const rings = (...parents: number[]) => [...ringsOf(parents.map((parent, i) => ({ id: i + 1, parent })))].sort();
    expect(rings(0, 1, 2, 2, 9)).toEqual([]);
    expect(rings(1)).toEqual([1]);
    expect(rings(2, 1, 1, 3)).toEqual([1, 2]);
    expect(rings(0, 3, 4, 2, 3, 5, 1)).toEqual([2, 3, 4]);
  });

  it.each([
    ['follow themselves', { parent: 'last' }, 'follows itself'],
    ['leave in a stage that there is not', { state: rootState.leaving, stage: 9 }, 'leaves in stage 9'],
  ] as const)('a volume with snapshots that %s is refused or stops, and repaired', async (_, change, said) => {
    const store = new MemoryStore(16 * 2 ** 20);
    await formatTestVolume(store);
    const volume = await Volume.open(store, { commitSeconds: 0 });
    for (const name of ['one', 'two', 'three']) await volume.snapshots.create(name);
    const [one, two] = volume.snapshots.list();
    const parent = 'parent' in change ? two.id : one.parent;
    volume.state.system.change([putRoot({ ...one, ...change, parent })]);
    volume.state.changed = true;
    await volume.close();
    const { problems } = await examine(store);
    expect(problems.map(({ message }) => message).join()).toContain(said);
    if ('parent' in change) await expect(Volume.open(store)).rejects.toThrow(said);
    else {
      const stopped = await Volume.open(store, { commitSeconds: 0 });
      await expect(stopped.leaving.idle).rejects.toThrow(said);
      expect(stopped.failure).toContain(said);
      await stopped.abandon();
    }
    expect((await repairVolume(store)).left.problems).toEqual([]);
    const again = await Volume.open(store, { commitSeconds: 0 });
    expect(again.snapshots.list().map(({ name }) => name)).toContain('three');
    await again.snapshots.remove('three');
    await again.leaving.idle;
    await again.close();
    expect((await examine(store)).problems).toEqual([]);
  });
});
