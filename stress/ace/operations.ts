/**
 * The core operations and bounds of ACE, the workload generator of CrashMonkey: Mohan, Martinez, Ponnapalli, Raju and
 * Chidambaram, "Finding Crash-Consistency Bugs with Bounded Black-Box Crash Testing", OSDI 2018. They found that most
 * crash bugs ever reported of Linux filesystems need three operations or fewer, on a new filesystem, with few files.
 *
 * The bounds are theirs (ace.py): files foo and A/foo, with bar and A/bar as the second of a pair; directories A and
 * B; writes of 32768 bytes at the end, 5000 at the start and 5000 across the end; a direct or mapped write is of 8192
 * at the start; truncation to 0 and to 2500; five ways of fallocate. Added here: rmdir, symlink, fdatasync of each file.
 */
import { fallocateFlag } from '../../fs/posix/api.js';

/** Where in the file, by its size at that time. */
export type Where = 'append' | 'start' | 'extend' | 'aligned start';

export type CoreOperation =
  | { readonly op: 'creat' | 'mkdir' | 'unlink' | 'rmdir' | 'setxattr' | 'removexattr'; readonly path: string }
  | { readonly op: 'link' | 'symlink' | 'rename'; readonly path: string; readonly to: string }
  | { readonly op: 'truncate'; readonly path: string; readonly size: number }
  | { readonly op: 'write' | 'mmapwrite'; readonly path: string; readonly where: Where }
  | { readonly op: 'falloc'; readonly path: string; readonly mode: number; readonly where: Where };

export type PersistencePoint = { readonly op: 'fsync' | 'fdatasync'; readonly path: string } | { readonly op: 'sync' };

const files = ['foo', 'A/foo'];
const secondFiles = ['bar', 'A/bar'];
const allFiles = [...files, ...secondFiles];
export const directories: readonly string[] = ['A', 'B'];
/** The path of the root directory. */
export const top = '';

const { keepSize, punchHole, zeroRange } = fallocateFlag;
const modes = [0, keepSize, punchHole | keepSize, zeroRange, zeroRange | keepSize];
const unaligned: readonly Where[] = ['append', 'start', 'extend'];
const aligned: readonly Where[] = ['append', 'aligned start'];

function pairs(first: readonly string[], second: readonly string[]): { path: string; to: string }[] {
  return first.flatMap((path) => second.filter((to) => to !== path).map((to) => ({ path, to })));
}

function* list(): Iterable<CoreOperation> {
  for (const path of files) yield { op: 'creat', path };
  yield { op: 'mkdir', path: 'A' };
  for (const op of ['link', 'symlink', 'rename'] as const) {
    for (const pair of pairs(allFiles, secondFiles)) yield { op, ...pair };
  }
  yield { op: 'rename', path: 'A', to: 'B' };
  for (const path of allFiles) yield { op: 'unlink', path };
  yield { op: 'rmdir', path: 'A' };
  for (const path of files) {
    for (const size of [0, 2500]) yield { op: 'truncate', path, size };
    for (const where of [...unaligned, 'aligned start'] as const) yield { op: 'write', path, where };
    for (const where of aligned) yield { op: 'mmapwrite', path, where };
    for (const mode of modes) for (const where of unaligned) yield { op: 'falloc', path, mode, where };
    yield { op: 'setxattr', path };
    yield { op: 'removexattr', path };
  }
}

/** All of them, each with all its parameters. */
export const coreOperations: readonly CoreOperation[] = [...list()];

/** The paths that an operation names. */
const named = (operation: CoreOperation): string[] =>
  'to' in operation ? [operation.path, operation.to] : [operation.path];

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? top : path.slice(0, slash);
}

function siblingOf(path: string): string {
  if (directories.includes(path)) return path === 'A' ? 'B' : 'A';
  return path.endsWith('foo') ? path.replace('foo', 'bar') : path.replace('bar', 'foo');
}

/** What may be made durable after these operations: what they name, its siblings and parents; or everything. */
export function persistencePoints(operations: readonly CoreOperation[]): PersistencePoint[] {
  const paths = new Set<string>();
  for (const path of operations.flatMap(named))
    for (const near of [path, siblingOf(path), parentOf(path)]) paths.add(near);
  const points: PersistencePoint[] = [];
  for (const path of paths) {
    points.push({ op: 'fsync', path });
    if (path !== top && !directories.includes(path)) points.push({ op: 'fdatasync', path });
  }
  return [...points, { op: 'sync' }];
}
