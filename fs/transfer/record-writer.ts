/**
 * Writes a stream: the header, records with checksums and numbers, and the end with the digest of all before it, in
 * blocks that a pipe takes well. The memory of a block is its reader's from then on.
 */
import { createHash } from 'node:crypto';
import { checksum, selfChecksum } from '../format/checksum.js';
import { StreamEnd, StreamHeader, StreamRecord, streamType } from '../format/stream.js';
import type { ItemKey } from '../tree/difference.js';

const blockBytes = 512 * 1024;
const at = StreamRecord.offsetOf;

export class RecordWriter {
  private block = Buffer.allocUnsafe(blockBytes);
  private used = 0;
  private full: Uint8Array[] = [];
  private readonly hash = createHash('sha256');
  private records = 0;
  /** Bytes handed out and waiting. */
  bytes = 0;

  header(header: StreamHeader): void {
    const start = this.room(StreamHeader.size);
    const bytes = this.block.subarray(start, start + StreamHeader.size);
    StreamHeader.write(viewOf(bytes), 0, { ...header, checksum: 0 });
    viewOf(bytes).setUint32(StreamHeader.offsetOf.checksum, selfChecksum(bytes, StreamHeader.offsetOf.checksum), true);
    this.hash.update(bytes);
  }

  /** Append a record whose body is made of parts. */
  record(type: number, flags: number, { inode, kind, offset }: ItemKey, ...parts: readonly Uint8Array[]): void {
    let length = StreamRecord.size;
    for (const part of parts) length += part.length;
    const start = this.room(length);
    const bytes = this.block.subarray(start, start + length);
    const view = viewOf(bytes);
    StreamRecord.write(view, 0, {
      length,
      checksum: 0,
      sequence: this.records++ % 2 ** 32,
      type,
      flags,
      kind,
      reserved: 0,
      inode,
      offset,
    });
    let to = StreamRecord.size;
    for (const part of parts) {
      bytes.set(part, to);
      to += part.length;
    }
    view.setUint32(at.checksum, checksum(bytes), true);
    if (type !== streamType.end) this.hash.update(bytes.subarray(0, StreamRecord.size));
  }

  end(): void {
    const body = new Uint8Array(StreamEnd.size);
    StreamEnd.write(viewOf(body), 0, { records: this.records, digest: this.hash.digest() });
    this.record(streamType.end, 0, { inode: 0, kind: 0, offset: 0 }, body);
    this.flush();
  }

  /** Blocks that are full since the last call, or all that there is. */
  take(all = false): Uint8Array[] {
    if (all) this.flush();
    const { full } = this;
    this.full = [];
    return full;
  }

  private room(length: number): number {
    if (this.used + length > blockBytes) this.flush();
    const start = this.used;
    this.used += length;
    this.bytes += length;
    return start;
  }

  private flush(): void {
    if (this.used === 0) return;
    const block = this.block.subarray(0, this.used);
    this.full.push(block);
    this.block = Buffer.allocUnsafe(blockBytes);
    this.used = 0;
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
