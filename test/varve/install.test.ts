/** `varve install`, below a root of its own: what it puts, leaves, refuses and takes away. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { main } from '../../varve/main.js';
import { runCommand } from '../support/captured-output.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'varve-install-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

type Done = { readonly path: string; readonly outcome: string }[];

async function install(...more: string[]): Promise<{ code: number; done: Done; errors: string }> {
  const { code, output } = await runCommand(main, 'install', '--root', root, '--json', ...more);
  return { code, done: code === 0 ? (output.json as Done) : [], errors: output.errors };
}

const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !lstatSync(join(directory, name)).isDirectory(),
  );

it('puts helpers, pages, completion and examples in place, and keeps them the second time', async () => {
  const { code, done } = await install();
  expect(code).toBe(0);
  expect(new Set(done.map(({ outcome }) => outcome))).toEqual(new Set(['made']));
  for (const name of ['mkfs.varve', 'fsck.varve', 'mount.varve', 'mount.fuse.varve']) {
    for (const sbin of ['sbin', 'usr/local/sbin'])
      expect(basename(realpathSync(join(root, sbin, name)))).toBe(name.replace('.fuse', ''));
  }
  expect(basename(realpathSync(join(root, 'usr/local/bin/varve')))).toBe('varve');
  expect(readFileSync(join(root, 'usr/local/share/man/man8/mount.varve.8'), 'utf8')).toContain('.TH MOUNT.VARVE 8');
  expect(existsSync(join(root, 'usr/local/share/doc/varve/examples/fstab'))).toBe(true);
  expect(lstatSync(join(root, 'usr/local/share/doc/varve/examples/varve-backup')).mode & 0o777).toBe(0o755);
  expect(filesBelow(root)).toHaveLength(done.length);
  const again = await install();
  expect(new Set(again.done.map(({ outcome }) => outcome))).toEqual(new Set(['kept']));
});

it('makes anew what an older version had put', async () => {
  await install();
  const page = join(root, 'usr/local/share/man/man1/varve.1');
  const text = readFileSync(page, 'utf8');
  writeFileSync(page, text.replace('COMMANDS', 'OLD'));
  const { done } = await install();
  expect(done.filter(({ outcome }) => outcome === 'made').map(({ path }) => path)).toEqual([page]);
  expect(readFileSync(page, 'utf8')).toBe(text);
});

it('does nothing at all when a file of another is in the way, unless forced', async () => {
  mkdirSync(join(root, 'sbin'));
  const other = join(root, 'sbin', 'mount.varve');
  writeFileSync(other, '#!/bin/sh\n');
  const { code, errors } = await install();
  expect([code, filesBelow(root)]).toEqual([2, ['sbin/mount.varve']]);
  expect(errors).toContain(`${other} is not of this package`);
  expect((await install('--force')).code).toBe(0);
  expect(lstatSync(other).isSymbolicLink()).toBe(true);
});

it('puts completion where each shell looks by the name of the command', async () => {
  const paths = (prefix: string) =>
    install('--dry-run', '--prefix', prefix).then(({ done }) => done.map(({ path }) => path));
  const local = await paths('/usr/local');
  for (const name of ['varve', 'mkfs.varve', 'fsck.varve']) {
    expect(local).toContain(join(root, `etc/fish/completions/${name}.fish`));
    expect(local).toContain(join(root, `usr/local/share/bash-completion/completions/${name}`));
  }
  expect(await paths('/usr')).toContain(join(root, 'usr/share/fish/vendor_completions.d/fsck.varve.fish'));
});

it('takes away what is its own', async () => {
  await install();
  const page = join(root, 'usr/local/share/man/man1/varve.1');
  writeFileSync(page, 'a page of somebody else\n');
  const { code, done } = await install('--uninstall');
  expect([code, filesBelow(root)]).toEqual([0, ['usr/local/share/man/man1/varve.1']]);
  expect(existsSync(join(root, 'usr/local/share/doc'))).toBe(true);
  expect(existsSync(join(root, 'usr/local/share/doc/varve'))).toBe(false);
  expect(done.find(({ path }) => path === page)?.outcome).toBe('kept');
  expect((await install('--uninstall')).code).toBe(0);
});

it('changes nothing in a dry run, and goes below another prefix', async () => {
  const { done } = await install('--dry-run', '--prefix', '/usr');
  expect(filesBelow(root)).toEqual([]);
  expect(done.map(({ path }) => path)).toContain(join(root, 'usr/bin/varve'));
});
