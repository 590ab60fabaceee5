/** Operations on extended attributes. */
import { FsError } from '../../errors.js';
import type { Call } from './operation.js';

const aclPrefix = 'system.posix_acl_';

/** ACLs that nobody enforces are refused. */
const nameOf = ({ record }: Call): Buffer => {
  const { name } = record;
  if (name.toString('latin1').startsWith(aclPrefix)) throw new FsError('EOPNOTSUPP', 'xattr');
  return name;
};

export const getxattr = (call: Call): number => {
  const { filesystem, paths, record } = call;
  const name = nameOf(call);
  return valueOrSize(call, filesystem.getxattr(paths.inode(record.path), name));
};

export const listxattr = (call: Call): number =>
  valueOrSize(call, call.filesystem.listxattr(call.paths.inode(call.record.path), call.who));

/** Asked for 0 bytes: only the size. */
const valueOrSize = ({ record, lent }: Call, value: Uint8Array): number => {
  if (record.size === 0) return value.length;
  if (value.length > record.size) throw new FsError('ERANGE', 'xattr');
  lent.set(value);
  return value.length;
};

/** The value is copied: it may outlive the operation. */
export const setxattr = (call: Call): number => {
  const { filesystem, paths, record, lent, who } = call;
  filesystem.setxattr(paths.inode(record.path), nameOf(call), Uint8Array.from(lent), record.flags, who);
  return 0;
};

export const removexattr = (call: Call): number => {
  const { filesystem, paths, record, who } = call;
  filesystem.removexattr(paths.inode(record.path), nameOf(call), who);
  return 0;
};
