/** Writing the dirty nodes of a tree: children before parents, leaves in key order. Serves the commit. */
import type { Pointer } from '../format/pointer.js';
import { firstVirtual, type Node } from './node.js';
import type { NodeCache } from './node-cache.js';

/**
 * Write a dirty node and the dirty ones below it; all are clean afterwards. `write` appends a node's bytes to the log
 * and returns its pointer.
 */
export function writeNodes(cache: NodeCache, node: Node, write: (node: Node) => Pointer): Pointer {
  if (node.level > 0) {
    const { count } = node;
    for (let i = 0; i < count; i++) {
      const address = node.childAddress(i);
      if (address >= firstVirtual) node.setPointer(i, writeNodes(cache, cache.peek(address) as Node, write));
    }
  }
  const pointer = write(node);
  cache.settle(node, pointer.address);
  return pointer;
}
