/** What a command that is refused tells a person: words without an errno, and a problem that has an exit code of its own. */
import { expect, it } from 'vitest';
import { exitCodeOf } from '../../fs/cli/exit-codes.js';
import { refusalOf } from '../../fs/cli/refusal.js';
import { CorruptionError, FsError, VolumeError } from '../../fs/errors.js';

it.each([
  [new FsError('ENOENT', 'snapshot', undefined, 'there is no snapshot x'), 'there is no snapshot x', 16],
  [new FsError('EEXIST', 'snapshot', undefined, 'there is one already'), 'there is one already', 14],
  [new FsError('EINVAL', 'snapshot', undefined, 'that is no name'), 'that is no name', 2],
  [new FsError('ENOENT', 'lookup', 7), 'ENOENT: lookup (inode 7)', 16],
  [new FsError('ENOSPC', 'snapshot', undefined, 'no room'), 'ENOSPC: snapshot: no room', 19],
  [new CorruptionError('node', 'page 9', 'it is another one'), 'EUCLEAN: node at page 9: it is another one', 17],
  [new VolumeError('too-small', 'too small for that'), 'too small for that', 18],
  [new TypeError('a mistake'), 'a mistake', 19],
])('%s', (thrown, words, code) => {
  const { error, problem } = refusalOf(thrown);
  expect([error, exitCodeOf(new VolumeError(problem, error))]).toEqual([words, code]);
});
