/**
 * ext4's quotas by another kernel, where the running one has none (CONFIG_QFMT_V2): user-mode Linux is a Linux that runs as
 * a program (Debian's package user-mode-linux). It sees the host's files, so the oracle itself plays the cases there.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../trial/command.js';
import type { Workspace } from '../trial/workspace.js';

const moduleFolders = '/usr/lib/uml/modules';
const oracle = fileURLToPath(new URL('../quota-oracle.js', import.meta.url));
const guest = fileURLToPath(new URL('./guest.js', import.meta.url));

export interface GuestOutcome {
  readonly text: string;
  /** Whether the oracle ended there with 0. */
  readonly passed: boolean;
}

/** Run the oracle with `args` on `kernel`, the program. */
export async function inUserModeLinux(
  workspace: Workspace,
  kernel: string,
  args: readonly string[],
): Promise<GuestOutcome> {
  const [release] = readdirSync(moduleFolders);
  const output = join(workspace.path, 'guest.txt');
  writeFileSync(output, '');
  await run(
    kernel,
    [
      'mem=2G',
      'root=/dev/root',
      'rootfstype=hostfs',
      'rootflags=/',
      'rw',
      'quiet',
      'console=tty0',
      'con=null',
      'con0=null,fd:1',
      `init=${process.execPath}`,
      '--',
      guest,
      join(moduleFolders, release, 'kernel'),
      output,
      process.execPath,
      oracle,
      ...args,
    ],
    { allow: 'any', limit: 3000, cwd: workspace.path },
  );
  const text = readFileSync(output, 'utf8');
  return { text: text.replace(/exit \S+\n$/, ''), passed: text.endsWith('exit 0\n') };
}
