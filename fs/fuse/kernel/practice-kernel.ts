/**
 * The kernel's side of the protocol, played: requests are given as bytes to a loop of their own, and replies are
 * looked at. It serves the rehearsal, which wants the very code that answers the real kernel to run.
 *
 * Numbers in requests are written as the kernel would: 64-bit members as two words.
 */
import { errno, FsError } from '../../errors.js';
import type { Served } from '../driver.js';
import {
  body,
  createIn,
  entryOut,
  fsyncFlag,
  fsyncIn,
  getxattrIn,
  inHeader,
  inHeaderBytes,
  mkdirIn,
  opcode,
  opcodeName,
  openIn,
  outBody,
  outHeader,
  readIn,
  releaseIn,
  rename2In,
  setattrIn,
  setattrValid,
  writeFlag,
  writeIn,
} from './abi.js';
import { BackgroundLimit } from './background-limit.js';
import { mostOpen } from './held-writes.js';
import { Channel, RequestLoop } from './request-loop.js';

const [readOnly, writeOnly] = [0, 1];
const regularFile = 0o100644;
/** Bytes of the bodies that have no name or data behind them. */
const [setattrBytes, handleBytes, getattrBytes] = [88, 40, 16];

/** A node id: low and high word. */
export interface NodeId {
  readonly low: number;
  readonly high: number;
}

export const rootNode: NodeId = { low: 1, high: 0 };

/** Writes a request's body, in words from its first. */
type Fill = (words: Uint32Array) => void;
const nothing: Fill = () => undefined;
const text = new TextEncoder();

/** Room for a request and its data. */
const requestBytes = 256 * 1024;
/** How long the loop looks in vain before others go on, in ms: for a few looks. */
const spinMs = 0.005;

/** Practice kernels so far. */
let made = 0;

export class PracticeKernel {
  readonly loop: RequestLoop;
  private readonly request = new Uint8Array(requestBytes);
  private readonly words = new Uint32Array(this.request.buffer);
  /** Bytes of the request that is to be read; 0: none. */
  private length = 0;
  private unique = 0;
  private error = 0;
  private entry = rootNode;
  private answered: () => void = () => undefined;
  private failed: (error: unknown) => void = () => undefined;

  constructor(served: Served, log: (line: string) => void) {
    // A mount has other functions here: what V8 makes for those of one caller alone, it throws away at the next one.
    const channel =
      made++ % 2 === 0
        ? new Channel(this.give, this.receive, () => undefined)
        : new Channel(
            (into) => this.give(into),
            (from) => this.receive(from),
            () => undefined,
          );
    const connection = {
      options: {
        source: 'practice',
        readOnly: false,
        writeThrough: false,
        general: [],
        allowOther: false,
        posixAcl: false,
        log,
      },
      served,
      counters: { bytesRead: 0, bytesWritten: 0 },
      writers: new Map(),
      pull: async () => undefined,
      initialized: () => undefined,
    };
    this.loop = new RequestLoop(channel, connection, new BackgroundLimit(undefined, mostOpen), { spinMs }, (e) => {
      this.end();
      this.failed(e);
    });
    void this.loop.serve();
  }

  /** Resolves when the requests that have come so far are answered, or wait for something. */
  gather(): Promise<void> {
    return this.loop.gather();
  }

  /** Nothing more comes. */
  end(): void {
    this.loop.leave(errno.ENODEV);
  }

  /** The loop asks for a request. */
  private readonly give = (into: Uint8Array): number => {
    const { length } = this;
    if (length === 0) return 0;
    into.set(this.request.subarray(0, length));
    this.length = 0;
    if (this.words[inHeader.opcode] === opcode.FORGET) this.answered();
    return length;
  };

  /** The loop has a reply. */
  private readonly receive = (bytes: Uint8Array): number => {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, outBody + 2);
    this.error = -(words[outHeader.error] | 0);
    this.entry = { low: words[outBody + entryOut.nodeId], high: words[outBody + entryOut.nodeId + 1] };
    this.answered();
    return words[outHeader.length];
  };

  /**
   * Ask, with names (or data) of `tail` behind the first `bytes` bytes of the body. Throws FsError of the reply, and what
   * the loop has thrown.
   */
  private async ask(code: number, node: NodeId, bytes: number, fill: Fill, tail?: Uint8Array): Promise<void> {
    const { words } = this;
    const length = inHeaderBytes + bytes + (tail?.length ?? 0);
    words.fill(0, 0, body + (bytes >>> 2));
    words[inHeader.length] = length;
    words[inHeader.opcode] = code;
    words[inHeader.unique] = ++this.unique;
    words[inHeader.nodeId] = node.low;
    words[inHeader.nodeId + 1] = node.high;
    fill(words.subarray(body, body + (bytes >>> 2)));
    if (tail !== undefined) this.request.set(tail, inHeaderBytes + bytes);
    this.error = 0;
    const reply = new Promise<void>((resolve, reject) => {
      this.answered = resolve;
      this.failed = reject;
    });
    this.length = length;
    this.loop.look();
    await reply;
    if (this.error !== 0) throw new FsError('EIO', opcodeName(code), undefined, `error ${this.error}`);
  }

  /** The node of a name; undefined if there is none. */
  async lookup(parent: NodeId, name: string): Promise<NodeId | undefined> {
    await this.ask(opcode.LOOKUP, parent, 0, nothing, text.encode(`${name}\0`));
    return this.entry.low === 0 && this.entry.high === 0 ? undefined : this.entry;
  }

  async mkdir(parent: NodeId, name: string): Promise<NodeId> {
    const mode: Fill = (words) => words.set([0o755, 0]);
    await this.ask(opcode.MKDIR, parent, mkdirIn.nameBytes, mode, text.encode(`${name}\0`));
    return this.entry;
  }

  /** Make a file and open it for writing. */
  async create(parent: NodeId, name: string): Promise<NodeId> {
    const fill: Fill = (words) => {
      words[createIn.flags] = writeOnly;
      words[createIn.mode] = regularFile;
    };
    await this.ask(opcode.CREATE, parent, createIn.nameBytes, fill, text.encode(`${name}\0`));
    return this.entry;
  }

  /** What the kernel asks before it writes to a file for the first time. */
  async capabilities(node: NodeId): Promise<void> {
    try {
      await this.ask(opcode.GETXATTR, node, getxattrIn.nameBytes, nothing, text.encode('security.capability\0'));
    } catch (e) {
      if (!(e instanceof FsError)) throw e;
    }
  }

  /** Mostly as the kernel writes back what it has in memory, with handles of all kinds. */
  write(node: NodeId, offset: number, data: Uint8Array): Promise<void> {
    const fill: Fill = (words) => {
      words[writeIn.handle] = this.unique & 1;
      words[writeIn.flags] = this.unique % 8 === 7 ? 0 : writeFlag.cached;
      words[writeIn.offset] = offset;
      words[writeIn.size] = data.length;
    };
    return this.ask(opcode.WRITE, node, writeIn.dataBytes, fill, data);
  }

  read(node: NodeId, offset: number, size: number): Promise<void> {
    return this.ask(opcode.READ, node, handleBytes, (words) => {
      words[readIn.offset] = offset;
      words[readIn.size] = size;
    });
  }

  readdir(node: NodeId, plus: boolean, size: number): Promise<void> {
    const code = plus ? opcode.READDIRPLUS : opcode.READDIR;
    return this.ask(code, node, handleBytes, (words) => {
      words[readIn.size] = size;
    });
  }

  /** Times of a written file, as the kernel sends them when it is closed. */
  times(node: NodeId, seconds: number, nanos: number): Promise<void> {
    return this.ask(opcode.SETATTR, node, setattrBytes, (words) => {
      words[setattrIn.valid] = setattrValid.mtime | setattrValid.ctime;
      for (const at of [setattrIn.mtime, setattrIn.ctime]) words[at] = seconds;
      for (const at of [setattrIn.mtimeNanos, setattrIn.ctimeNanos]) words[at] = nanos;
    });
  }

  /** chown, and every other time chmod as well, to what it is. */
  owner(node: NodeId): Promise<void> {
    return this.ask(opcode.SETATTR, node, setattrBytes, (words) => {
      const mode = this.unique & 1 ? setattrValid.mode : 0;
      words[setattrIn.valid] = setattrValid.uid | setattrValid.gid | mode;
      words[setattrIn.mode] = regularFile;
    });
  }

  /** truncate, to less than 4 GiB. */
  truncate(node: NodeId, size: number): Promise<void> {
    return this.ask(opcode.SETATTR, node, setattrBytes, (words) => {
      words[setattrIn.valid] = setattrValid.size;
      words[setattrIn.size] = size;
    });
  }

  getattr(node: NodeId): Promise<void> {
    return this.ask(opcode.GETATTR, node, getattrBytes, nothing);
  }

  open(node: NodeId): Promise<void> {
    return this.ask(opcode.OPEN, node, 8, (words) => {
      words[openIn.flags] = readOnly;
    });
  }

  release(node: NodeId, wasWriting: boolean): Promise<void> {
    return this.ask(opcode.RELEASE, node, 24, (words) => {
      words[releaseIn.flags] = wasWriting ? writeOnly : readOnly;
    });
  }

  /** fsync or fdatasync. */
  fsync(node: NodeId): Promise<void> {
    return this.ask(opcode.FSYNC, node, 16, (words) => {
      words[fsyncIn.flags] = this.unique & 1 ? fsyncFlag.dataOnly : 0;
    });
  }

  rename(parent: NodeId, name: string, newParent: NodeId, newName: string): Promise<void> {
    const fill: Fill = (words) => words.set([newParent.low, newParent.high], rename2In.newParent);
    return this.ask(opcode.RENAME2, parent, rename2In.nameBytes, fill, text.encode(`${name}\0${newName}\0`));
  }

  unlink(parent: NodeId, name: string): Promise<void> {
    return this.ask(opcode.UNLINK, parent, 0, nothing, text.encode(`${name}\0`));
  }

  forget(node: NodeId, lookups: number): Promise<void> {
    return this.ask(opcode.FORGET, node, 8, (words) => words.set([lookups, 0]));
  }
}
