/**
 * Requests of the kernel as bytes, without a kernel: what the dispatcher replies is kept as hexadecimal. Text may
 * have comments after `//`; numbers are little-endian, in the order of linux/fuse.h.
 */
import type { MountOptions } from '../../fs/fuse/driver.js';
import { Dispatch } from '../../fs/fuse/kernel/dispatch.js';
import type { FileSystemApi } from '../../fs/posix/api.js';
import { ToyFileSystem } from './toy-filesystem.js';

const root = { uid: 0, gid: 0, pid: 1 };
const name = (text: string): Buffer => Buffer.from(text);

/** Bytes of hexadecimal text; what stands after `//` is comment. */
export const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replace(/\/\/.*$/gm, '').replace(/\s+/g, ''), 'hex'));

const time = { seconds: -2, nanos: 5 };
/** All that a clock or a counter would make different each time is fixed. */
export class FixedToy extends ToyFileSystem {
  override getattr(inode: number) {
    return { ...super.getattr(inode), atime: time, mtime: time, ctime: time, btime: time };
  }
  override lookup(parent: number, entry: Uint8Array) {
    return this.getattr(super.lookup(parent, entry).inode);
  }
}

export class Wire {
  readonly log: string[] = [];
  readonly replies: string[] = [];
  delivered = true;
  readonly dispatch: Dispatch;
  pulled = 0;
  /** Moved by tests that look at how long requests took. */
  readonly clock = { ms: 0 };
  ready = false;

  constructor(filesystem: FileSystemApi, options: Partial<MountOptions> = {}) {
    const connection = {
      options: {
        source: 'wire',
        readOnly: false,
        writeThrough: false,
        general: [],
        allowOther: false,
        posixAcl: false,
        log: (line: string) => void this.log.push(line),
        ...options,
      },
      served: {
        filesystem: (rootId: number) => (rootId === 0 ? filesystem : undefined),
        nearLimit: () => false,
      },
      counters: { bytesRead: 0, bytesWritten: 0 },
      clock: this.clock,
      writers: new Map<number, number>(),
      pull: async () => void this.pulled++,
      initialized: () => {
        this.ready = true;
      },
    };
    const outlet = {
      send: (bytes: Uint8Array, length: number) => {
        this.replies.push(Buffer.from(bytes.subarray(0, length)).toString('hex'));
        return this.delivered;
      },
      idle: () => undefined,
    };
    this.dispatch = new Dispatch(connection, outlet);
  }

  /** Bring a request; its length (the first member) is filled in. */
  request(text: string): void {
    const bytes = hex(text);
    new DataView(bytes.buffer).setUint32(0, bytes.length, true);
    const x = this.dispatch.take();
    x.request.bytes.set(bytes);
    if (this.dispatch.serve(x)) this.dispatch.give(x);
  }

  /** The reply to a request, in hexadecimal; undefined if none has come at once. */
  ask(text: string): string | undefined {
    this.replies.length = 0;
    this.request(text);
    return this.replies[0];
  }
}

export const expected = (text: string): string => Buffer.from(hex(text)).toString('hex');

export const header = (opcode: string, nodeId: string): string => `
  00000000          // len: filled in
  ${opcode}         // opcode
  8877665544332291  // unique; its top bit says that it was sent before
  ${nodeId}         // nodeid
  e8030000          // uid 1000
  e9030000          // gid 1001
  39300000          // pid 12345
  0000 0000         // total_extlen, padding
`;

export const rootNode = '0100000000000000';

export const prepared = (): { toy: FixedToy; wire: Wire; inode: number } => {
  const toy = new FixedToy();
  const { inode } = toy.mknod(1, name('file'), 0o100640, 0, 0, root);
  toy.write(inode, 0, Buffer.from('contents'), root);
  return { toy, wire: new Wire(toy), inode };
};
