import { expect, test } from 'vitest';
import { closingLine } from '../../scripts/closing-line.js';

test('the closing line counts what passed and failed, and names skipped ones only if there are any', () => {
  expect(closingLine({ passed: 12, failed: 0, skipped: [] })).toBe('12 passed, 0 failed');
  const skipped = [{ name: 'a', reason: 'no such device' }];
  expect(closingLine({ passed: 1, failed: 2, skipped })).toBe('1 passed, 2 failed, 1 skipped');
});
