/** What a script makes of a wrong command line. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const program = new URL('../../dist/scripts/crash-sweep.js', import.meta.url).pathname;
const sweep = (...options: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [program, ...options], { encoding: 'utf8' });

test('a mistake in the options of a script is one line and exit code 2', () => {
  expect(sweep('--stats', '3')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^crash-sweep: .*--stats.*\n$/),
  });
  expect(sweep('--states', 'many')).toMatchObject({
    status: 2,
    stderr: "crash-sweep: --states wants a number, not 'many' (--help lists the options)\n",
  });
});

test('--help lists the options with their defaults', () => {
  const { status, stdout } = sweep('--help');
  expect(status).toBe(0);
  expect(stdout).toContain('  --states STATES (1000000)\n');
});
