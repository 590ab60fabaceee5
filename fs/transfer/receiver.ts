/**
 * Receives a snapshot: applies a stream to a hidden line that begins at the snapshot on which the stream builds, and makes
 * that a snapshot when the end has come and all of it verifies. A stream that ends early or lies leaves nothing, or (with
 * `keep`) a hidden part, and a token with which the sender goes on.
 *
 * Invariants
 * 1. Nothing is visible before the digest at the end has been compared, and then all of it is, with one checkpoint.
 * 2. Keys ascend: what was done up to a key stays true whatever follows.
 */
import { FsError, VolumeError } from '../errors.js';
import { itemKind } from '../format/item.js';
import { lastOfKey, type StreamHeader, type StreamPosition } from '../format/stream.js';
import { decodeInode } from '../posix/inode/inode-record.js';
import { isDirectory } from '../posix/inode/mode.js';
import { run } from '../suspend.js';
import { rootInode } from '../units.js';
import type { KeptRoot } from '../volume/kept-roots.js';
import { isNone, isSame } from '../volume/receptions.js';
import type { SideLine } from '../volume/side-line.js';
import type { Volume } from '../volume/volume.js';
import { LineWriter } from './line-writer.js';
import { badStream, type ReadRecord, RecordReader } from './record-reader.js';
import { tokenText } from './resume-token.js';
import { StreamChains } from './stream-chains.js';
import { Gone, weightOf } from './work.js';

/** Inode numbers in a stream are below this: half of all stay for the volume's own. */
const endOfSentInodes = 2 ** 47;

export interface ReceiveOptions {
  /** Name for the snapshot instead of the one that it had. */
  readonly name?: string | undefined;
  /** What came stays when the stream breaks off, to be gone on with. */
  readonly keep?: boolean | undefined;
  /** Let requests be served meanwhile. */
  breathe(): Promise<void>;
  /** Told now and then: bytes so far, and a share from 0 to 1, of inodes and pages. */
  progress?(bytes: number, share: number): void;
}

export interface Received {
  readonly name: string;
  readonly bytes: number;
}

/** A stream that broke off, of which a part is kept. */
export class Interrupted extends VolumeError {
  constructor(
    reason: Error,
    readonly token: string,
  ) {
    super(
      reason instanceof VolumeError ? reason.problem : 'io',
      `${reason.message}; what came is kept, go on with: varve send -t ${token}`,
    );
  }
}

/** Rejects with VolumeError 'stream', 'not-found' (the snapshot that it builds on), FsError EEXIST, ENOSPC, EIO. */
export async function receiveStream(
  volume: Volume,
  chunks: AsyncIterable<Uint8Array>,
  options: ReceiveOptions,
): Promise<Received> {
  const reader = new RecordReader(chunks);
  const header = await reader.header();
  if (header.nextInode > endOfSentInodes || !Number.isSafeInteger(header.inodes))
    throw badStream('has inode numbers out of range');
  const partial = partOf(volume, header);
  const name = options.name ?? partial?.name ?? header.name;
  const release = volume.snapshots.claimName(name);
  try {
    const keep = options.keep === true || partial !== undefined;
    const line =
      partial === undefined
        ? await volume.receptions.begin(baseOf(volume, header), name, header.to, keep)
        : volume.receptions.resume(partial);
    const reception = new Reception(volume, line, header, options);
    try {
      await reception.all(reader);
      // A branch that is begun at the snapshot makes numbers of its own.
      volume.state.nextInode = Math.max(volume.state.nextInode, header.nextInode);
      await volume.receptions.finish(line, name, header.seconds);
      return { name, bytes: reader.bytes };
    } catch (e) {
      throw await brokenOff(volume, line, header, keep, e as Error);
    }
  } finally {
    release();
  }
}

/** What is said of it. */
async function brokenOff(
  volume: Volume,
  line: SideLine,
  header: StreamHeader,
  keep: boolean,
  reason: Error,
): Promise<Error> {
  // A volume that has failed takes no more changes: the next one who opens it sees to what is left.
  if (volume.failure !== undefined) return reason;
  try {
    await (keep ? volume.receptions.leave(line) : volume.receptions.abort(line));
  } catch (e) {
    // It is done with a later checkpoint: until then nothing can be said of what came.
    if (e instanceof FsError) return reason;
    throw e;
  }
  if (!keep) return reason;
  return new Interrupted(reason, tokenText({ to: header.to, from: header.from, after: line.side.received }));
}

/** The part that is here already, of which the stream is the rest; undefined: it is a whole one. Throws VolumeError. */
function partOf(volume: Volume, { to, from, after, name }: StreamHeader): KeptRoot | undefined {
  const { receptions } = volume;
  const known = receptions.find(to);
  if (known !== undefined) throw new VolumeError('in-use', `the snapshot is here already, as ${known.name}`);
  if (receptions.isReceiving(to)) throw new VolumeError('in-use', `${name} is being received already`);
  const part = receptions.partial().find(({ identity }) => isSame(identity, to));
  if (part === undefined && !isStart(after))
    throw badStream('is the rest of one, and nothing of that is here that could be gone on with');
  if (part === undefined) return undefined;
  // Of a part that has nothing yet, a stream with another base or none would also be the rest. What the part builds on it
  // holds, also if that snapshot was deleted since.
  if (samePosition(part.received, after) && isSame(receptions.baseOf(part), from)) return part;
  throw new VolumeError(
    'in-use',
    `a part of ${name} is here already: go on with varve send -t TOKEN, as varve receive --status tells it, or give it up`,
  );
}

/** The snapshot that the stream builds on; undefined: none. Throws VolumeError 'not-found'. */
function baseOf(volume: Volume, { from, fromName }: StreamHeader): KeptRoot | undefined {
  if (isNone(from)) return undefined;
  const base = volume.receptions.find(from);
  if (base !== undefined) return base;
  const other = volume.snapshots.find(fromName);
  const but = other === undefined ? '' : `; the ${fromName} that is here is another one`;
  throw new VolumeError('not-found', `the stream builds on the snapshot ${fromName}, which is not here${but}`);
}

const isStart = ({ inode, kind, offset }: StreamPosition): boolean => inode === 0 && kind === 0 && offset === 0;

const samePosition = (a: StreamPosition, b: StreamPosition): boolean =>
  a.inode === b.inode && a.kind === b.kind && a.offset === b.offset;

/** One stream into its line. */
class Reception {
  private readonly writer: LineWriter;

  constructor(
    volume: Volume,
    private readonly line: SideLine,
    private readonly header: StreamHeader,
    private readonly options: ReceiveOptions,
  ) {
    this.writer = new LineWriter(line, header, new StreamChains(volume.transforms, header.transforms));
  }

  async all(reader: RecordReader): Promise<void> {
    const { options, header, line, writer } = this;
    let at: StreamPosition = header.after;
    let open = false;
    const gone = new Gone(header.work);
    for (let record = await reader.next(); record !== undefined; record = await reader.next()) {
      const order = compareKeys(record, at);
      if (order < 0 || (order === 0 && !open)) throw badStream('has its records out of order');
      open = record.flags % 2 !== lastOfKey;
      at = { inode: record.inode, kind: record.kind, offset: record.offset };
      await writer.write(record);
      if (!open) line.side.received = at;
      gone.add(weightOf(record.type, record.body));
      options.progress?.(reader.bytes, gone.share);
      await options.breathe();
    }
    await writer.settled();
    if (open || line.inodes !== header.inodes) throw badStream(`lacks inodes: ${line.inodes} of ${header.inodes} came`);
    await run(() => this.mustHaveRoot());
  }

  /** Without a root directory there is nothing to look at. May throw Suspend. */
  private mustHaveRoot(): void {
    const value = this.line.get(rootInode, itemKind.inode, 0);
    if (value === undefined || !isDirectory(decodeInode(rootInode, value).mode))
      throw badStream('has no root directory');
  }
}

function compareKeys(a: ReadRecord, b: StreamPosition): number {
  return a.inode - b.inode || a.kind - b.kind || a.offset - b.offset;
}
