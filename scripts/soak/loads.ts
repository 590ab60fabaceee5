/**
 * The mixed load of one round: two loads that fsync and log, one sqlite database, and noise that promises nothing
 * (copying, renaming, linking and removing a tree without ever syncing).
 *
 * sqlite runs with synchronous=EXTRA: with FULL it does not sync the removal of its rollback journal, so that the last
 * transaction may be rolled back although it was acknowledged. A row counts only if its insert worked (-bail) and was
 * acknowledged before the kill: where sqlite can't open the directory to sync it, as that of a dead mount, it goes on.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { end, run, start } from '../trial/command.js';
import type { SeededRandom } from '../trial/random.js';
import { projectRoot, type TrialVolume } from '../trial/volume.js';
import { ExpectedFolder } from './expected.js';
import type { LogLine } from './operation.js';

const loadProgram = fileURLToPath(new URL('./load.js', import.meta.url));

/** Copies, moves, links and removes without end. */
const noise = `
i=0
while :; do
  i=$((i + 1))
  cp -a "$1/node_modules/commander" "$2/tree-$i"
  ln -s "tree-$i" "$2/link-$i"; ln "$2/tree-$i/package.json" "$2/hard-$i"
  mv "$2/tree-$i" "$2/moved-$i"; chmod -R g+w "$2/moved-$i"
  head -c $((RANDOM * 20)) /dev/urandom > "$2/big-$i"
  [ $i -gt 6 ] && rm -rf "$2"/*-$((i - 6))
done
`;

function eachLine(child: ChildProcess, line: (text: string) => void): void {
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) line(text);
  });
}

const closed = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.stdout === null || child.stdout.closed) resolve();
    else child.once('close', () => resolve());
  });

export class Loads {
  readonly #folders: ExpectedFolder[];
  #rowsAcknowledged = 0;
  #rowsCount = false;
  #children: ChildProcess[] = [];

  constructor(
    readonly volume: TrialVolume,
    readonly withSqlite: boolean,
  ) {
    this.#folders = ['fsync-a', 'fsync-b'].map((name) => new ExpectedFolder(join(volume.directory, name)));
  }

  get acknowledged(): number {
    return this.#folders.reduce((sum, folder) => sum + folder.acknowledged, 0) + this.#rowsAcknowledged;
  }

  get #database(): string {
    return join(this.volume.directory, 'rows.db');
  }

  /** Make the folders, once; the promise resolves when they are durable. */
  async prepare(): Promise<void> {
    for (const folder of this.#folders) await mkdir(folder.path);
    await mkdir(join(this.volume.directory, 'noise'));
    if (this.withSqlite) {
      await run('sqlite3', [this.#database, 'PRAGMA journal_mode=DELETE; CREATE TABLE t(n INTEGER PRIMARY KEY, s);']);
    }
    await run('sync', [this.volume.directory]);
  }

  /** Start the load of a round; resolves when all of it is at work. It runs until `stop`. */
  async start(round: number, random: SeededRandom): Promise<void> {
    let atWork = 0;
    this.#rowsCount = true;
    this.#children = this.#folders.map((folder) => {
      const child = start(process.execPath, [loadProgram, folder.path, String(random.next()), `r${round}`]);
      child.stdout?.once('data', () => {
        atWork += 1;
      });
      eachLine(child, (text) => folder.log(JSON.parse(text) as LogLine));
      return child;
    });
    const noisy = join(this.volume.directory, 'noise', `r${round}`);
    await mkdir(noisy);
    this.#children.push(start('bash', ['-c', noise, 'noise', projectRoot, noisy], 'ignore'));
    if (this.withSqlite) {
      const first = this.#rowsAcknowledged + 1;
      const inserts = `for i in $(seq ${first} ${first + 100_000}); do
        echo "INSERT OR REPLACE INTO t VALUES($i, hex(randomblob(200))); SELECT $i;"; done`;
      const child = start('bash', [
        '-c',
        `{ ${inserts}; } | sqlite3 -bail -cmd 'PRAGMA synchronous=EXTRA' "$0"`,
        this.#database,
      ]);
      eachLine(child, (text) => {
        if (this.#rowsCount) this.#rowsAcknowledged = Math.max(this.#rowsAcknowledged, Number(text) || 0);
      });
      this.#children.push(child);
    }
    for (let waited = 0; atWork < this.#folders.length; waited++) {
      if (waited === 3000) throw new Error('the loads do not begin');
      await sleep(10);
    }
  }

  /** To be called just before the kill. */
  willDie(): void {
    this.#rowsCount = false;
  }

  /** End the load; resolves when all that it logged has been taken in. */
  async stop(): Promise<void> {
    const all = this.#children.map(closed);
    for (const child of this.#children) end(child);
    await Promise.all(all);
    this.#children = [];
  }

  /** What is not as it was promised, one line each. */
  async check(): Promise<string[]> {
    const problems: string[] = [];
    for (const folder of this.#folders) problems.push(...(await folder.check()));
    if (this.withSqlite) {
      const { stdout, status } = await run(
        'sqlite3',
        [this.#database, 'PRAGMA integrity_check; SELECT count(*), coalesce(max(n), 0) FROM t;'],
        { allow: 'any', limit: 120 },
      );
      const [integrity, counts] = stdout.trim().split('\n');
      const [rows, last] = (counts ?? '').split('|').map(Number);
      if (status !== 0 || integrity !== 'ok') problems.push(`sqlite: ${stdout.trim() || `exit ${status}`}`);
      else if (rows < this.#rowsAcknowledged || last < this.#rowsAcknowledged) {
        problems.push(`sqlite: ${this.#rowsAcknowledged} rows acknowledged, ${rows} found`);
      }
    }
    return problems;
  }
}
