/**
 * What it costs that ACLs are obeyed, where there are none: the same operations on a mount as usual and on one with
 * `-o noacl`, in turns, as requests to the server and as time. The kernel asks for an inode's ACL when someone who is
 * not its owner uses it, and remembers the answer; but not of the root directory, whose inode is older than the
 * agreement on ACLs (Linux since 6.18.42: "fs: preserve ACL_DONT_CACHE state in forget_cached_acl()").
 */
import { chmodSync, closeSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { alice, as, root, type User } from '../scripts/trial/identity.js';
import { program, type TrialVolume } from '../scripts/trial/volume.js';
import { cold, timed, type Workload } from './workload.js';

const rounds = 6;
const files = 1000;
const usual = 'norehearsal';
const without = 'norehearsal,noacl';

type Work = (path: string) => void;
const opened = (path: string, flags: string): void => closeSync(openSync(path, flags));
const create: Work = (path) => opened(path, 'wx');
const open: Work = (path) => opened(path, 'r');
const stat: Work = (path) => void lstatSync(path);

interface Step {
  readonly what: string;
  readonly who: User;
  readonly work: Work;
  /** On a mount that knows nothing yet. */
  readonly cold?: true;
  /** The names are relative to the directory: the root of the mount is not passed through. */
  readonly within?: true;
}

/** One after another. All files are root's. */
const steps: readonly Step[] = [
  { what: 'create', who: root, work: create },
  { what: 'lookup and stat, cold', who: root, work: stat, cold: true },
  { what: 'stat', who: root, work: stat },
  { what: 'open', who: root, work: open },
  { what: "open another's, first", who: alice, work: open, within: true },
  { what: "open another's", who: alice, work: open, within: true },
  { what: "open another's by path", who: alice, work: open },
];

interface Figures {
  readonly requests: number;
  readonly seconds: number;
}

async function requestsOf(volume: TrialVolume): Promise<number> {
  const { stdout } = await program('varve', ['info', '--json', volume.directory]);
  return (JSON.parse(stdout) as { server: { driver: { requests: number } } }).server.driver.requests;
}

async function round(volume: TrialVolume, folder: string, options: string): Promise<Figures[]> {
  await volume.unmount();
  await volume.mount([options]);
  const directory = join(volume.directory, folder);
  mkdirSync(directory);
  const figures: Figures[] = [];
  for (const step of steps) {
    if (step.cold) await cold(volume, [options]);
    const before = await requestsOf(volume);
    process.chdir(step.within ? directory : '/');
    const start = step.within ? '' : `${directory}/`;
    const seconds = timed(() =>
      as(step.who, () => {
        for (let i = 0; i < files; i++) step.work(`${start}f${i}`);
      }),
    );
    process.chdir('/');
    figures.push({ requests: (await requestsOf(volume)) - before, seconds });
  }
  return figures;
}

/** The least of all rounds: what else the machine does only adds. */
const least = (values: readonly number[]): number => Math.min(...values);

export const acl: Workload = async (volume, note) => {
  chmodSync(dirname(volume.directory), 0o711);
  const found: Record<string, Figures[][]> = { [usual]: [], [without]: [] };
  for (let i = 0; i < rounds; i++) {
    // In turns, each first as often as the other.
    for (const options of i % 2 === 0 ? [usual, without] : [without, usual]) {
      found[options].push(await round(volume, `${i}-${options}`, options));
    }
  }
  for (const [i, { what }] of steps.entries()) {
    const [a, b] = [usual, without].map((options) => found[options].map((one) => one[i]));
    const each = (all: readonly Figures[], of: (one: Figures) => number): number => least(all.map(of)) / files;
    const [time, timeWithout] = [a, b].map((all) => each(all, ({ seconds }) => seconds * 1e6));
    note(
      `${what}`,
      each(a, ({ requests }) => requests),
      'requests',
    );
    note(
      `${what}, noacl`,
      each(b, ({ requests }) => requests),
      'requests',
    );
    note(`${what}`, time, 'us');
    note(`${what}, against noacl`, time / timeWithout, 'times');
  }
};
