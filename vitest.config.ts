/**
 * Three projects: `unit` runs in memory; `mount` uses real mounts of this machine, after it, as much of its time goes by in
 * waiting for programs to start and end; `slow` is for runs of minutes, one file at a time. Folders, mounts and processes
 * belong to the test that made them.
 *
 * No test may depend on how quick the machine is: the timeouts only end what hangs.
 */
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './scripts/closing-line.js';

const minute = 60_000;

const files = { pool: 'forks', testTimeout: 2 * minute, hookTimeout: 2 * minute } as const;

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLine()],
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...files,
          name: 'unit',
          setupFiles: ['test/support/example-module.ts'],
          include: ['test/**/*.test.ts'],
          exclude: ['test/mount/**', 'test/**/*.slow.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...files,
          name: 'mount',
          setupFiles: ['test/support/example-module.ts'],
          include: ['test/mount/**/*.test.ts'],
          exclude: ['test/**/*.slow.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...files,
          name: 'slow',
          include: ['test/**/*.slow.test.ts'],
          testTimeout: 60 * minute,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
