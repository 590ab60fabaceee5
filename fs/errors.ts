/**
 * The three kinds of bad news in Varve, and nothing else is thrown on purpose:
 *
 * - FsError: the request can't be done; carries the errno that the caller shall see.
 * - CorruptionError: what was read is not what was written; an FsError with EUCLEAN.
 * - VolumeError: an image can't be opened or a command can't run; carries an exit code (exit-codes.ts).
 *
 * Errors are thrown where the fact is known and caught in two places: the FUSE reply and the command line.
 */

/** Linux errno numbers. Node's own list lacks some of them (EUCLEAN), so the table is ours. */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ENOTCONN: 107,
  ESTALE: 116,
  EUCLEAN: 117,
  EDQUOT: 122,
} as const;

export type ErrorCode = keyof typeof errno;

/**
 * A request that can't be done. `operation` and `inode` say which one. Only what may be a fault has a stack: taking
 * one costs 5 us (Node 20, 2026), and a name that is not there or an attribute that nobody has set is daily bread.
 */
export class FsError extends Error {
  readonly errno: number;

  constructor(
    readonly code: ErrorCode,
    readonly operation: string,
    readonly inode?: number,
    readonly detail?: string,
  ) {
    const depth = Error.stackTraceLimit;
    if (code !== 'EIO' && code !== 'EUCLEAN') Error.stackTraceLimit = 0;
    super(`${code}: ${operation}${inode === undefined ? '' : ` (inode ${inode})`}${detail ? `: ${detail}` : ''}`);
    Error.stackTraceLimit = depth;
    this.name = 'FsError';
    this.errno = errno[code];
  }
}

/** What was read is not what was written. Says which record, where, what was expected and what was found. */
export class CorruptionError extends FsError {
  constructor(
    readonly record: string,
    readonly where: string,
    readonly problem: string,
  ) {
    super('EUCLEAN', `${record} at ${where}`, undefined, problem);
    this.name = 'CorruptionError';
  }
}

/**
 * An assertion that failed over what an image holds, as the damage that it is: records that contradict each other are
 * seldom seen before they meet. Other errors are returned as they are.
 */
export function asDamage(error: unknown, record: string): unknown {
  if (!(error instanceof Error) || (error.constructor !== Error && !(error instanceof RangeError))) return error;
  const damage = new CorruptionError(record, 'the volume', error.message);
  damage.cause = error;
  return damage;
}

/** Why an image can't be used at all. */
export type VolumeProblem =
  | 'not-varve'
  | 'truncated'
  | 'newer-version'
  | 'unknown-feature'
  | 'in-use'
  /** An encrypted volume, and no key or a wrong one. */
  | 'wrong-key'
  | 'no-permission'
  | 'not-found'
  | 'corrupt'
  | 'too-small'
  | 'usage'
  /** What came in is no stream, damaged, or does not fit. */
  | 'stream'
  | 'io';

/** An image that can't be opened, or a command that can't run on it. */
export class VolumeError extends Error {
  constructor(
    readonly problem: VolumeProblem,
    message: string,
  ) {
    super(message);
    this.name = 'VolumeError';
  }
}
