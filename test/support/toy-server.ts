/**
 * Serves a ToyFileSystem on a directory until it is unmounted: `toy-server DIR [--restless=P] [--fail=METHOD]
 * [--write-through] [--near-limit] [--driver=native]`. Speaks with its parent over IPC: `ready`, lines of its log, and answers to
 * `statistics`, `gather`, `calls` and `nodes`.
 *
 * It ends after two minutes or with its parent, whatever happens: a test that hangs in a system call on the mount
 * can't end itself.
 */
import { kernelDriver } from '../../fs/fuse/kernel/driver.js';
import { nativeDriver } from '../../fs/fuse/native/driver.js';
import type { FileSystemApi } from '../../fs/posix/api.js';
import { restless } from './restless.js';
import { ToyFileSystem } from './toy-filesystem.js';

const [target, ...options] = process.argv.slice(2);
const value = (name: string): string | undefined => options.find((o) => o.startsWith(`--${name}=`))?.split('=')[1];

let seed = 1;
/** The minimal standard generator: the same run every time. */
const random = (): number => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647;
};

const toy = new ToyFileSystem();
let filesystem: FileSystemApi = toy;
const probability = Number(value('restless') ?? 0);
if (probability > 0) filesystem = restless(toy, probability, random);
const broken = value('fail');
if (broken) {
  Reflect.set(filesystem, broken, () => {
    throw new TypeError('broken on purpose');
  });
}

const driver = value('driver') === 'native' ? nativeDriver : kernelDriver;
const session = driver.mount(target, {
  source: 'toy',
  readOnly: false,
  writeThrough: options.includes('--write-through'),
  general: [],
  allowOther: false,
  posixAcl: false,
  log: (line) => process.send?.({ log: line }),
});
process.on('disconnect', () => process.exit(2));
setTimeout(() => process.exit(3), 120_000).unref();
process.on('message', (question) => {
  if (question === 'statistics') process.send?.({ statistics: session.statistics() });
  if (question === 'gather') void session.gather().then(() => process.send?.({ gather: true }));
  if (question === 'calls') process.send?.({ calls: Object.fromEntries(toy.calls) });
  if (question === 'nodes') {
    process.send?.({ nodes: [...toy.nodes.values()].map(({ inode, links, holds }) => ({ inode, links, holds })) });
  }
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void session.unmount(true));
const served = session.serve({
  filesystem: (rootId) => (rootId === 0 ? filesystem : undefined),
  nearLimit: () => options.includes('--near-limit'),
});
await session.ready();
process.send?.('ready');
await served;
process.exit(0);
