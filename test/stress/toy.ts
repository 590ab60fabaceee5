/**
 * A system under test that is no filesystem at all: a second model. It keeps a copy of itself after every
 * operation, and after a power cut goes on from one of those that the promise allows, or, when told to misbehave,
 * from one that it doesn't. So the harness can be tested before, and apart from, what it is made for.
 */
import type { FileSystemApi, Time } from '../../fs/posix/api.js';
import { below, type Random } from '../../fs/store/random.js';
import { Model } from '../../stress/model/model.js';
import type { ModelNode } from '../../stress/model/nodes.js';
import type { System, SystemMaker } from '../../stress/system/system.js';

export type Misbehaviour =
  | 'forgets what was synced'
  | 'shows zeros'
  | 'swaps contents'
  | 'loses an entry'
  | 'reads wrong';

type Nodes = Map<number, ModelNode>;

const copyOf = (nodes: ReadonlyMap<number, ModelNode>): Nodes =>
  new Map(
    [...nodes].map(([inode, node]) => {
      const entries = node.entries ? new Map(node.entries) : undefined;
      return [inode, { ...node, entries, xattrs: new Map(node.xattrs), holds: 0 }];
    }),
  );

const makers = new Set<string>(['mknod', 'mkdir', 'symlink', 'tmpfile']);

export class ToyMaker implements SystemMaker {
  private past: Nodes[] = [];
  private durable = 0;
  private nextInode = 2;

  constructor(
    private readonly random: Random,
    private readonly clock: () => Time,
    private readonly misbehaviour?: Misbehaviour,
  ) {}

  async format(): Promise<void> {
    const model = new Model(() => ({ seconds: 0, nanos: 0 }));
    model.makeRoot(0o40755, 0, 0);
    this.past = [copyOf(model.nodes)];
    this.durable = 0;
  }

  async generationOf(): Promise<number> {
    return 0;
  }

  async check(): Promise<string[]> {
    return [];
  }

  async open(): Promise<System> {
    const model = new Model(this.clock);
    for (const [inode, node] of this.survivor()) model.nodes.set(inode, node);
    this.remember(model);
    this.durable = this.past.length - 1;
    const settle = (): void => {
      this.durable = this.past.length - 1;
      if (this.misbehaviour !== 'forgets what was synced') this.past.splice(0, this.past.length - 1);
      this.durable = Math.min(this.durable, this.past.length - 1);
    };
    const api = new Proxy<FileSystemApi>(model, {
      get: (target, name, receiver) => {
        if (name === 'fsync' || name === 'sync') return async () => settle();
        const method: unknown = Reflect.get(target, name, receiver);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => {
          if (makers.has(String(name))) model.nextInode = this.nextInode++;
          const result: unknown = Reflect.apply(method, target, args);
          this.remember(model);
          if (name === 'read' && this.misbehaviour === 'reads wrong') (args[2] as Uint8Array)[0] ^= 1;
          return result;
        };
      },
    });
    return {
      api,
      commit: async () => settle(),
      generation: () => 0,
      counters: () => ({ opened: 1 }),
      close: async () => settle(),
      abandon: async () => {},
    };
  }

  private remember(model: Model): void {
    this.past.push(copyOf(model.nodes));
  }

  private survivor(): Nodes {
    const oldest = this.misbehaviour === 'forgets what was synced' ? 0 : this.durable;
    const nodes = copyOf(this.past[oldest + below(this.random, this.past.length - oldest)]);
    this.past = [];
    for (const [inode, node] of nodes) if (node.links === 0) nodes.delete(inode);
    this.spoil([...nodes.values()]);
    return nodes;
  }

  private spoil(nodes: readonly ModelNode[]): void {
    const files = nodes.filter((node) => (node.contents?.size ?? 0) > 0);
    const [a, b] = files;
    if (this.misbehaviour === 'shows zeros' && a?.contents) a.contents = a.contents.zero(0, a.contents.size);
    if (this.misbehaviour === 'swaps contents' && b) [a.contents, b.contents] = [b.contents, a.contents];
    if (this.misbehaviour !== 'loses an entry') return;
    const directory = nodes.find((node) => (node.entries?.size ?? 0) > 2);
    const [name] = directory?.entries?.keys() ?? [];
    if (name !== undefined) directory?.entries?.delete(name);
  }
}
