/** Usage is what fsck counts, after crashes and closes, and within the limits. A longer run: npm run quota-soak. */
import { expect, test } from 'vitest';
import { quotaSoak } from '../../stress/quota/soak.js';

test('random operations with limits and crashes: no difference', async () => {
  const report = await quotaSoak({ seed: 5, operations: 1200 });
  expect(report.wrong).toEqual([]);
  expect(report.crashes).toBeGreaterThan(0);
  expect(report.refused).toBeGreaterThan(0);
});
