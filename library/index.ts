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
export { FsError, VolumeError, type VolumeProblem } from '../fs/errors.js';
export type { AttributeChanges, Attributes, Credentials, FileSystemApi, Time } from '../fs/posix/api.js';
export { FileSystem } from '../fs/posix/filesystem.js';
export { run } from '../fs/suspend.js';
export type { PathChange, PathDifference } from '../fs/transfer/path-difference.js';
export type { Transform } from '../fs/transform/transform.js';
export type { VolumeApi } from '../fs/volume/api.js';
export { Volume } from '../fs/volume/volume.js';
export { copyIn } from './copy-in.js';
export { copyOut } from './copy-out.js';
export { FileHandle } from './file-handle.js';
export { Files, type Moment, type WriteOptions } from './files.js';
export { type FormatOptions, Image, type ImageOptions } from './image.js';
export { Entry, Stats } from './stats.js';
export type { CopyProgress, TreeCopy } from './tree-copy.js';
