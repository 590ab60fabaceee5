/**
 * How much memory a server takes when everything is asked of it that fills caches: all names and attributes of a volume
 * with many files, a large file written and read, many new files, a snapshot. With default settings, and with less.
 */
import { mkdirSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Outcome, run } from '../../scripts/trial/command.js';
import type { TrialVolume } from '../../scripts/trial/volume.js';
import type { Figures } from './figures.js';

const mostMiB = 512;
const settings = [[], ['cache=64M']];

/** `text` finds the path as $0. */
const shell = (text: string, path: string): Promise<Outcome> =>
  run('bash', ['-euo', 'pipefail', '-c', text, path], { limit: 3600 });

export async function memory(figures: Figures, image: string, count: number, volume: TrialVolume): Promise<void> {
  const peaks: number[] = [];
  for (const options of settings) {
    symlinkSync(image, volume.image);
    await volume.mount(options);
    const { directory } = volume;
    const of = options[0] ?? 'default cache';
    const walk = await shell('find "$0" -size +0 | wc -l', directory);
    figures.note(of, `names and attributes of ${count} files`, count / walk.seconds, 'per s');
    figures.note(of, 'memory after that', volume.figures().peakMiB, 'MiB', mostMiB);
    const work = join(directory, 'memory');
    await shell(
      'mkdir "$0"; dd if=/dev/urandom of="$0/large" bs=1M count=512 status=none; cat "$0/large" > "$0/copy"; ' +
        'mkdir "$0/small"; cd "$0/small"; seq 20000 | xargs -n 500 touch; cd /; sync; cat "$0/copy" > /dev/null',
      work,
    );
    mkdirSync(join(directory, '.snapshots', 'memory'));
    rmSync(work, { recursive: true });
    rmdirSync(join(directory, '.snapshots', 'memory'));
    peaks.push(figures.note(of, 'memory at most', volume.figures().peakMiB, 'MiB', mostMiB));
    await volume.unmount();
    rmSync(volume.image);
  }
}
