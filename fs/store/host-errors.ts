/**
 * What the host says when an image can't be used, in our words: FsError for bytes, VolumeError for opening.
 */
import { FsError, VolumeError } from '../errors.js';

const enospc = 28;
const edquot = 122;

/** A read, write or barrier failed with this errno: ENOSPC when the host is full, else EIO. */
export function hostFailure(errno: number, operation: string, name: string): FsError {
  const full = errno === enospc || errno === edquot;
  return new FsError(full ? 'ENOSPC' : 'EIO', operation, undefined, `${name}: the host answered errno ${errno}`);
}

/** Why open failed. */
export function openFailure(error: unknown, path: string): VolumeError {
  if (error instanceof VolumeError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENXIO':
    case 'ENODEV':
      return new VolumeError('not-found', `${path}: no such image`);
    case 'EACCES':
    case 'EPERM':
      return new VolumeError('no-permission', `${path}: permission denied`);
    case 'EROFS':
      return new VolumeError('no-permission', `${path} can only be read: it lies on a read-only filesystem`);
    case 'EBUSY':
    case 'ETXTBSY':
      return new VolumeError('in-use', `${path} is in use`);
    case 'EISDIR':
      return new VolumeError('usage', `${path} is a directory`);
    default:
      return new VolumeError('io', `${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
