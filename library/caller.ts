/** Who the library is when it calls the filesystem: whoever can write the image can do everything in it. */
import type { Credentials } from '../fs/posix/api.js';

export const caller: Credentials = {
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  pid: process.pid,
};
