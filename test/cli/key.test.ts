/** `varve key` on an image: slots come and go, and what they opened stays the same volume. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { main as varve } from '../../fs/cli/main.js';
import { parseUuid } from '../../fs/cli/uuid.js';
import { forget, keyOf } from '../../fs/transform/keyring.js';
import { main as mkfs } from '../../mkfs/main.js';
import { CapturedOutput } from '../support/captured-output.js';

const folder = mkdtempSync(join(tmpdir(), 'varve-key-'));
afterAll(() => rmSync(folder, { recursive: true }));
const image = join(folder, 'disk.img');
const uuid = '01234567-89ab-cdef-0123-456789abcdef';
const file = (name: string): string => join(folder, name);
const keys = ['a', 'b', 'c'].map(file);

async function run(...args: string[]): Promise<{ code: number; text: string }> {
  // As another process, which knows no key.
  forget(parseUuid(uuid));
  const output = new CapturedOutput();
  const code = await varve(args, output);
  return { code, text: output.text };
}

test('slots are added, changed and removed, and a key that is not in one opens nothing', async () => {
  for (const [i, path] of keys.entries()) writeFileSync(path, new Uint8Array(32).fill(i + 1));
  const [a, b, c] = keys;
  expect(
    await mkfs(['-q', '--size', '16M', '-U', uuid, '--encrypt', '--key-file', a, image], new CapturedOutput()),
  ).toBe(0);
  const opens = async (path: string): Promise<boolean> => {
    const { code } = await run('info', image, '--key-file', path);
    expect(code === 0 ? keyOf(parseUuid(uuid)) !== undefined : code).toBe(code === 0 ? true : 2);
    return code === 0;
  };
  expect([await opens(a), await opens(b), await opens(c)]).toEqual([true, false, false]);
  expect((await run('key', 'add', image, '--key-file', a, '--new-key-file', b, '--name', 'second')).code).toBe(0);
  expect([await opens(a), await opens(b), await opens(c)]).toEqual([true, true, false]);
  expect((await run('key', 'change', image, '--key-file', b, '--new-key-file', c)).code).toBe(0);
  expect([await opens(a), await opens(b), await opens(c)]).toEqual([true, false, true]);
  expect((await run('key', 'list', image)).text).toMatch(
    /slot 0: key file, since .*\nslot 1: key file, "second", since /,
  );
  expect(await run('key', 'remove', image, '0', '--key-file', b)).toMatchObject({ code: 2 });
  expect((await run('key', 'remove', image, '0', '--key-file', c)).code).toBe(0);
  expect(await run('key', 'remove', image, '1', '--key-file', c)).toMatchObject({ code: 2 });
  expect([await opens(a), await opens(b), await opens(c)]).toEqual([false, false, true]);
});

test('a process with a key has no debugger to be told from outside', () => {
  const program = [
    `import { hideMemory } from '${new URL('../../dist/fs/cli/unlock.js', import.meta.url)}';`,
    'hideMemory();',
    "process.kill(process.pid, 'SIGUSR1');",
    'await new Promise((resolve) => setTimeout(resolve, 300));',
    "process.stdout.write(String((await import('node:inspector')).url()));",
  ].join('\n');
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })).toBe(
    'undefined',
  );
});

test('who gives a key, by a credential too, does not get a volume that is not encrypted', async () => {
  const plain = file('plain.img');
  expect(await mkfs(['--size', '32M', '-q', plain], new CapturedOutput())).toBe(0);
  expect((await run('info', plain)).code).toBe(0);
  writeFileSync(file('varve.passphrase'), 'secret');
  process.env.CREDENTIALS_DIRECTORY = folder;
  try {
    const output = new CapturedOutput();
    expect(await varve(['info', plain], output)).toBe(2);
    expect(output.errors).toMatch(/is not encrypted/);
  } finally {
    delete process.env.CREDENTIALS_DIRECTORY;
  }
});
