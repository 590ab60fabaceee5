/**
 * Which files `varve install` puts where. mount(8) and fsck(8) look for helpers in /sbin only, people also below the
 * prefix; everything else goes there alone, where the tools that use it look for it (man(1), bash-completion, zsh, fish).
 */
import { join } from 'node:path';

/** One file of the installation. */
export type Installed =
  | { readonly path: string; readonly link: string }
  | { readonly path: string; readonly text: string; readonly executable?: boolean };

export interface Contents {
  /** The folder of the launchers, from the root. */
  readonly bin: string;
  readonly pages: readonly { readonly file: string; readonly text: string }[];
  readonly completion: Readonly<Record<'bash' | 'zsh' | 'fish', string>>;
  /** Units and timers for systemd, and other examples: file name and text. */
  readonly examples: readonly { readonly file: string; readonly text: string }[];
}

/** What it is called in a directory sbin, and the launcher. */
const helpers = [
  ['mkfs.varve', 'mkfs.varve'],
  ['fsck.varve', 'fsck.varve'],
  ['mount.varve', 'mount.varve'],
  // As the kernel calls the type: for a remount of what no line of fstab names.
  ['mount.fuse.varve', 'mount.varve'],
] as const;

/** `root`: stands before every path, for making a package; empty for this machine. */
export function installationPlan(contents: Contents, root: string, prefix: string): Installed[] {
  const { bin, pages, completion, examples } = contents;
  const share = (...parts: string[]): string => join(root, prefix, 'share', ...parts);
  // fish looks below /usr/local only where XDG_DATA_DIRS says so, which a server's logins do not set.
  const fish = prefix === '/usr' ? share('fish', 'vendor_completions.d') : join(root, '/etc/fish/completions');
  return [
    ...['/sbin', join(prefix, 'sbin')].flatMap((sbin) =>
      helpers.map(([name, launcher]) => ({ path: join(root, sbin, name), link: join(bin, launcher) })),
    ),
    { path: join(root, prefix, 'bin', 'varve'), link: join(bin, 'varve') },
    ...pages.map(({ file, text }) => ({ path: share('man', `man${file.slice(-1)}`, file), text })),
    // bash-completion and fish load a file by the command's name.
    ...['varve', 'mkfs.varve', 'fsck.varve'].flatMap((name) => [
      { path: share('bash-completion', 'completions', name), text: completion.bash },
      { path: join(fish, `${name}.fish`), text: completion.fish },
    ]),
    { path: share('zsh', 'site-functions', '_varve'), text: completion.zsh },
    ...examples.map(({ file, text }) => ({
      path: share('doc', 'varve', 'examples', file),
      text,
      executable: text.startsWith('#!'),
    })),
  ];
}
