/**
 * What cleaning costs, by policy: a file of a volume in memory is overwritten at random, 4 KiB at a time, uniformly or
 * with nine writes of ten in a tenth of the file. Printed: pages of the file that were written for each that was accepted
 * (the cleaner's own term; pages that it moves of the tree included), and all pages written for each (nodes, summaries,
 * journal, table pages). The load does not depend on the machine.
 *
 *     npm run cleaner-policies -- [--policy NAME,...] [--live 80,90] [--load uniform,skewed] [--megabytes 256]
 *                                 [--shift 6] [--rounds 4] [--seed 1] [--commit PAGES] [--json]
 *
 * A round overwrites as many pages as the file has; the last two are counted. Live: data and nodes, of what df calls the
 * volume's size. Segments of 2^shift pages, so many that those kept free are as small a part as on a volume of some GiB.
 * Exit code 0.
 */
import { byWorth, type CleaningPolicy, costBenefit, greedy } from '../fs/cleaner/policy.js';
import { capacityPages } from '../fs/format/geometry.js';
import { FileSystem } from '../fs/posix/filesystem.js';
import { initialItems } from '../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../fs/store/memory.js';
import { below, seededRandom } from '../fs/store/random.js';
import { run } from '../fs/suspend.js';
import { pageSize, rootInode } from '../fs/units.js';
import { Volume } from '../fs/volume/volume.js';
import { fixedSuperblock } from '../stress/system/superblock.js';
import { scriptOptions } from './script-options.js';

/** Those to choose from. */
const policies: Readonly<Record<string, CleaningPolicy>> = {
  greedy,
  'cost-benefit': costBenefit,
  // Without the cost of reading (Kawaguchi et al., "A Flash-Memory Based File System", 1995).
  'benefit-over-live': byWorth('benefit-over-live', (live, size, age) => ((size - live) * age) / (2 * live)),
  'root-of-age': byWorth('root-of-age', (live, size, age) => ((size - live) * Math.sqrt(age)) / (size + live)),
  // Greedy that leaves alone what still dies by itself.
  'ripe-greedy': byWorth('ripe-greedy', (live, size, age) => (size - live) * Math.min(age, 16)),
  oldest: byWorth('oldest', (_live, _size, age) => age),
};

const { values } = scriptOptions({
  options: {
    policy: { type: 'string', default: Object.keys(policies).join() },
    live: { type: 'string', default: '80,90' },
    load: { type: 'string', default: 'uniform,skewed' },
    megabytes: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    commit: { type: 'string' },
    shift: { type: 'string', default: '6' },
    json: { type: 'boolean', default: false },
  },
});
const who = { uid: 0, gid: 0, pid: 1 };
/** Pages of nodes for each page of a file that was overwritten page by page: a leaf of 16 KiB has about 200 such extents. */
const nodesPerPage = 0.028;
const fraction = 0.1;
const shareOfHot = 0.9;

interface Outcome {
  readonly policy: string;
  readonly live: number;
  readonly load: string;
  readonly cleaner: number;
  readonly movedNodes: number;
  readonly total: number;
  readonly seconds: number;
}

async function measure(policy: CleaningPolicy, live: number, load: string): Promise<Outcome> {
  const began = performance.now();
  const store = new MemoryStore(Number(values.megabytes) * 2 ** 20);
  await Volume.format(store, {
    superblock: fixedSuperblock(store.size, Number(values.shift)),
    initial: initialItems({ seconds: 0, nanos: 0 }, 0, 0, 0o755),
  });
  const volume = await Volume.open(store, { commitSeconds: 0, policy, discard: false, clock: { now: () => 0 } });
  const filesystem = new FileSystem(volume, { accessTimes: 'noatime' });
  const { geometry, table } = volume.state;
  const places = capacityPages(geometry);
  const pages = Math.floor((places * live) / 100 / (1 + nodesPerPage));
  const perCommit = values.commit === undefined ? Math.floor(pages / 400) : Number(values.commit);
  const { inode } = await run(() => filesystem.mknod(rootInode, Buffer.from('f'), 0o100644, 0, 0, who));
  const random = seededRandom(Number(values.seed));
  const data = new Uint8Array(pageSize);

  let waiting = 0;
  const write = async (page: number): Promise<void> => {
    data.fill(page & 255);
    await run(() => filesystem.write(inode, page * pageSize, data, who));
    if (++waiting < perCommit) return;
    waiting = 0;
    await volume.commit();
    // As between commits by the clock: the cleaner works while it is needed, with a commit now and then.
    for (let steps = 1; await volume.cleaning.step(); steps++) if (steps % 8 === 0) await volume.commit();
  };
  const hot = Math.floor(pages * fraction);
  // Hot pages lie all over the file.
  const scattered = (n: number): number => (n * 7919) % pages;
  const next = (): number => {
    if (load === 'uniform') return below(random, pages);
    return scattered(random() < shareOfHot ? below(random, hot) : hot + below(random, pages - hot));
  };

  for (let page = 0; page < pages; page++) await write(page);
  const rounds = Number(values.rounds);
  for (let i = 0; i < pages * (rounds - 2); i++) await write(next());
  const before = volume.counters;
  for (let i = 0; i < pages * 2; i++) await write(next());
  await volume.commit();
  const after = volume.counters;
  const grew = (name: 'filePages' | 'moved' | 'movedNodes' | 'bytesWritten'): number => after[name] - before[name];
  const accepted = pages * 2;
  const outcome = {
    policy: policy.name,
    live: (100 * table.livePages) / places,
    load,
    cleaner: (grew('filePages') + grew('moved') - grew('movedNodes')) / accepted,
    movedNodes: grew('movedNodes') / accepted,
    total: grew('bytesWritten') / pageSize / accepted,
    seconds: (performance.now() - began) / 1000,
  };
  await filesystem.close();
  await volume.close();
  return outcome;
}

process.stdout.write(
  values.json
    ? ''
    : '| policy | load | live | cleaner | moved nodes | total | seconds |\n|---|---|---|---|---|---|---|\n',
);
for (const load of values.load.split(','))
  for (const live of values.live.split(',').map(Number))
    for (const name of values.policy.split(',')) {
      const policy = policies[name];
      if (policy === undefined) throw new Error(`there is no policy ${name}`);
      const found = await measure(policy, live, load);
      process.stdout.write(
        values.json
          ? `${JSON.stringify(found)}\n`
          : `| ${name} | ${load} | ${found.live.toFixed(1)} % | ${found.cleaner.toFixed(2)} | ${found.movedNodes.toFixed(2)} | ${found.total.toFixed(2)} | ${found.seconds.toFixed(0)} |\n`,
      );
    }
