/**
 * Sends a snapshot: all of it, or what it has and an earlier one has not, as a stream of bytes. Nothing is held meanwhile
 * but a few records: the snapshot stays as it is, and when it is deleted the stream ends with ESTALE.
 *
 * Reads of pages run ahead of the records that go out, in their order.
 */
import { VolumeError } from '../errors.js';
import { lastOfKey, type ResumeToken, type StreamPosition, streamMagic, streamVersion } from '../format/stream.js';
import { TransformEntry } from '../format/superblock.js';
import { run } from '../suspend.js';
import { type ItemDifference, TreeDifference } from '../tree/difference.js';
import type { KeptRoot } from '../volume/kept-roots.js';
import { beginning, isNone, isSame, none } from '../volume/receptions.js';
import { SnapshotView } from '../volume/snapshot-view.js';
import type { Volume } from '../volume/volume.js';
import { ItemRecords, type PlannedRecord } from './item-records.js';
import { RecordWriter } from './record-writer.js';
import { countWork, Gone, weightOfPlanned } from './work.js';

/** Records whose pages are being read. */
const mostAhead = 16;

export interface SendOptions {
  /** The snapshot that the receiver has. */
  readonly from?: KeptRoot | undefined;
  /** The receiver has all up to here, of a stream before. */
  readonly after?: StreamPosition;
  /** Units are decoded before they are sent. */
  readonly plain?: boolean;
  /** Let requests be served meanwhile. */
  breathe(): Promise<void>;
  /** Told now and then: bytes so far, and a share from 0 to 1, of inodes and pages. */
  progress?(bytes: number, share: number): void;
}

/** What a token asks for. Throws VolumeError 'not-found'. */
export function askedFor(volume: Volume, token: ResumeToken): { snapshot: KeptRoot } & Omit<SendOptions, 'breathe'> {
  const { receptions } = volume;
  const snapshot = receptions.find(token.to);
  const from = isNone(token.from) ? undefined : receptions.find(token.from);
  if (snapshot === undefined || (from === undefined && !isNone(token.from)))
    throw new VolumeError('not-found', 'a snapshot that the token names is not here any more');
  return { snapshot, from, after: token.after };
}

/** The stream. Rejects with VolumeError 'usage', FsError ESTALE (the snapshot was deleted), EIO. */
export async function* sendStream(
  volume: Volume,
  snapshot: KeptRoot,
  options: SendOptions,
): AsyncGenerator<Uint8Array, void> {
  const { from, after = beginning } = options;
  if (from !== undefined && isSame(from.identity, snapshot.identity))
    throw new VolumeError('usage', `${snapshot.name} is what it should be compared with`);
  const now = new SnapshotView(volume, snapshot);
  const before = from === undefined ? undefined : new SnapshotView(volume, from);
  const plain = options.plain ?? false;
  const records = new ItemRecords(before, now, plain);
  const start = { ...after, offset: after.offset + (isStart(after) ? 0 : 1) };
  const mustBeThere = (): void => {
    now.mustBeThere();
    before?.mustBeThere();
  };
  const work =
    before === undefined && isStart(after) && !plain
      ? snapshot.pages + snapshot.inodes
      : await countWork(
          new TreeDifference(before?.tree, now.tree, start),
          new ItemRecords(before, now, plain),
          async () => {
            mustBeThere();
            options.progress?.(0, 0);
            await options.breathe();
          },
        );
  const gone = new Gone(work);
  const writer = new RecordWriter();
  writer.header(headerOf(volume, snapshot, from, after, work));
  const walk = new TreeDifference(before?.tree, now.tree, start);
  const queue: Queued[] = [];
  const write = async ({ record, flags, key, rest }: Queued): Promise<void> =>
    rest === undefined
      ? writer.record(record.type, flags, key, record.body)
      : writer.record(record.type, flags, key, record.body, await rest);
  for (;;) {
    const differences = await run(() => {
      mustBeThere();
      return walk.next();
    });
    if (differences === undefined) break;
    for (const key of differences) {
      const planned = await run(() => records.plan(key));
      gone.add(weightOfPlanned(key, planned));
      for (const [i, record] of planned.entries()) {
        queue.push(queued(record, i === planned.length - 1 ? lastOfKey : 0, key));
        while (queue.length >= mostAhead) await write(queue.shift() as Queued);
        yield* writer.take();
      }
    }
    options.progress?.(writer.bytes, gone.share);
    await options.breathe();
  }
  for (const one of queue) await write(one);
  writer.end();
  options.progress?.(writer.bytes, 1);
  yield* writer.take(true);
}

interface Queued {
  readonly record: PlannedRecord;
  readonly flags: number;
  readonly key: ItemDifference;
  readonly rest: Promise<Uint8Array> | undefined;
}

function queued(record: PlannedRecord, flags: number, key: ItemDifference): Queued {
  const rest = record.read?.();
  // It is waited for in its turn.
  rest?.catch(() => undefined);
  return { record, flags, key, rest };
}

const isStart = ({ inode, kind, offset }: StreamPosition): boolean => inode === 0 && kind === 0 && offset === 0;

function headerOf(volume: Volume, snapshot: KeptRoot, from: KeptRoot | undefined, after: StreamPosition, work: number) {
  const { superblock, nextInode } = volume.state;
  return {
    magic: streamMagic,
    version: streamVersion,
    flags: 0,
    checksum: 0,
    features: 0,
    to: snapshot.identity,
    from: from?.identity ?? none,
    after,
    seconds: snapshot.seconds,
    inodes: snapshot.inodes,
    pages: snapshot.pages,
    nextInode,
    work,
    name: snapshot.name,
    fromName: from?.name ?? '',
    transforms: withoutEncryption(superblock.transforms),
  };
}

/** What is sent is not encrypted. */
function withoutEncryption(table: Uint8Array): Uint8Array {
  const sent = new Uint8Array(table.length);
  for (let at = 0; at < table.length; at += TransformEntry.size) {
    const { compression, name } = TransformEntry.read(viewOf(table), at);
    if (compression !== 0) TransformEntry.write(viewOf(sent), at, { compression, encryption: 0, name });
  }
  return sent;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
