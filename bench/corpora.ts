/**
 * What is stored to see how well it compresses: sources of programs, logs, a database, and noise. Each is a list of
 * files, in memory, so that reading them takes no part in what is measured.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../scripts/trial/command.js';
import { patternBytes, SeededRandom } from '../scripts/trial/random.js';
import { projectRoot } from '../scripts/trial/volume.js';

export interface Corpus {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly contents: Buffer }[];
}

const mebibyte = 2 ** 20;

/** All corpora, each of about `bytes` bytes; `folder` is for temporary files. */
export async function corpora(bytes: number, folder: string): Promise<Corpus[]> {
  return [
    sources(bytes),
    { name: 'JSON logs', files: [{ path: 'log.json', contents: logs(bytes) }] },
    { name: 'sqlite', files: [{ path: 'rows.db', contents: await database(bytes, join(folder, 'rows.db')) }] },
    { name: 'noise', files: [{ path: 'noise', contents: patternBytes(5, bytes) }] },
  ];
}

/** Sources of this project's dependencies, in the order of their names. */
function sources(bytes: number): Corpus {
  const files: { path: string; contents: Buffer }[] = [];
  let left = bytes;
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (left <= 0) return;
      if (entry.isDirectory() && entry.name !== '.cache') visit(path);
      if (!entry.isFile() || !/\.(js|mjs|cjs|ts|mts|json|md|c|h|cc)$/.test(entry.name)) continue;
      const contents = readFileSync(path);
      files.push({ path: `${files.length}-${entry.name}`, contents });
      left -= contents.length;
    }
  };
  visit(join(projectRoot, 'node_modules'));
  return { name: 'sources', files };
}

/** Lines of a web server's log. */
function logs(bytes: number): Buffer {
  const random = new SeededRandom(3);
  const lines: string[] = [];
  let time = 1_700_000_000_000;
  for (let length = 0; length < bytes; ) {
    time += random.below(900);
    const path = `/api/v2/items/${random.below(50_000)}`;
    const line = `${JSON.stringify({
      time: new Date(time).toISOString(),
      level: random.below(20) === 0 ? 'warn' : 'info',
      request: random.next().toString(16),
      method: ['GET', 'GET', 'GET', 'PUT', 'POST'][random.below(5)],
      path,
      status: [200, 200, 200, 304, 404][random.below(5)],
      milliseconds: random.below(4000) / 10,
      client: `10.${random.below(4)}.${random.below(256)}.${random.below(256)}`,
    })}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join(''));
}

/** A table with an index, in the order of insertion. */
async function database(bytes: number, path: string): Promise<Buffer> {
  const rows = Math.round(bytes / 190);
  const sql = `
    PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;
    CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, mail TEXT, city TEXT, born TEXT, balance REAL, note TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO person SELECT i, 'Person ' || (i * 7919 % 100003), 'p' || i || '@example.org',
      'City of ' || (i * 31 % 977), date(10000 * (i % 5000), 'unixepoch'), (i * 104729 % 1000000) / 100.0,
      hex(i * 2654435761 % 4294967296) || ' some words that occur often in such notes' FROM n;
    CREATE INDEX mail ON person (mail);`;
  await run('sqlite3', [path, sql], { limit: 120 });
  return readFileSync(path);
}

export const corpusBytes = (corpus: Corpus): number =>
  corpus.files.reduce((sum, file) => sum + file.contents.length, 0);
export const defaultCorpusBytes = 64 * mebibyte;
