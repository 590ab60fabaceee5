/**
 * Projects as ext4 and XFS have them: a directory with the flag `projectInherit` (chattr +P, `varve quota project`) hands
 * its project id, and directories the flag too, to what is made in it; and takes no entries of other projects, so that what
 * is in the tree is of the project. mv(1) then copies.
 */
import { FsError } from '../../errors.js';
import { inodeFlag } from '../../format/item.js';
import type { Inode } from '../inode/inode.js';

/** The project of a new entry. */
export const inheritedProject = ({ record }: Inode): number =>
  (record.flags & inodeFlag.projectInherit) === 0 ? 0 : record.project;

/** EXDEV if the inode may have no name in the directory. */
export function refuseOtherProject(inode: Inode, { record }: Inode, operation: string): void {
  if ((record.flags & inodeFlag.projectInherit) !== 0 && inode.record.project !== record.project)
    throw new FsError('EXDEV', operation, inode.number, 'of another project');
}
