/** What bin/mount.varve starts: a program of the name `node` that says how it was called stands in for Node. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const launcher = fileURLToPath(new URL('../../bin/mount.varve', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'varve-launcher-'));
const heard = join(directory, 'heard');
writeFileSync(join(directory, 'node'), `#!/bin/sh\nprintf '%s\\n' "$@" >${heard}\n{ echo 0 >&3; } 2>/dev/null || :\n`);
chmodSync(join(directory, 'node'), 0o755);
afterAll(() => rmSync(directory, { recursive: true }));

it.each([
  ['in the background', [], ['--background']],
  ['in the foreground', ['-f'], []],
])('V8 compiles in one thread of a server %s, and words stay whole', (_, options, added) => {
  const path = `${directory}:${process.env.PATH}`;
  execFileSync(launcher, [...options, 'an image', 'a place'], { env: { ...process.env, PATH: path } });
  const [threads, server, ...rest] = readFileSync(heard, 'utf8').trimEnd().split('\n');
  expect(threads).toBe('--v8-pool-size=1');
  expect(server).toMatch(/mount\.varve\.server$/);
  expect(rest).toEqual([...added, ...options, 'an image', 'a place']);
});
