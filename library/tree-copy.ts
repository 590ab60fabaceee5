/** What copying a tree has done so far, and what the two directions share. */
import { Buffer } from 'node:buffer';

/** What copyIn and copyOut have copied. */
export interface TreeCopy {
  /** Regular files. */
  files: number;
  /** Directories, the first one too. */
  directories: number;
  /** Symbolic links, fifos, sockets, devices. */
  others: number;
  /** Of files, holes left out. */
  bytes: number;
  /** What of a path could not be kept, as its owner, and why. */
  readonly incomplete: { readonly path: string; readonly why: string }[];
}

/** Told after each entry and each piece; waited for. */
export type CopyProgress = (copy: TreeCopy) => void | Promise<void>;

export const startCopy = (): TreeCopy => ({ files: 0, directories: 0, others: 0, bytes: 0, incomplete: [] });

/** Bytes that are copied at a time. */
export const piece = 1 << 18;

const slash = Buffer.from('/');
export const below = (path: Buffer, name: Uint8Array): Buffer => Buffer.concat([path, slash, name]);

/** Do what this user or that filesystem may not be able to do; false where it can't be. */
export async function kept(copy: TreeCopy, path: Buffer, act: () => unknown): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code !== 'EPERM' && code !== 'EOPNOTSUPP' && code !== 'ENOTSUP') throw e;
    copy.incomplete.push({ path: path.toString(), why: (e as Error).message });
    return false;
  }
}

const zeros = Buffer.alloc(piece);
/** At most `piece` bytes. */
export const isZero = (bytes: Uint8Array): boolean => zeros.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
