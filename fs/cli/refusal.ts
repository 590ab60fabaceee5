/** What a person is told when a command is refused: words without an errno, and the problem that has an exit code. */
import { type ErrorCode, FsError, VolumeError, type VolumeProblem } from '../errors.js';

export interface Refusal {
  readonly error: string;
  readonly problem: VolumeProblem;
}

/** What is a mistake of whoever asks, or a matter of when; all else is a failure, told as it is. */
const problems: { readonly [Code in ErrorCode]?: VolumeProblem } = {
  ENOENT: 'not-found',
  EEXIST: 'in-use',
  EBUSY: 'in-use',
  EINVAL: 'usage',
  ENAMETOOLONG: 'usage',
  EACCES: 'no-permission',
  EPERM: 'no-permission',
  EROFS: 'no-permission',
  EUCLEAN: 'corrupt',
};

export function refusalOf(e: unknown): Refusal {
  if (e instanceof VolumeError) return { error: e.message, problem: e.problem };
  if (!(e instanceof FsError)) return { error: e instanceof Error ? e.message : String(e), problem: 'io' };
  const problem = problems[e.code];
  const words = problem === undefined || problem === 'corrupt' ? undefined : e.detail;
  return { error: words ?? e.message, problem: problem ?? 'io' };
}
