/** Commands that may last say how far they are, with shares that only grow and end at all of it. */
import fs, { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { ProgressReport } from '../../fs/cli/progress.js';
import { main as mkfs } from '../../mkfs/main.js';
import { main as varve } from '../../varve/main.js';
import { runCommand } from '../support/captured-output.js';

let folder = '';
let image = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-progress-'));
  image = join(folder, 'image');
  mkdirSync(join(folder, 'tree/below'), { recursive: true });
  for (let i = 0; i < 20; i++) writeFileSync(join(folder, `tree/below/${i}`), Buffer.alloc(50_000, i + 1));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The last of what a command told, after a look at all of it. */
async function last(main: typeof varve, ...args: string[]): Promise<ProgressReport> {
  const { code, output } = await runCommand(main, ...args, '--progress', 'json');
  expect([args[0], code, output.errors]).toEqual([args[0], 0, expect.stringMatching(/^\{/)]);
  const told = output.errors.split('\n').map((line) => JSON.parse(line) as ProgressReport);
  for (const [at, { share }] of told.entries()) expect(share).toBeGreaterThanOrEqual(told[at - 1]?.share ?? 0);
  return told.at(-1) as ProgressReport;
}

it('mkfs, import, prune, export', async () => {
  expect(await last(mkfs, '--size', '16M', image)).toMatchObject({ what: 'mkfs', share: 1, bytes: 16 << 20 });
  const read = { share: expect.closeTo(1, 1), bytes: 20 * 50_000 };
  expect(await last(varve, 'import', join(folder, 'tree'), image)).toMatchObject({ what: 'import', ...read });
  for (const name of ['a', 'b', 'c']) await runCommand(varve, 'snapshot', 'create', image, name);
  const pruned = await last(varve, 'snapshot', 'prune', '--keep-last', '1', image);
  expect(pruned).toMatchObject({ what: 'prune', stage: 'deleted', share: 1 });
  expect(await last(varve, 'export', image, join(folder, 'out'))).toMatchObject({ what: 'export', ...read });
});

it('import says where it stands while it looks how much it is', async () => {
  const target = join(folder, 'other-image');
  await runCommand(mkfs, '-q', '--size', '16M', target);
  const real = fs.readdirSync;
  const asking = vi.spyOn(fs, 'readdirSync').mockImplementation(((...args: Parameters<typeof real>) => {
    if (String(args[0]).endsWith('below')) process.emit('SIGUSR1');
    return real(...args);
  }) as typeof real);
  const { output } = await runCommand(varve, 'import', join(folder, 'tree'), target);
  asking.mockRestore();
  const [looking, copying] = output.errors.split('\n');
  expect(looking).toMatch(/^import: looking how much it is: 1 entry, 0 %/);
  expect(copying).toMatch(/^import: looking how much it is: 21 entries, 0 %/);
});

it('stress, with a profile and at random', async () => {
  const mail = await last(
    varve,
    'stress',
    '--profile',
    'mail',
    '--files',
    '20',
    '--operations',
    '200',
    '--size',
    '64M',
  );
  expect(mail).toMatchObject({ what: 'stress', stage: 'mail', share: 1 });
  expect(mail.bytes).toBeGreaterThan(0);
  expect(await last(varve, 'stress', '--operations', '100')).toMatchObject({ stage: '100 operations', share: 1 });
});
