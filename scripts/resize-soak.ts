/**
 * A mounted volume grows and shrinks under a mixed load, and its server is killed in the middle: nothing that was
 * acknowledged may be lost, the volume has one size or the other, and the image's allocated size follows.
 *
 *     npm run resize-soak -- [--kills 12] [--seed N] [--from 1G] [--to 8G] [--live 400] [--limit MINUTES]
 *
 * `--live` MiB of files stay for all the time. Half of the kills fall into growing to `--to`, half into shrinking to 1.2
 * times what is live, after the volume was filled with as much again eight times over and emptied; each half ends with a
 * resize under load that is left alone. Exits 1 at the first difference, and says which seed, round and moment it was.
 */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatSize, parseSize } from '../fs/cli/size.js';
import { scriptOptions } from './script-options.js';
import { Loads } from './soak/loads.js';
import { run } from './trial/command.js';
import { patternBytes, SeededRandom } from './trial/random.js';
import { program, type TrialVolume } from './trial/volume.js';
import { withWorkspace } from './trial/workspace.js';

const { values } = scriptOptions({
  options: {
    kills: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '1G' },
    to: { type: 'string', default: '8G' },
    live: { type: 'string', default: '400' },
    limit: { type: 'string', default: '60' },
    base: { type: 'string' },
  },
});
const kills = Number(values.kills);
const until = performance.now() + Number(values.limit) * 60_000;
const mebibyte = 2 ** 20;
const filler = 8;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const allocated = ({ image }: TrialVolume): string => {
  const { size, blocks } = statSync(image);
  return `image of ${formatSize(size)}, ${formatSize(blocks * 512)} allocated`;
};
const hash = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');

/** Files of 1 MiB that stay, and what they hold. */
class Ballast {
  private readonly hashes = new Map<string, string>();

  constructor(private readonly directory: string) {}

  fill(count: number, seed: number): void {
    for (let i = 0; i < count; i++) {
      const bytes = patternBytes(seed + i, mebibyte);
      const path = join(this.directory, `ballast-${i}`);
      writeFileSync(path, bytes);
      this.hashes.set(path, hash(bytes));
    }
  }

  problems(): string[] {
    return [...this.hashes]
      .filter(([path, was]) => hash(readFileSync(path)) !== was)
      .map(([path]) => `${path} differs`);
  }
}

/** Other files in between, and gone again: the ones that stay lie anywhere then. */
function fillAndEmpty(directory: string, count: number, seed: number): void {
  const paths = Array.from({ length: count }, (_, i) => join(directory, `filler-${i}`));
  for (const [i, path] of paths.entries()) writeFileSync(path, patternBytes(seed + i, mebibyte));
  for (const path of paths) rmSync(path);
}

await withWorkspace(async ({ volume: make }) => {
  const volume = make('resize');
  const random = new SeededRandom(Number(values.seed));
  const problems: string[] = [];
  let number = 0;
  let interrupted = 0;
  const loads = new Loads(volume, false);
  const ballast = new Ballast(volume.directory);
  const resize = (bytes: number) =>
    program('varve', ['resize', volume.directory, String(bytes)], { allow: 'any', limit: 600 });

  const look = async (what: string): Promise<void> => {
    const found = [...(await loads.check()), ...ballast.problems()];
    await run('rm', ['-rf', `${volume.directory}/noise/r${number - 2}`]);
    await volume.unmount();
    const checked = await volume.fsck('-f', '-n', '--data');
    if (checked.status !== 0) found.push(`fsck: exit ${checked.status}\n${checked.stdout}${checked.stderr}`);
    await volume.mount();
    for (const problem of found) problems.push(`round ${number}, ${what}: ${problem}`);
    say(`round ${number}: ${what}, ${allocated(volume)}, ${found.length === 0 ? 'all there' : 'PROBLEMS'}`);
  };

  /** Resize under load and kill the server meanwhile. */
  const killed = async (bytes: number): Promise<void> => {
    number++;
    const moment = random.fraction() ** 2 * 3;
    await loads.start(number, random);
    const resizing = resize(bytes);
    await sleep(moment * 1000);
    loads.willDie();
    await volume.kill();
    await loads.stop();
    const done = (await resizing).status === 0;
    if (!done) interrupted++;
    await volume.mount();
    await look(`killed after ${moment.toFixed(3)} s, ${done ? 'resized' : 'resizing'}`);
  };

  const whole = async (bytes: number): Promise<void> => {
    number++;
    await loads.start(number, random);
    const { status, stdout, stderr, seconds } = await resize(bytes);
    await loads.stop();
    if (status !== 0) problems.push(`round ${number}: exit ${status}: ${stdout}${stderr}`);
    const { size } = statSync(volume.image);
    if (size !== bytes) problems.push(`round ${number}: the image has ${size} bytes, not ${bytes}`);
    await look(`resized under load in ${seconds.toFixed(1)} s`);
  };

  const rounds = async (target: () => Promise<number>): Promise<void> => {
    for (let i = 0; i < kills >> 1 && problems.length === 0 && performance.now() < until; i++)
      await killed(await target());
    if (problems.length === 0) await whole(await target());
  };

  await volume.format(values.from);
  await volume.mount();
  await loads.prepare();
  ballast.fill(Number(values.live), 1000);
  const large = parseSize(values.to);
  // Where it has that size already, the next kill falls into growing anew.
  await rounds(async () => {
    if (statSync(volume.image).size === large) await resize(parseSize(values.from));
    return large;
  });
  if (problems.length === 0) fillAndEmpty(volume.directory, Number(values.live) * filler, 100_000);
  const { used } = await volume.space();
  const small = Math.ceil((used * 1.2) / mebibyte) * mebibyte;
  await rounds(async () => {
    if (statSync(volume.image).size === small) await resize(large);
    return small;
  });
  for (const problem of problems) say(problem);
  const late = performance.now() >= until;
  say(
    `resize-soak: ${values.from} -> ${values.to} -> ${formatSize(small)} for ${formatSize(used)} of live data, ${number} rounds, ` +
      `${interrupted} resizes cut off, ${loads.acknowledged} operations acknowledged, ${problems.length} problems` +
      `${late ? ' (out of time)' : ''}; ${allocated(volume)}, seed ${values.seed}`,
  );
  if (problems.length > 0 || late) process.exitCode = 1;
}, values.base);
