/**
 * A vitest reporter that ends the run with one plain line, `N passed, N failed`, for whoever reads logs by
 * program. Skipped tests are counted when there are any, and each is named with its reason: a test that is skipped
 * without `context.skip('reason')` fails the run.
 */
import type { Reporter, TestModule } from 'vitest/node';

export interface Tally {
  passed: number;
  failed: number;
  /** Full name of each skipped test, with the reason given for it. */
  readonly skipped: { readonly name: string; readonly reason: string | undefined }[];
}

/** `12 passed, 0 failed`, with `, 3 skipped` only where that is so. */
export function closingLine(tally: Tally): string {
  const skipped = tally.skipped.length > 0 ? `, ${tally.skipped.length} skipped` : '';
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`;
}

/** Count the tests; a file that could not even be loaded counts as one failure. */
function tallyOf(modules: readonly TestModule[]): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: [] };
  for (const file of modules) {
    let failedHere = 0;
    for (const test of file.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') tally.passed += 1;
      else if (result.state === 'skipped') tally.skipped.push({ name: test.fullName, reason: result.note });
      else failedHere += 1;
    }
    tally.failed += failedHere === 0 && file.state() === 'failed' ? 1 : failedHere;
  }
  return tally;
}

export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tally = tallyOf(modules);
    tally.failed += unhandledErrors.length;
    for (const { name, reason } of tally.skipped) {
      if (reason === undefined) {
        tally.failed += 1;
        process.exitCode = 1;
      }
      process.stdout.write(`skipped: ${name}: ${reason ?? 'NO REASON GIVEN, which is a failure'}\n`);
    }
    if (tally.passed + tally.failed === 0) {
      process.stdout.write('no test was executed\n');
      process.exitCode = 1;
    }
    process.stdout.write(`\n${closingLine(tally)}\n`);
  }
}
