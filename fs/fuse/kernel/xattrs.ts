/** Requests about extended attributes. */
import { errno } from '../../errors.js';
import { getxattrIn, setxattrExtraFlag, setxattrIn } from './abi.js';
import type { Exchange, Handler } from './exchange.js';

const aclPrefix = Buffer.from('system.posix_acl_');

/** Without POSIX_ACL the kernel would store ACLs and nobody would obey them. */
const refused = (x: Exchange, name: Uint8Array): boolean =>
  !x.connection.options.posixAcl &&
  name.length > aclPrefix.length &&
  aclPrefix.equals(name.subarray(0, aclPrefix.length));

export const getxattr: Handler = (x) => {
  const { request: r, filesystem } = x;
  const name = r.name(getxattrIn.nameBytes);
  if (refused(x, name)) return -errno.EOPNOTSUPP;
  return valueOrSize(x, filesystem.getxattr(r.inode, name));
};

export const listxattr: Handler = (x) => valueOrSize(x, x.filesystem.listxattr(x.request.inode, x.request));

/** Asked for 0 bytes: only the size. */
const valueOrSize = (x: Exchange, value: Uint8Array): number => {
  const room = x.request.u32(getxattrIn.size);
  if (room === 0) return x.reply.count(value.length);
  return value.length > room ? -errno.ERANGE : x.reply.copy(value);
};

export const setxattr: Handler = (x) => {
  const { request: r, filesystem } = x;
  const name = r.name(setxattrIn.nameBytes);
  if (refused(x, name)) return -errno.EOPNOTSUPP;
  const value = r.data(setxattrIn.nameBytes + name.length + 1, r.u32(setxattrIn.size));
  const killSgid = (r.u32(setxattrIn.setxattrFlags) & setxattrExtraFlag.killSgid) !== 0;
  filesystem.setxattr(r.inode, name, value, r.u32(setxattrIn.flags), r, killSgid);
  return 0;
};

export const removexattr: Handler = (x) => {
  const { request: r, filesystem } = x;
  const name = r.name(0);
  if (refused(x, name)) return -errno.EOPNOTSUPP;
  filesystem.removexattr(r.inode, name, r);
  return 0;
};
