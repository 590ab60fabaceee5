/** Files that are timed: each call is counted by its kind, with the time from call to answer, and the bytes moved. */
import type { Files, OpenFile, OpenHow, SpaceUsage } from './files.js';
import { Histogram } from './histogram.js';

export const kinds = ['create', 'open', 'read', 'write', 'fsync', 'close', 'stat', 'unlink', 'rename'] as const;
export type Kind = (typeof kinds)[number];

/** Told of each call before it is made, for tests. */
export type Watch = (kind: Kind, path: string, offset: number, length: number) => void;

export class Meter implements Files {
  readonly times = new Map<Kind, Histogram>(kinds.map((kind) => [kind, new Histogram()]));
  operations = 0;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(
    private readonly files: Files,
    private readonly watch: Watch = () => undefined,
  ) {}

  mkdir(path: string): Promise<void> {
    return this.files.mkdir(path);
  }

  async create(path: string): Promise<OpenFile> {
    return this.metered(path, await this.timed('create', path, () => this.files.create(path)));
  }

  async open(path: string, how: OpenHow): Promise<OpenFile> {
    return this.metered(path, await this.timed('open', path, () => this.files.open(path, how)));
  }

  stat(path: string): Promise<number> {
    return this.timed('stat', path, () => this.files.stat(path));
  }

  unlink(path: string): Promise<void> {
    return this.timed('unlink', path, () => this.files.unlink(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.timed('rename', from, () => this.files.rename(from, to));
  }

  usage(): Promise<SpaceUsage> {
    return this.files.usage();
  }

  /** Add what another has counted. */
  merge(other: Meter): void {
    for (const [kind, times] of other.times) this.times.get(kind)?.merge(times);
    this.operations += other.operations;
    this.bytesRead += other.bytesRead;
    this.bytesWritten += other.bytesWritten;
  }

  private metered(path: string, file: OpenFile): OpenFile {
    return {
      read: async (offset, into) => {
        const read = await this.timed('read', path, () => file.read(offset, into), offset, into.length);
        this.bytesRead += read;
        return read;
      },
      write: async (offset, bytes) => {
        await this.timed('write', path, () => file.write(offset, bytes), offset, bytes.length);
        this.bytesWritten += bytes.length;
      },
      sync: () => this.timed('fsync', path, () => file.sync()),
      close: () => this.timed('close', path, () => file.close()),
    };
  }

  private async timed<T>(kind: Kind, path: string, call: () => Promise<T>, offset = 0, length = 0): Promise<T> {
    this.watch(kind, path, offset, length);
    this.operations++;
    const began = performance.now();
    try {
      return await call();
    } finally {
      this.times.get(kind)?.add((performance.now() - began) * 1000);
    }
  }
}
