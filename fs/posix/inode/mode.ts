/** The bits of st_mode. */
export const fileType = {
  mask: 0o170000,
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  regular: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

export const modeBit = { setuid: 0o4000, setgid: 0o2000, sticky: 0o1000, groupExecute: 0o010 } as const;
/** Permissions with setuid, setgid and sticky. */
export const permissionMask = 0o7777;

export const isDirectory = (mode: number): boolean => (mode & fileType.mask) === fileType.directory;
export const isRegular = (mode: number): boolean => (mode & fileType.mask) === fileType.regular;
export const isSymlink = (mode: number): boolean => (mode & fileType.mask) === fileType.symlink;

/** The type as directory entries store it, and as readdir reports it (DT_*). */
export const direntType = (mode: number): number => (mode & fileType.mask) >>> 12;

/**
 * The mode after a change of owner or of contents: no setuid, and no setgid unless the group may not execute and who
 * makes the change is in it (asked only where that decides). As setattr_should_drop_sgid in Linux, fs/attr.c.
 */
export function withoutPrivileges(mode: number, isMember: () => boolean): number {
  const kept = mode & ~modeBit.setuid;
  if ((kept & modeBit.setgid) === 0) return kept;
  return (kept & modeBit.groupExecute) !== 0 || !isMember() ? kept & ~modeBit.setgid : kept;
}
