/** Where servers keep their sockets and logs: /run/varve, and for users without it a directory of their own. */
import { accessSync, constants } from 'node:fs';

export const runtimeDirectory = (): string => {
  const own = process.env.XDG_RUNTIME_DIR;
  if (writable('/run')) return '/run/varve';
  if (own !== undefined && writable(own)) return `${own}/varve`;
  return `/tmp/varve-${process.getuid?.() ?? 0}`;
};

const writable = (directory: string): boolean => {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'ENOENT' || code === 'EROFS' || code === 'ENOTDIR') return false;
    throw e;
  }
};
