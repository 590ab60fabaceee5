/**
 * Snapshots come and go at random while a writer works, the volume is nearly full, so that the cleaner works as well, and the
 * server is killed now and then, often in the middle of making or deleting one.
 *
 *     npm run snapshot-soak -- [--snapshots 1000] [--kills 20] [--seed N] [--minutes 60] [--size 64M] [--full 85] [--live 6]
 *
 * --live: how much of the volume the writer's files take, in percent; what else is in use, up to --full, is held by snapshots.
 * The writer has all of them written anew between two snapshots: with a quarter, three snapshots fill the volume.
 * The hash of each snapshot's tree is taken when it is made, and compared when it goes and after each kill, of all there are.
 * After each kill `fsck.varve -f` must find nothing. In the end all snapshots are deleted, and `df` must show that nothing
 * is held by them. Exits 1 at the first difference; the last line is a summary.
 */
import { readdirSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseSize } from '../fs/cli/size.js';
import { scriptOptions } from './script-options.js';
import { start } from './trial/command.js';
import { SeededRandom } from './trial/random.js';
import { sumOf } from './trial/tree-hash.js';
import { program, type TrialVolume } from './trial/volume.js';
import { withWorkspace } from './trial/workspace.js';

const { values } = scriptOptions({
  options: {
    snapshots: { type: 'string', default: '1000' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    minutes: { type: 'string', default: '60' },
    size: { type: 'string', default: '64M' },
    full: { type: 'string', default: '85' },
    live: { type: 'string', default: '6' },
  },
});
const wanted = Number(values.snapshots);
const kills = Number(values.kills);
const seed = Number(values.seed);
const full = Number(values.full) / 100;
const random = new SeededRandom(seed);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Snapshots at a time, at most. */
const most = 60;

class Soak {
  readonly hashes = new Map<string, string>();
  made = 0;
  deleted = 0;
  killed = 0;
  midway = 0;
  compared = 0;
  moved = 0;
  highest = 0;
  readonly problems: string[] = [];

  constructor(private readonly volume: TrialVolume) {}

  private path(name: string): string {
    return join(this.volume.directory, '.snapshots', name);
  }
  private hash(name: string): string {
    return sumOf(this.path(name)).sha256;
  }

  async create(): Promise<void> {
    const name = `s${++this.made}`;
    await mkdir(this.path(name));
    this.hashes.set(name, this.hash(name));
  }

  async remove(name: string): Promise<void> {
    this.compare(name);
    await rmdir(this.path(name));
    this.hashes.delete(name);
    this.deleted++;
  }

  private compare(name: string): void {
    this.compared++;
    if (this.hash(name) !== this.hashes.get(name)) this.problems.push(`${name} is not what it was when it was made`);
  }

  any(): string {
    return [...this.hashes.keys()][random.below(this.hashes.size)];
  }

  /** Make one or delete one, so that the volume stays about as full as it shall be. */
  async step(): Promise<void> {
    const { used, size } = await this.volume.space();
    this.highest = Math.max(this.highest, used / size);
    const { size: count } = this.hashes;
    const remove = count > 0 && (used > full * size || count >= most || random.below(100) < 40);
    await (remove ? this.remove(this.any()) : this.create());
  }

  /** Kill the server while a snapshot is being made or deleted, and look at everything. */
  async kill(): Promise<void> {
    await this.count();
    const name = `s${this.made + 1}`;
    const gone = this.hashes.size > 0 && random.below(2) === 0 ? this.any() : undefined;
    const work = (gone === undefined ? mkdir(this.path(name)) : rmdir(this.path(gone))).then(
      () => true,
      () => false,
    );
    await sleep(random.below(40));
    await this.volume.kill();
    this.killed++;
    const done = await work;
    if (!done) this.midway++;
    await this.check();
    await this.volume.mount();
    const there = new Set(readdirSync(join(this.volume.directory, '.snapshots')));
    if (gone === undefined) {
      this.made++;
      if (done && !there.has(name)) this.problems.push(`${name} was made and is not there after a kill`);
      if (there.has(name)) this.hashes.set(name, this.hash(name));
    } else if (!there.has(gone)) {
      this.hashes.delete(gone);
      this.deleted++;
    } else if (done) this.problems.push(`${gone} was deleted and is there after a kill`);
    for (const one of this.hashes.keys())
      if (there.has(one)) this.compare(one);
      else this.problems.push(`${one} is not there after a kill`);
  }

  /** What the server that runs has moved. */
  async count(): Promise<void> {
    const { stdout } = await program('varve', ['info', '--json', this.volume.directory]);
    this.moved += (JSON.parse(stdout) as { server: { volume: { moved: number } } }).server.volume.moved;
  }

  /** Also of an image that was not closed: the journal is replayed in memory. */
  private async check(): Promise<void> {
    const { status, stdout, stderr } = await this.volume.fsck('-f', '-n');
    if (status !== 0) this.problems.push(`fsck: exit ${status}\n${stdout}${stderr}`);
  }

  /** All of them go, and what they held comes back. */
  async end(): Promise<number> {
    const { directory } = this.volume;
    for (const name of this.hashes.keys()) this.compare(name);
    if (this.hashes.size > 0)
      await program('varve', ['snapshot', 'delete', '--wait', directory, ...this.hashes.keys()]);
    const { stdout } = await program('varve', ['df', '--by-cause', '--json', directory]);
    const [{ snapshots }] = JSON.parse(stdout) as { snapshots: number }[];
    if (snapshots !== 0) this.problems.push(`${snapshots} bytes are held by snapshots, of which there is none`);
    await this.count();
    await this.volume.unmount();
    await this.check();
    return snapshots;
  }
}

await withWorkspace(async ({ volume: make }) => {
  const volume = make('soak');
  const soak = new Soak(volume);
  const until = performance.now() + Number(values.minutes) * 60_000;
  say(`snapshot-soak: ${wanted} snapshots, ${kills} kills, ${values.size}, ${values.full} % full, seed ${seed}`);
  await volume.format(values.size);
  await volume.mount();
  const bytes = String(Math.floor((parseSize(values.size) * Number(values.live)) / 100));
  const writer = start(process.execPath, [
    fileURLToPath(new URL('./snapshot-soak/writer.js', import.meta.url)),
    volume.directory,
    bytes,
    String(seed),
  ]);
  let [told, failed] = ['', ''];
  writer.stdout?.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  writer.stderr?.on('data', (chunk: Buffer) => {
    failed += chunk.toString();
  });
  const timely = () => performance.now() < until;
  while (soak.made < wanted && timely() && soak.problems.length === 0 && writer.exitCode === null) {
    if (soak.killed < kills && soak.made >= ((soak.killed + 1) * wanted) / (kills + 1)) {
      await soak.kill();
      say(`kill ${soak.killed}: ${soak.made} made, ${soak.deleted} deleted, ${soak.hashes.size} there`);
    } else await soak.step();
  }
  writer.kill('SIGTERM');
  while (writer.exitCode === null && writer.signalCode === null) await sleep(50);
  const held = soak.problems.length === 0 ? await soak.end() : -1;
  if (writer.exitCode !== 0) soak.problems.push(`the writer ended with ${writer.exitCode}: ${failed}`);
  const { operations, longest } = JSON.parse(told || '{"operations":0,"longest":0}') as Record<string, number>;
  for (const problem of soak.problems) say(problem);
  say(
    `snapshot-soak: ${soak.made} of ${wanted} snapshots made, ${soak.deleted} deleted, ${soak.killed} kills (${soak.midway} in the ` +
      `middle of making or deleting one), ${soak.compared} trees compared, ${operations} operations of the writer, 20 of them in ` +
      `${longest.toFixed(0)} ms at most, ${soak.moved} pages moved by the cleaner, at most ${(100 * soak.highest).toFixed(0)} % full, ` +
      `${held} bytes held in the end, ${soak.problems.length} problems, seed ${seed}`,
  );
  if (soak.problems.length > 0 || soak.made < wanted || soak.killed < kills) process.exitCode = 1;
});
