/**
 * Reads a stream: checks length, checksum and number of each record before it is believed in anything else, and the
 * digest at the end. It holds one record and what the pipe gave with it, whatever the stream says.
 */
import { createHash } from 'node:crypto';
import { VolumeError } from '../errors.js';
import { selfChecksum } from '../format/checksum.js';
import {
  mostRecordBytes,
  StreamEnd,
  StreamHeader,
  StreamRecord,
  streamMagic,
  streamType,
  streamVersion,
} from '../format/stream.js';
import { isSnapshotName, shownName } from '../volume/snapshots.js';

export interface ReadRecord extends StreamRecord {
  readonly body: Uint8Array;
}

/** A stream that can't be believed, or does not fit. */
export const badStream = (problem: string): VolumeError => new VolumeError('stream', `the stream ${problem}`);

export class RecordReader {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array(0);
  private readonly hash = createHash('sha256');
  private records = 0;
  /** Bytes of records that were read. */
  bytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.chunks = chunks[Symbol.asyncIterator]();
  }

  /** Rejects with VolumeError 'stream', 'newer-version', 'unknown-feature'. */
  async header(): Promise<StreamHeader> {
    const bytes = await this.take(StreamHeader.size, 'begins with no header');
    const header = StreamHeader.read(viewOf(bytes));
    if (header.magic !== streamMagic) throw badStream('is not one of varve send');
    if (header.version !== streamVersion)
      throw new VolumeError(
        'newer-version',
        `the stream has version ${header.version}, this program knows ${streamVersion}`,
      );
    if (selfChecksum(bytes, StreamHeader.offsetOf.checksum) !== header.checksum)
      throw badStream('has a damaged header');
    if (header.features !== 0)
      throw new VolumeError('unknown-feature', `the stream needs features that this program does not have`);
    for (const name of [header.name, header.fromName])
      if (name !== '' && !isSnapshotName(name))
        throw badStream(`names a snapshot ${shownName(name)}, as none is called`);
    this.hash.update(bytes);
    return header;
  }

  /** The next record; undefined: the end has come, and all before it is as it was sent. Rejects with VolumeError 'stream'. */
  async next(): Promise<ReadRecord | undefined> {
    const ahead = await this.peek(StreamRecord.size);
    const length = viewOf(ahead).getUint32(StreamRecord.offsetOf.length, true);
    if (length < StreamRecord.size || length > mostRecordBytes) throw this.damaged();
    const bytes = await this.take(length, 'ends early');
    const record = StreamRecord.read(viewOf(bytes));
    if (selfChecksum(bytes, StreamRecord.offsetOf.checksum) !== record.checksum) throw this.damaged();
    if (record.sequence !== this.records % 2 ** 32) throw badStream(`lacks record ${this.records}`);
    const body = bytes.subarray(StreamRecord.size);
    if (record.type === streamType.end) {
      await this.end(body);
      return undefined;
    }
    this.hash.update(bytes.subarray(0, StreamRecord.size));
    this.records++;
    this.bytes += length;
    return { ...record, body };
  }

  private async end(body: Uint8Array): Promise<void> {
    if (body.length !== StreamEnd.size) throw this.damaged();
    const { records, digest } = StreamEnd.read(viewOf(body));
    if (records !== this.records || Buffer.compare(digest, this.hash.digest()) !== 0)
      throw badStream('is not what was sent: its digest is another one');
    if (this.rest.length > 0 || (await this.more())) throw badStream('goes on behind its end');
  }

  private damaged(): VolumeError {
    return badStream(`is damaged: record ${this.records} does not verify`);
  }

  /** The next bytes, without taking them. */
  private async peek(length: number): Promise<Uint8Array> {
    if (this.rest.length < length) await this.gather(length, 'ends early');
    return this.rest;
  }

  private async take(length: number, otherwise: string): Promise<Uint8Array> {
    if (this.rest.length < length) await this.gather(length, otherwise);
    const taken = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    return taken;
  }

  private async gather(length: number, otherwise: string): Promise<void> {
    const parts = [this.rest];
    let have = this.rest.length;
    while (have < length) {
      const { value, done } = await this.chunks.next();
      if (done) throw badStream(otherwise);
      parts.push(value);
      have += value.length;
    }
    this.rest = Buffer.concat(parts);
  }

  private async more(): Promise<boolean> {
    for (;;) {
      const { value, done } = await this.chunks.next();
      if (done) return false;
      if (value.length > 0) return true;
    }
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
