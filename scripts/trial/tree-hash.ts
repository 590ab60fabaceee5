/**
 * One number for a whole tree: path, type, mode, owner, size, mtime, link target and contents of everything in it.
 * Run as a program it prints the sum of the tree that it is given as JSON, so that a script can hash a mount in a
 * child process.
 */
import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { run } from './command.js';

export interface TreeSum {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** The sum of the tree below `root`; the root's own times do not count. */
export function sumOf(root: string): TreeSum {
  const hash = createHash('sha256');
  let [files, directories, links, bytes] = [0, 0, 0, 0];
  const visit = (path: string): void => {
    for (const name of readdirSync(join(root, path)).sort()) {
      const at = join(path, name);
      const s: BigIntStats = lstatSync(join(root, at), { bigint: true });
      const time = s.isDirectory() ? 0n : s.mtimeNs;
      hash.update(`${at}\0${s.mode}\0${s.uid}\0${s.gid}\0${s.isDirectory() ? 0n : s.size}\0${time}\0`);
      if (s.isDirectory()) {
        directories += 1;
        visit(at);
      } else if (s.isSymbolicLink()) {
        links += 1;
        hash.update(readlinkSync(join(root, at)));
      } else if (s.isFile()) {
        files += 1;
        const data = readFileSync(join(root, at));
        bytes += data.length;
        hash.update(data);
      }
    }
  };
  visit('');
  return { files, directories, links, bytes, sha256: hash.digest('hex') };
}

/** Hash a tree in a child process. */
export async function treeSum(root: string): Promise<TreeSum> {
  const { stdout } = await run(process.execPath, [fileURLToPath(import.meta.url), root]);
  return JSON.parse(stdout) as TreeSum;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(`${JSON.stringify(sumOf(process.argv[2]))}\n`);
}
