/**
 * Crash states of random runs, 10,000 different ones in all: each recovered, compared with the promise of its mode and
 * checked by fsck. `npm run crash-sweep` goes on from here; what it must have gone through is required of the long run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { journalModes } from '../../fs/volume/journal-mode.js';
import { ImageIdentity } from '../../stress/crash/identity.js';
import { Progress } from '../../stress/crash/progress.js';
import { Sweep } from '../../stress/crash/sweep.js';
import { addTally, missing, required, type Tally } from '../../stress/crash/tally.js';

const states = 10_000;

describe('a sweep of crash states', () => {
  /** Of all modes. */
  const all: Tally = {};
  const different = new Set<number>();

  it.each(journalModes)('finds what journal=%s promises', { timeout: 240_000 }, async (journal) => {
    const wanted = (states / journalModes.length) * (journalModes.indexOf(journal) + 1) - different.size;
    const judged = (identity: number): unknown => different.add(identity);
    const sweep = new Sweep({ journal, seed: 20, beginnings: ['new', 'worn', 'full'], states: wanted, judged });
    const { tally, violation } = await sweep.run();
    expect(violation).toBeUndefined();
    addTally(all, tally);
  });

  it(`judged ${states} different images`, () => expect(different.size).toBeGreaterThanOrEqual(states));

  it.each(['both slots torn', 'recovery interrupted', 'fsck interrupted', 'the log wrapped'])('had %s', (name) => {
    expect(all[name] ?? 0).toBeGreaterThan(0);
  });

  it('names what never happened', () => {
    const tally = Object.fromEntries(required.map((name) => [name, 1]));
    expect(missing(tally)).toEqual([]);
    expect(missing({ ...tally, ENOSPC: 0 })).toEqual(['ENOSPC']);
  });
});

describe('a sweep of crash states of volumes with snapshots', () => {
  it('finds what was made, and nothing of what was deleted', { timeout: 120_000 }, async () => {
    const sweep = new Sweep({ journal: 'ordered', seed: 21, beginnings: ['snapshots'], states: 160 });
    const { tally, violation } = await sweep.run();
    expect(violation).toBeUndefined();
    expect(tally['deletion resumed']).toBeGreaterThan(0);
  });
});

describe('the identity of an image', () => {
  const write = (offset: number, text: string) => {
    const bytes = Buffer.from(text);
    return { offset, length: bytes.length, bytes };
  };

  it('follows from its bytes, not from how they came about', () => {
    const [a, b] = [new SparseBytes(1 << 20), new SparseBytes(1 << 20)];
    a.write(5000, Buffer.from('one'));
    const state = [{ write: write(9000, 'two'), unit: 4096 as const }];
    const changed = a.copy();
    changed.write(9000, Buffer.from('two'));
    b.write(5000, Buffer.from('one'));
    b.write(9000, Buffer.from('two'));
    const [before, after] = [new ImageIdentity(a).of(a, []), new ImageIdentity(a).of(changed, state)];
    expect(after).toBe(new ImageIdentity(b).of(b, []));
    expect(after).not.toBe(before);
  });

  it('takes up what becomes durable', () => {
    const contents = new SparseBytes(1 << 20);
    const identity = new ImageIdentity(contents);
    const empty = identity.of(contents, []);
    identity.touched(write(5000, 'one'));
    contents.write(5000, Buffer.from('one'));
    expect(identity.of(contents, [])).not.toBe(empty);
    expect(identity.of(contents, [])).toBe(new ImageIdentity(contents).of(contents, []));
  });
});

describe('a sweep in several parts', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'varve-sweep-')), 'state');
  afterAll(() => rmSync(dirname(file), { recursive: true }));

  it('does what was under way again, and nothing else twice', () => {
    const first = new Progress(7);
    expect([first.take(), first.take(), first.take()]).toEqual([0, 1, 2]);
    first.finish(1, { states: 2 }, [5, 6]);
    first.save(file, 10);
    const second = Progress.load(file, 7, journalModes);
    expect([second.take(), second.take(), second.take()]).toEqual([0, 2, 3]);
    second.finish(3, { states: 2 }, [6, 8]);
    expect([...second.identities]).toEqual([5, 6, 8]);
    expect(second.tallies.get(second.modeOf(1))).toEqual({ states: 2 });
    expect(second.seconds(1)).toBe(11);
    expect(() => Progress.load(file, 8, journalModes)).toThrow('the seed 7');
  });
});
