/**
 * A filesystem that often is not ready: before an operation it throws Suspend at random, as the real one does when
 * a node or a page is not in memory. What comes out must not depend on that.
 */
import type { FileSystemApi } from '../../fs/posix/api.js';
import { Suspend } from '../../fs/suspend.js';

/** These never suspend. */
const steady = new Set<PropertyKey>(['hold', 'letGo', 'statfs', 'settled']);

/** The same filesystem, of whose calls the share `probability` is suspended. `random`: 0 to 1. */
export const restless = (filesystem: FileSystemApi, probability: number, random: () => number): FileSystemApi =>
  new Proxy(filesystem, {
    get(target, property, receiver) {
      const member: unknown = Reflect.get(target, property, receiver);
      if (typeof member !== 'function') return member;
      if (steady.has(property)) return member.bind(target);
      return (...args: unknown[]) => {
        if (random() < probability) throw new Suspend(pause(random()), `restless ${String(property)}`);
        return Reflect.apply(member, target, args);
      };
    },
  });

/** At once, after the microtasks, after a turn of the loop, or after a millisecond. */
const pause = (choice: number): Promise<void> => {
  if (choice < 0.4) return Promise.resolve();
  if (choice < 0.8) return new Promise((resolve) => void setImmediate(resolve));
  return new Promise((resolve) => setTimeout(resolve, 1));
};
