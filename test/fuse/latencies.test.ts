/** How long requests took, and who made them: what is counted, and what is made of the counts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Latencies } from '../../fs/fuse/latencies.js';
import { bucketCount, bucketOf, bucketStart, notAbove, quantile, since } from '../../fs/fuse/latency-buckets.js';
import { RecentCallers } from '../../fs/fuse/recent-callers.js';
import { Suspend } from '../../fs/suspend.js';
import { type FixedToy, header, prepared, rootNode, Wire } from '../support/wire.js';

describe('buckets', () => {
  it('hold every time, none wider than a sixteenth of what it holds or 100 ns', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 200_000, noNaN: true }), (ms) => {
        const bucket = bucketOf(ms);
        const [from, to] = [bucketStart(bucket), bucketStart(bucket + 1)];
        const ticks = Math.floor(ms * 10_000) / 10_000;
        expect(from).toBeLessThanOrEqual(ticks + 1e-9);
        expect(ticks).toBeLessThan(to);
        expect(to - from).toBeLessThanOrEqual(Math.max(0.0001, from / 16) * 1.000001);
      }),
    );
  });

  it('follow each other without a gap, and the last takes what is longer', () => {
    for (let bucket = 1; bucket < bucketCount; bucket++) {
      expect(bucketOf(bucketStart(bucket) + 1e-6)).toBe(bucket);
      expect(bucketStart(bucket)).toBeGreaterThan(bucketStart(bucket - 1));
    }
    expect(bucketOf(1e12)).toBe(bucketCount - 1);
  });
});

it('quantiles are those of the sorted times, to a bucket, and never too low', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 1, maxLength: 200 }), (times) => {
      const latencies = new Latencies(3);
      for (const ms of times) latencies.record(1, ms);
      const { counts, totalMs } = latencies.read((kind) => `kind ${kind}`)['kind 1'];
      expect(totalMs).toBeCloseTo(
        times.reduce((a, b) => a + b),
        6,
      );
      const sorted = [...times].sort((a, b) => a - b);
      for (const share of [0.5, 0.99, 1]) {
        const exact = sorted[Math.ceil(sorted.length * share) - 1];
        const told = quantile(counts, share);
        expect(told).toBeGreaterThanOrEqual(exact);
        expect(told).toBeLessThanOrEqual(exact * 1.0626 + 0.00011);
      }
      expect(notAbove(counts, bucketStart(bucketCount))).toBe(times.length);
    }),
  );
});

it('the difference of two readings is what came between, and nothing has no quantile', () => {
  const latencies = new Latencies(1);
  const read = () => latencies.read(() => 'all').all?.counts ?? [];
  expect([read(), quantile(read(), 0.5)]).toEqual([[], 0]);
  for (const ms of [1, 1, 8]) latencies.record(0, ms);
  const before = read();
  for (const ms of [8, 64]) latencies.record(0, ms);
  expect(since(read(), before)).toEqual([bucketOf(8), 1, bucketOf(64), 1]);
  expect(notAbove(read(), 10)).toBe(4);
});

it('a driver counts what it has answered, from before it was read and through its waiting', async () => {
  const { toy } = prepared();
  let come: () => void = () => undefined;
  const missing = new Promise<void>((resolve) => {
    come = resolve;
  });
  let misses = 1;
  const wire: Wire = new Wire(
    Object.assign(Object.create(toy) as FixedToy, {
      lookup: (parent: number, entry: Uint8Array) => {
        if (misses-- > 0) throw new Suspend(missing, 'miss');
        return toy.lookup(parent, entry);
      },
    }),
  );
  wire.clock.ms = 1000;
  wire.request(`${header('01000000', rootNode)} ${Buffer.from('file\0').toString('hex')}`);
  wire.request(`${header('02000000', rootNode)} 0100000000000000`);
  wire.clock.ms = 1003;
  come();
  await new Promise((resolve) => setImmediate(resolve));
  const latencies = wire.dispatch.latencies.read((code) => `operation ${code}`);
  expect(latencies).toEqual({ 'operation 1': { totalMs: 3, counts: [bucketOf(3), 1] } });
  expect(wire.dispatch.callers.counts(10)).toEqual(new Map([[12345, 2]]));
});

it('the last callers are those of the last requests, however many there were', () => {
  const callers = new RecentCallers();
  expect(callers.counts(5)).toEqual(new Map());
  for (let i = 0; i < 10_000; i++) callers.note(i < 9_990 ? 7 : 8);
  expect(callers.counts(12)).toEqual(
    new Map([
      [7, 2],
      [8, 10],
    ]),
  );
  expect(callers.counts(1e9)).toEqual(
    new Map([
      [7, 4086],
      [8, 10],
    ]),
  );
});
