/**
 * What is mounted where, from /proc/self/mountinfo. Reading that table never asks a filesystem anything, so it is
 * safe in the serving thread and beside a mount whose server is dead.
 */
import { readFileSync } from 'node:fs';

export const mountType = 'fuse.varve';

export interface MountEntry {
  /** Major and minor number: `0:45`. */
  readonly device: string;
  readonly target: string;
  readonly type: string;
  readonly source: string;
  readonly readOnly: boolean;
  /** The user who mounted it, where the filesystem's options say so. */
  readonly owner: number | undefined;
}

/** All mounts, the oldest first. */
export const mounts = (): MountEntry[] => {
  const entries: MountEntry[] = [];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    // 36 35 98:0 /root /mnt rw,noatime shared:1 - ext4 /dev/root rw
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    if (separator < 0) continue;
    entries.push({
      device: fields[2],
      target: plainPath(fields[4]),
      type: fields[separator + 1],
      source: plainPath(fields[separator + 2]),
      readOnly: /^ro(?:,|$)/.test(fields[separator + 3] ?? ''),
      owner: ownerIn(fields[separator + 3]),
    });
  }
  return entries;
};

/** The mount that is seen at just this path: the newest of those stacked there. */
export const mountAt = (target: string): MountEntry | undefined =>
  mounts().findLast((entry) => entry.target === target);

/** `rw,user_id=1000,group_id=1000,default_permissions` */
const ownerIn = (options: string | undefined): number | undefined => {
  const [, uid] = /(?:^|,)user_id=(\d+)/.exec(options ?? '') ?? [];
  return uid === undefined ? undefined : Number(uid);
};

/** Blanks and backslashes are written as \ooo. */
const plainPath = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
