/** The filesystems that age: each in an image file, made and mounted by its own programs. */
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../trial/command.js';
import { program, TrialVolume } from '../trial/volume.js';

interface Kind {
  readonly format: (image: string, bytes: number) => Promise<unknown>;
  readonly mount: (image: string, directory: string) => Promise<unknown>;
  readonly unmount: (directory: string) => Promise<unknown>;
}

/** In the kernel, on a loop device. */
const kernelKind = (mkfs: readonly string[], options: string): Kind => ({
  async format(image, bytes) {
    writeFileSync(image, '');
    truncateSync(image, bytes);
    await run(mkfs[0], [...mkfs.slice(1), image]);
  },
  mount: (image, directory) => run('mount', ['-o', `loop,${options}`, image, directory]),
  unmount: (directory) => run('umount', [directory]),
});

const varveKind = (...options: string[]): Kind => ({
  format: (image, bytes) => program('mkfs.varve', ['-q', '-f', '--size', String(bytes), image]),
  mount: (image, directory) =>
    program('mount.varve', [image, directory, ...(options.length > 0 ? ['-o', options.join(',')] : [])]),
  unmount: (directory) => program('varve', ['umount', directory], { limit: 300 }),
});

/** btrfs has its metadata once, as the others do. */
const btrfs = ['mkfs.btrfs', '-q', '-f', '-m', 'single'];

export const kinds: Readonly<Record<string, Kind>> = {
  varve: varveKind(),
  'varve-autodefrag': varveKind('autodefrag'),
  btrfs: kernelKind(btrfs, 'noatime'),
  'btrfs-autodefrag': kernelKind(btrfs, 'noatime,autodefrag'),
  ext4: kernelKind(['mkfs.ext4', '-q', '-F'], 'noatime'),
};

/** A server makes itself ready when it is mounted: that is over when it has used less than this share of a processor. */
const idleShare = 0.03;
const lookMs = 1000;
const mostLooks = 60;

/** All are mounted, and neither the kernel nor a server remembers anything. */
export async function chill(grounds: readonly Ground[]): Promise<void> {
  for (const ground of grounds) await ground.unmount();
  await run('sync', []);
  writeFileSync('/proc/sys/vm/drop_caches', '3');
  for (const ground of grounds) await ground.mount();
  for (const ground of grounds) await ground.settled();
}

export class Ground {
  readonly directory: string;
  private readonly image: string;
  private readonly kind: Kind;
  private mounted = false;

  /** An image `NAME.img` and a mount point `NAME` in the folder. */
  constructor(folder: string, name: string, kind: string) {
    this.image = join(folder, `${name}.img`);
    this.directory = join(folder, name);
    const found = kinds[kind];
    if (found === undefined) throw new Error(`there is no filesystem '${kind}', only ${Object.keys(kinds).join(', ')}`);
    this.kind = found;
    mkdirSync(this.directory, { recursive: true });
    this.mounted = readFileSync('/proc/self/mounts', 'utf8').includes(` ${this.directory} `);
  }

  async format(bytes: number): Promise<void> {
    await this.unmount();
    await this.kind.format(this.image, bytes);
  }

  async mount(): Promise<void> {
    if (this.mounted) return;
    await this.kind.mount(this.image, this.directory);
    this.mounted = true;
  }

  async unmount(): Promise<void> {
    if (!this.mounted) return;
    await this.kind.unmount(this.directory);
    this.mounted = false;
  }

  /** Its server, if it has one, does nothing any more. */
  async settled(): Promise<void> {
    const volume = new TrialVolume(this.image, this.directory);
    if (volume.server() === undefined) return;
    for (let looks = 0, before = -1; looks < mostLooks; looks++) {
      const { cpuSeconds } = volume.figures();
      if (before >= 0 && cpuSeconds - before < (idleShare * lookMs) / 1000) return;
      before = cpuSeconds;
      await sleep(lookMs);
    }
  }
}
