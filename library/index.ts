/**
 * Varve as a library: files in an image without mounting it, and without being root.
 *
 *     import { Image } from 'varve';
 *
 *     const image = await Image.open('backup.img', { readOnly: true, snapshot: 'monday' });
 *     try {
 *       console.log(await image.files.readFile('/etc/hosts', 'utf8'));
 *     } finally {
 *       await image.close();
 *     }
 *
 * `Image` opens and makes volumes; `image.files` has the shape of Node's `fs/promises`. `FileSystem` and `Volume` are
 * the two layers below, by inode and by key, for who needs more.
 */
export { FsError, VolumeError } from '../fs/errors.js';
export { FileSystem } from '../fs/posix/filesystem.js';
export { run } from '../fs/suspend.js';
export type { Transform } from '../fs/transform/transform.js';
export { Volume } from '../fs/volume/volume.js';
export { copyIn } from './copy-in.js';
export { copyOut } from './copy-out.js';
export { FileHandle } from './file-handle.js';
export { Files } from './files.js';
export { Image, type ImageOptions } from './image.js';
export { Entry, Stats } from './stats.js';
export type { TreeCopy } from './tree-copy.js';
