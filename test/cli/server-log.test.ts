/** A server's log where nothing can be written. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ServerLog } from '../../fs/cli/server-log.js';

it('a line that can not be written is lost, and the server goes on', () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-log-'));
  const log = new ServerLog();
  for (const path of ['/dev/full', directory, join(directory, 'none/log')]) {
    log.path = path;
    expect(() => log.write('a page is not what was written')).not.toThrow();
  }
  log.path = join(directory, 'log');
  log.write('one');
  expect(readFileSync(log.path, 'utf8')).toMatch(/^\S+Z \[\d+\] one\n$/);
  rmSync(directory, { recursive: true });
});
