import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { SparseBytes } from '../../fs/store/sparse-bytes.js';

const size = 1 << 20;
const page = (byte: number): Uint8Array => new Uint8Array(4096).fill(byte);
const at = (contents: SparseBytes, offset: number, length = 4096): Uint8Array => {
  const into = new Uint8Array(length);
  contents.read(offset, into);
  return into;
};

describe('a power cut', () => {
  it('keeps what a barrier covered and treats each later sector as kept or lost', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const disk = new SimulatedDisk(size);
      disk.write(0, [page(1), page(2)]);
      disk.barrier();
      disk.write(4096, [page(3)]);
      disk.write(8192, [page(4)]);
      const found = disk.crash(seededRandom(seed));
      expect(at(found, 0)).toEqual(page(1));
      const after = [at(found, 4096), at(found, 8192)];
      for (let s = 0; s < 8; s++) {
        expect([2, 3]).toContain(after[0][s * 512]);
        expect([0, 4]).toContain(after[1][s * 512]);
      }
      seen.add(after.map((p) => (p.every((b) => b === p[0]) ? `${p[0]}` : 'torn')).join());
    }
    // Neither, one, the other, both, and torn ones.
    for (const state of ['2,0', '3,0', '2,4', '3,4']) expect(seen).toContain(state);
    expect([...seen].some((state) => state.includes('torn'))).toBe(true);
  });

  it('may take away a write whose barrier was not answered, and fails every call afterwards', async () => {
    const outcomes = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      const disk = new SimulatedDisk(size, { slow: { random: seededRandom(seed), inPlace: 0, turns: 3 } });
      const write = disk.write(0, [page(1)]);
      const barrier = disk.barrier();
      const found = disk.crash(seededRandom(seed));
      await expect(write).rejects.toThrow(/power/);
      await expect(barrier).rejects.toThrow(/power/);
      expect(() => disk.read(0, page(0))).toThrow(/EIO/);
      outcomes.add(at(found, 0)[0]);
    }
    expect(outcomes).toEqual(new Set([0, 1]));
  });

  it('is the same for the same seed', () => {
    const state = (): Uint8Array => {
      const disk = new SimulatedDisk(size);
      for (let i = 0; i < 50; i++) disk.write(i * 4096, [page(i)]);
      return at(disk.crash(seededRandom(9)), 0, 50 * 4096);
    };
    expect(state()).toEqual(state());
  });
});

describe('faults', () => {
  it('fail the planned call, once or for good', () => {
    const disk = new SimulatedDisk(size);
    disk.faults.plan('write', 2, { what: 'error', code: 'ENOSPC' });
    disk.faults.plan('barrier', 1, { what: 'error', code: 'EIO', forever: true });
    disk.write(0, [page(1)]);
    expect(() => disk.write(0, [page(2)])).toThrow(/ENOSPC/);
    disk.write(0, [page(3)]);
    expect(() => disk.barrier()).toThrow(/EIO/);
    expect(() => disk.barrier()).toThrow(/EIO/);
    expect(disk.faults.counts).toEqual({ read: 0, write: 3, barrier: 2, any: 5 });
  });

  it('lose and misdirect writes, and rot', () => {
    const disk = new SimulatedDisk(size);
    disk.faults.plan('write', 1, { what: 'lost' });
    disk.faults.plan('write', 2, { what: 'misdirected', by: 4096 });
    disk.write(0, [page(1)]);
    disk.write(8192, [page(2)]);
    disk.flipBit(12288, 3);
    const found = disk.contents();
    expect(at(found, 0)).toEqual(page(0));
    expect(at(found, 8192)).toEqual(page(0));
    expect(at(found, 12288)[0]).toBe(2 ^ 8);
  });

  it('let the medium rot from a call on', () => {
    const disk = new SimulatedDisk(size);
    disk.write(0, [page(1)]);
    disk.barrier();
    disk.faults.plan('read', 2, { what: 'rot', offset: 10, bit: 4 });
    const into = new Uint8Array(4096);
    disk.read(0, into);
    expect(into).toEqual(page(1));
    disk.read(0, into);
    expect([into[9], into[10], into[11]]).toEqual([1, 17, 1]);
    expect(at(disk.crash(seededRandom(1)), 0)[10]).toBe(17);
  });

  it('delay one answer, and what was asked for later comes first', async () => {
    const disk = new SimulatedDisk(size);
    disk.faults.plan('write', 1, { what: 'slow', turns: 5 });
    const first = disk.write(0, [page(1)]);
    expect(disk.write(0, [page(2)])).toBeUndefined();
    const order: string[] = [];
    const barrier = disk.barrier();
    await Promise.all([first?.then(() => order.push('write')), barrier?.then(() => order.push('barrier'))]);
    expect(order).toEqual(['write', 'barrier']);
    expect(at(disk.contents(), 0)).toEqual(page(1));
  });

  it('cut the power at a call', () => {
    const disk = new SimulatedDisk(size);
    disk.faults.plan('any', 3, { what: 'power' });
    disk.write(0, [page(1)]);
    disk.barrier();
    expect(() => disk.write(0, [page(2)])).toThrow(/power/);
    expect(disk.powered).toBe(false);
    expect(at(disk.crash(seededRandom(1)), 0)).toEqual(page(1));
  });

  it('refuse a write over guarded bytes and remember it', () => {
    const disk = new SimulatedDisk(size);
    disk.guard = (offset) => (offset === 4096 ? 'reached by checkpoint 7' : undefined);
    disk.write(0, [page(1)]);
    expect(() => disk.write(4096, [page(1)])).toThrow(/checkpoint 7/);
    expect(disk.refusals).toHaveLength(1);
  });
});

describe('sparse bytes', () => {
  it('are an array of bytes', () => {
    const range = fc.tuple(fc.nat(300_000), fc.nat(200_000));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('write', 'zero'), range), { maxLength: 8 }), (steps) => {
        const model = new Uint8Array(512 << 10);
        const bytes = new SparseBytes(model.length);
        steps.forEach(([what, [offset, wanted]], i) => {
          const length = Math.min(wanted, model.length - offset);
          if (what === 'write') bytes.write(offset, new Uint8Array(length).fill(i + 1));
          else bytes.zero(offset, length);
          model.fill(what === 'write' ? i + 1 : 0, offset, offset + length);
        });
        return Buffer.from(at(bytes, 0, model.length)).equals(model);
      }),
      { numRuns: 60 },
    );
  });
});
