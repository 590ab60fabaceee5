/**
 * Makes the model equal to a filesystem that was found and is trusted from now on.
 */
import type { Dump } from './dump.js';
import type { Model } from './model.js';
import { fileType } from './nodes.js';

export function restore(model: Model, found: Dump): void {
  model.nodes.clear();
  for (const [inode, attributes] of found.attributes) {
    const entries = found.entries.get(inode);
    model.nodes.set(inode, {
      inode,
      mode: attributes.mode,
      uid: attributes.uid,
      gid: attributes.gid,
      links: attributes.links,
      device: attributes.device,
      target: found.targets.get(inode),
      contents: found.files.get(inode),
      entries: entries ? new Map(entries.map((entry) => [entry.name, entry.inode])) : undefined,
      parent: (attributes.mode & fileType.mask) === fileType.directory ? (found.parents.get(inode) ?? 0) : 0,
      xattrs: found.xattrs.get(inode) ?? new Map(),
      atime: attributes.atime,
      mtime: attributes.mtime,
      ctime: attributes.ctime,
      btime: attributes.btime,
      holds: 0,
    });
  }
  model.history.restart(found.facts, found.files);
}
