/**
 * Kills the server with SIGKILL at random moments under a mixed load, mounts again, and compares every byte with
 * what fsync had acknowledged.
 *
 *     node dist/scripts/kill-soak.js [--kills 50] [--seed N] [--size 1G] [--store volatile] [--limit MINUTES]
 *                               [--mount-seconds 1]
 *
 * A plain SIGKILL leaves the host's page cache alone, so a missing barrier would go unseen; with `--store
 * volatile` the server keeps writes in its own memory until the barrier, and they die with it.
 *
 * Each round: load, kill, mount (timed), compare, unmount, `fsck.varve -f -n`, mount. Exits 1 at the first
 * difference, and says which seed, round and moment it was; a mount that took too long ends nothing, but fails the run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { scriptOptions } from './script-options.js';
import { Loads } from './soak/loads.js';
import { run } from './trial/command.js';
import { SeededRandom } from './trial/random.js';
import type { TrialVolume } from './trial/volume.js';
import { withWorkspace } from './trial/workspace.js';

const { values } = scriptOptions({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    size: { type: 'string', default: '1G' },
    store: { type: 'string' },
    limit: { type: 'string', default: '30' },
    'mount-seconds': { type: 'string', default: '1' },
    base: { type: 'string' },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const mountOptions = values.store === undefined ? [] : [`store=${values.store}`];
const mostMountSeconds = Number(values['mount-seconds']);

interface Figures {
  rounds: number;
  readonly mountSeconds: number[];
  readonly problems: string[];
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** One kill and all that must hold after it; false when something did not. */
async function round(number: number, volume: TrialVolume, loads: Loads, random: SeededRandom, figures: Figures) {
  const moment = 0.05 + random.fraction() ** 2 * 4;
  await loads.start(number, random);
  await sleep(moment * 1000);
  loads.willDie();
  await volume.kill();
  await loads.stop();
  const seconds = await volume.mount(mountOptions);
  figures.mountSeconds.push(seconds);
  const problems = await loads.check();
  await run('rm', ['-rf', `${volume.directory}/noise/r${number - 3}`]);
  await volume.unmount();
  const checked = await volume.fsck('-f', '-n');
  if (checked.status !== 0) problems.push(`fsck: exit ${checked.status}\n${checked.stdout}${checked.stderr}`);
  await volume.mount(mountOptions);
  figures.rounds += 1;
  for (const problem of problems)
    figures.problems.push(`round ${number}, killed at ${moment.toFixed(3)} s: ${problem}`);
  say(
    `round ${number}: killed at ${moment.toFixed(3)} s, mount ${seconds.toFixed(2)} s, ` +
      `${loads.acknowledged} acknowledged, ${problems.length === 0 ? 'all there, fsck clean' : 'PROBLEMS'}`,
  );
  return problems.length === 0;
}

await withWorkspace(async ({ volume: make }) => {
  const volume = make('soak');
  const random = new SeededRandom(seed);
  const figures: Figures = { rounds: 0, mountSeconds: [], problems: [] };
  const until = performance.now() + Number(values.limit) * 60_000;
  const { status } = await run('sqlite3', ['--version'], { allow: 'any' }).catch(() => ({ status: 127 }));
  say(`kill-soak: ${kills} kills, ${values.size} image, store ${values.store ?? 'image file'}, seed ${seed}`);
  if (status !== 0) say('without sqlite: the program sqlite3 is not installed');
  await volume.format(values.size);
  await volume.mount(mountOptions);
  const loads = new Loads(volume, status === 0);
  await loads.prepare();
  let timely = true;
  for (let number = 1; number <= kills; number++) {
    timely = performance.now() < until;
    if (!timely || !(await round(number, volume, loads, random, figures))) break;
  }
  for (const problem of figures.problems) say(problem);
  const slow = figures.mountSeconds.filter((seconds) => seconds > mostMountSeconds).length;
  const most = Math.max(0, ...figures.mountSeconds);
  const mean = figures.mountSeconds.reduce((sum, s) => sum + s, 0) / Math.max(1, figures.mountSeconds.length);
  say(
    `kill-soak: ${figures.rounds} of ${kills} kills${timely ? '' : ' (out of time)'}, ` +
      `${loads.acknowledged} acknowledged operations, ${figures.problems.length} problems, ` +
      `mount mean ${mean.toFixed(2)} s, most ${most.toFixed(2)} s, ${slow} over ${mostMountSeconds} s, seed ${seed}`,
  );
  if (figures.problems.length > 0 || slow > 0 || figures.rounds < kills) process.exitCode = 1;
}, values.base);
