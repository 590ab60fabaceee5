/**
 * All exit codes of Varve's programs, and what each kind of failure becomes in each of them. Scripts depend on
 * these numbers: they are added to, never changed.
 *
 * - `varve` has a code of its own for each reason why an image can't be used.
 * - `fsck.varve` has the bits of fsck(8).
 * - `mkfs.varve` has 0 and 1, as mke2fs.
 * - `mount.varve` has the codes of mount(8), as mount(8) passes them on.
 */
import { VolumeError, type VolumeProblem } from '../errors.js';

/** `varve` and its subcommands. */
export const exitCode = {
  ok: 0,
  /** Something failed that has no code of its own. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** No key for an encrypted volume, or a wrong one. */
  wrongKey: 2,
  /** A scrub found pages that do not verify (as fsck(8): errors left). */
  damaged: 4,
  notVarve: 10,
  truncated: 11,
  newerVersion: 12,
  unknownFeature: 13,
  inUse: 14,
  noPermission: 15,
  notFound: 16,
  corrupt: 17,
  tooSmall: 18,
  io: 19,
  /** What came in to be received is damaged, ends early, or does not fit the volume. */
  stream: 20,
  /** Interrupted by the user (128 + SIGINT). */
  interrupted: 130,
} as const;

/** fsck(8). They are bits: errors corrected and errors left give 5. */
export const fsckExit = {
  clean: 0,
  corrected: 1,
  reboot: 2,
  uncorrected: 4,
  operational: 8,
  usage: 16,
  cancelled: 32,
  library: 128,
} as const;

export const mkfsExit = { ok: 0, failed: 1 } as const;

/** mount(8). */
export const mountExit = {
  ok: 0,
  usage: 1,
  system: 2,
  internal: 4,
  interrupted: 8,
  failed: 32,
} as const;

/** What each code means, for manual pages: one table a program. */
export const exitMeanings = {
  fsck: [
    [0, 'nothing is wrong'],
    [1, 'what was wrong was repaired'],
    [2, 'what was wrong was repaired, and the machine must be started anew'],
    [4, 'something is wrong and was left so'],
    [8, 'the check could not be done'],
    [16, 'the command line makes no sense'],
    [32, 'cancelled by the user'],
    [128, 'a library is missing'],
  ],
  mkfs: [
    [0, 'the volume was made'],
    [1, 'nothing was made'],
  ],
  varve: [
    [0, 'it was done'],
    [1, 'it failed, for a reason that has no code of its own'],
    [2, 'the command line makes no sense, or a key is wrong'],
    [4, 'a scrub found damage'],
    [10, 'not a Varve volume'],
    [11, 'the image is shorter than the volume'],
    [12, 'made by a newer version'],
    [13, 'uses a feature that this version does not know'],
    [14, 'in use'],
    [15, 'permission denied'],
    [16, 'there is no such image or directory'],
    [17, 'damaged'],
    [18, 'too small'],
    [19, 'input or output failed'],
    [20, 'what came in to be received is damaged, ends early, or does not fit'],
    [130, 'interrupted'],
  ],
  mount: [
    [0, 'the volume is mounted'],
    [1, 'the command line makes no sense, or permission is denied'],
    [2, 'a system call failed'],
    [4, 'an internal error'],
    [8, 'interrupted'],
    [32, 'the mount failed'],
  ],
} as const satisfies Record<string, readonly (readonly [code: number, meaning: string])[]>;

const ofProblem: Record<VolumeProblem, number> = {
  'not-varve': exitCode.notVarve,
  truncated: exitCode.truncated,
  'newer-version': exitCode.newerVersion,
  'unknown-feature': exitCode.unknownFeature,
  'in-use': exitCode.inUse,
  'wrong-key': exitCode.wrongKey,
  'no-permission': exitCode.noPermission,
  'not-found': exitCode.notFound,
  corrupt: exitCode.corrupt,
  'too-small': exitCode.tooSmall,
  usage: exitCode.usage,
  stream: exitCode.stream,
  io: exitCode.io,
};

/** Exit code of `varve` for an error. */
export function exitCodeOf(error: unknown): number {
  return error instanceof VolumeError ? ofProblem[error.problem] : exitCode.failed;
}

/** Exit code of `mount.varve` for an error. */
export function mountExitOf(error: unknown): number {
  if (!(error instanceof VolumeError)) return mountExit.internal;
  if (error.problem === 'usage' || error.problem === 'no-permission') return mountExit.usage;
  if (error.problem === 'wrong-key') return mountExit.system;
  return mountExit.failed;
}

/** Exit code of `fsck.varve` for an image that can't be opened: damage is damage, the rest is an operational error. */
export function fsckExitOf(error: unknown): number {
  if (!(error instanceof VolumeError)) return fsckExit.operational;
  if (error.problem === 'usage') return fsckExit.usage;
  return error.problem === 'corrupt' || error.problem === 'truncated' ? fsckExit.uncorrected : fsckExit.operational;
}
