/**
 * ioctl(2): what chattr(1) and lsattr(1) ask. The kernel sends the four requests about flags of an inode through here,
 * after it has checked that the caller owns the inode, and may set immutable and append-only (ioctl_iflags(2)).
 * The answer has exactly the length that was asked for.
 */
import { errno } from '../../errors.js';
import { inodeFlag } from '../../format/item.js';
import { settableFlags } from '../../posix/inode/inode-flags.js';
import { run } from '../../suspend.js';
import { body, ioctlIn, ioctlOut, outBody } from './abi.js';
import type { Exchange, Handler } from './exchange.js';

/** Of linux/fs.h. */
const command = {
  getFlags: 0x80086601,
  setFlags: 0x40086602,
  getVersion: 0x80087601,
  getExtended: 0x801c581f,
  setExtended: 0x401c5820,
} as const;

/** Each flag: ours, as FS_IOC_GETFLAGS has it (FS_*_FL), and as FS_IOC_FSGETXATTR has it (FS_XFLAG_*); 0: not at all. */
const flagTable: readonly (readonly [number, number, number])[] = [
  [inodeFlag.immutable, 0x10, 0x8],
  [inodeFlag.appendOnly, 0x20, 0x10],
  [inodeFlag.noDump, 0x40, 0x80],
  [inodeFlag.noAtime, 0x80, 0x40],
  [inodeFlag.compress, 0x4, 0],
  [inodeFlag.noCompress, 0x400, 0],
  [inodeFlag.projectInherit, 0x20000000, 0x200],
];

/** Ours that have a name there; the others stay when such a request sets flags. */
const extendedFlags = flagTable.reduce((sum, row) => (row[2] === 0 ? sum : sum | row[0]), 0);

/** Words of struct fsxattr. */
const extended = { flags: 0, project: 3, words: 7 } as const;
const flagBytes = 4;

const encode = (flags: number, column: 1 | 2): number => {
  let encoded = 0;
  for (const row of flagTable) if ((flags & row[0]) !== 0) encoded |= row[column];
  return encoded;
};

/** Undefined when there is one that Varve does not have. */
const decode = (encoded: number, column: 1 | 2): number | undefined => {
  let [flags, known] = [0, 0];
  for (const row of flagTable) {
    if ((encoded & row[column]) !== 0) flags |= row[0];
    known |= row[column];
  }
  return (encoded & ~known) === 0 ? flags : undefined;
};

export const ioctl: Handler = (x) => {
  const { request: r, filesystem } = x;
  const data = body + ioctlIn.dataBytes / 4;
  switch (r.u32(ioctlIn.command)) {
    case command.getFlags:
      return answer(x, [encode(filesystem.getattr(r.inode).flags, 1)]);
    case command.getVersion:
      return answer(x, [filesystem.getattr(r.inode).generation]);
    case command.getExtended: {
      const { flags, project } = filesystem.getattr(r.inode);
      const words = new Array<number>(extended.words).fill(0);
      words[extended.flags] = encode(flags, 2);
      words[extended.project] = project;
      return answer(x, words);
    }
    case command.setFlags:
      if (r.u32(ioctlIn.inSize) < flagBytes) return -errno.EINVAL;
      return change(x, decode(r.words[data], 1), undefined);
    case command.setExtended: {
      if (r.u32(ioctlIn.inSize) < extended.words * 4) return -errno.EINVAL;
      const flags = decode(r.words[data + extended.flags], 2);
      const stay = filesystem.getattr(r.inode).flags & settableFlags & ~extendedFlags;
      return change(x, flags === undefined ? undefined : flags | stay, r.words[data + extended.project]);
    }
    default:
      return -errno.ENOTTY;
  }
};

const answer = (x: Exchange, words: readonly number[]): number => {
  const { words: to } = x.reply;
  to.fill(0, outBody, outBody + ioctlOut.words);
  for (const [i, word] of words.entries()) to[outBody + ioctlOut.words + i] = word;
  return (ioctlOut.words + words.length) * 4;
};

/** What the kernel has accepted for the file is written first: an immutable file would refuse it. */
const change = (x: Exchange, flags: number | undefined, project: number | undefined): number | Promise<number> => {
  const { request: r, connection, filesystem } = x;
  if (flags === undefined) return -errno.EOPNOTSUPP;
  const { inode, rootId } = r;
  const set = (): number => {
    filesystem.setFlags(inode, flags, project, r);
    return answer(x, []);
  };
  if ((flags & inodeFlag.immutable) === 0 || !connection.writers.has(inode)) return set();
  return connection.pull(rootId, inode).then(() => run(set));
};
