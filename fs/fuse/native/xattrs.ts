/** Operations on extended attributes. Without a guard nobody would obey ACLs, so they are refused. */
import { FsError } from '../../errors.js';
import { accessAclName, isAclName, sameName } from '../../posix/inode/xattr-name.js';
import type { Call } from './operation.js';

const nameOf = ({ record, guard }: Call): Buffer => {
  const { name } = record;
  if (guard === undefined && isAclName(name)) throw new FsError('EOPNOTSUPP', 'xattr');
  return name;
};

export const getxattr = (call: Call): number => {
  const { filesystem, paths, record, guard } = call;
  const name = nameOf(call);
  const attributes = paths.attributes(record.path);
  guard?.readXattr(attributes, name);
  return valueOrSize(call, filesystem.getxattr(attributes.inode, name));
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
  const { filesystem, paths, record, lent, who, guard } = call;
  const name = nameOf(call);
  const attributes = paths.attributes(record.path);
  guard?.writeXattr(attributes, name);
  const killSgid = guard !== undefined && sameName(name, accessAclName) && !guard.keepsSetgid(attributes);
  filesystem.setxattr(attributes.inode, name, Uint8Array.from(lent), record.flags, who, killSgid);
  return 0;
};

export const removexattr = (call: Call): number => {
  const { filesystem, paths, record, who, guard } = call;
  const name = nameOf(call);
  const attributes = paths.attributes(record.path);
  guard?.removeXattr(attributes, name);
  filesystem.removexattr(attributes.inode, name, who);
  return 0;
};
