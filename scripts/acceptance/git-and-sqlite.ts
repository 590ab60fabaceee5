/** git and sqlite, each with all it does, in one directory at the same time; then the same files after a remount. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, shell } from '../trial/command.js';
import type { TrialVolume } from '../trial/volume.js';
import { expectThat, type Figures } from './figures.js';

const files = 5000;
const rows = 10_000;

const quiet = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
const git = (cwd: string, ...args: string[]) =>
  run('git', ['-c', 'user.name=Varve', '-c', 'user.email=varve@example.org', ...args], {
    cwd,
    env: quiet,
  });

async function makeFiles(directory: string): Promise<void> {
  for (let n = 0; n < files; n++) {
    const folder = join(directory, `d${n % 50}`, `e${n % 7}`);
    if (n < 350) await mkdir(folder, { recursive: true });
    const lines = Array.from({ length: 1 + (n % 40) }, () => randomBytes(20).toString('hex'));
    await writeFile(join(folder, `file-${n}.txt`), `${lines.join('\n')}\n`);
  }
}

async function useGit(directory: string, figures: Figures): Promise<void> {
  await makeFiles(directory);
  await git(directory, 'init', '-q', '-b', 'main');
  await writeFile(join(directory, '.git', 'info', 'exclude'), '*.db*\n');
  figures.seconds(`git add of ${files} files`, (await git(directory, 'add', '-A')).seconds);
  figures.seconds('git commit', (await git(directory, 'commit', '-q', '-m', 'all')).seconds);
  await git(directory, 'checkout', '-q', '-b', 'other');
  await git(directory, 'rm', '-q', '-r', 'd1', 'd2', 'd3');
  await shell('for f in d4/*/*.txt; do echo more >> "$f"; done', { cwd: directory });
  await git(directory, 'commit', '-q', '-a', '-m', 'other');
  figures.seconds('git gc', (await git(directory, 'gc', '-q', '--prune=now')).seconds);
  figures.seconds('git checkout', (await git(directory, 'checkout', '-q', 'main')).seconds);
  await checkGit(directory);
  figures.note('git fsck --full, status', 'clean');
}

async function checkGit(directory: string): Promise<void> {
  await git(directory, 'fsck', '--full', '--strict');
  const { stdout } = await git(directory, 'status', '--porcelain');
  expectThat(stdout === '', `git status is empty, not:\n${stdout}`);
  const { stdout: count } = await shell('git ls-files | wc -l', { cwd: directory });
  expectThat(Number(count) === files, `${files} files are in the index, not ${count}`);
}

async function useSqlite(directory: string, figures: Figures): Promise<void> {
  const database = join(directory, 'rows.db');
  const setup = 'CREATE TABLE t(n INTEGER PRIMARY KEY, s TEXT); CREATE INDEX by_s ON t(s);\n';
  const insert = (n: number): string => `INSERT INTO t VALUES(${n}, hex(randomblob(50)));`;
  const input = setup + Array.from({ length: rows }, (_, n) => insert(n)).join('\n');
  const { seconds } = await run('sqlite3', [database], { input });
  figures.note(`sqlite, ${rows} transactions`, `${seconds.toFixed(2)} s, ${Math.round(rows / seconds)} a second`);
  await checkSqlite(directory);
  figures.note('sqlite integrity_check', 'ok');
}

async function checkSqlite(directory: string): Promise<void> {
  const { stdout } = await run('sqlite3', [
    join(directory, 'rows.db'),
    'PRAGMA integrity_check; SELECT count(*) FROM t;',
  ]);
  expectThat(stdout.trim() === `ok\n${rows}`, `sqlite says ok and ${rows} rows, not ${stdout}`);
}

export async function checkGitAndSqlite(volume: TrialVolume, size: string, figures: Figures): Promise<void> {
  await volume.format(size);
  await volume.mount();
  const directory = join(volume.directory, 'work');
  await mkdir(directory);
  await Promise.all([useGit(directory, figures), useSqlite(directory, figures)]);
  await volume.unmount();
  const checked = await volume.fsck('-f', '-n');
  expectThat(checked.status === 0, `fsck -f -n: exit ${checked.status}\n${checked.stdout}${checked.stderr}`);
  figures.seconds('fsck -f -n, exit 0', checked.seconds);
  await volume.mount();
  await checkGit(directory);
  await checkSqlite(directory);
  figures.note('git and sqlite after a remount', 'clean');
  await volume.unmount();
}
