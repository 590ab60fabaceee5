/** A server's log: where nothing can be written, and where there is much to write. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ServerLog } from '../../fs/cli/server-log.js';

const directory = mkdtempSync(join(tmpdir(), 'varve-log-'));
afterAll(() => rmSync(directory, { recursive: true }));

it('a line that can not be written is lost, and the server goes on', () => {
  const log = new ServerLog();
  for (const path of ['/dev/full', directory]) {
    log.goTo(path);
    expect(() => log.write('a page is not what was written')).not.toThrow();
  }
  const path = join(directory, 'log');
  writeFileSync(path, '');
  log.goTo(path);
  log.write('one');
  expect(readFileSync(path, 'utf8')).toMatch(/^\S+Z \[\d+\] one\n$/);
});

it('it stays small, however much there is to say, and what was said last is there', () => {
  const path = join(directory, 'long');
  writeFileSync(path, '');
  const log = new ServerLog();
  log.goTo(path);
  for (let i = 0; i < 400; i++) log.write(`${i} ${'x'.repeat(50_000)}`);
  expect(statSync(path).size + statSync(`${path}.old`).size).toBeLessThan(10 * 2 ** 20);
  expect(readFileSync(path, 'utf8')).toContain('] 399 x');
});
