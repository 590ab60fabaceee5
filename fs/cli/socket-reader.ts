/**
 * Reads a socket piece by piece: lines of text, and after some of them frames of bytes. A frame is a length (u32,
 * little-endian) and that many bytes; with the highest bit of the length set, the bytes are a note in JSON. A frame of no
 * bytes ends them.
 */
import type { Socket } from 'node:net';
import { VolumeError } from '../errors.js';

/** Nobody sends more at once. */
const mostBytes = 16 * 2 ** 20;
const noteBit = 2 ** 31;

export type Frame = { readonly bytes: Uint8Array } | { readonly note: Readonly<Record<string, unknown>> };

export class SocketReader {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array(0);
  private last: Promise<unknown> = Promise.resolve();

  constructor(socket: Socket) {
    this.chunks = socket.iterator({ destroyOnReturn: false });
  }

  /** Without its end; undefined: the other side has closed. Calls that come before the last one has resolved wait for it. */
  line(): Promise<string | undefined> {
    const line = this.last.then(() => this.nextLine());
    this.last = line.catch(() => undefined);
    return line;
  }

  private async nextLine(): Promise<string | undefined> {
    for (let searched = 0; ; ) {
      const end = this.rest.indexOf(10, searched);
      if (end >= 0) {
        const line = Buffer.from(this.rest.subarray(0, end)).toString('utf8');
        this.rest = this.rest.subarray(end + 1);
        return line;
      }
      searched = this.rest.length;
      if (!(await this.more())) return undefined;
    }
  }

  /** Undefined: the other side has closed without an end. Throws VolumeError 'io'. */
  async frame(): Promise<Frame | undefined> {
    const head = await this.take(4);
    if (head === undefined) return undefined;
    const length = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
    const size = length % noteBit;
    if (size > mostBytes) throw new VolumeError('io', 'the other side sends what makes no sense');
    const bytes = await this.take(size);
    if (bytes === undefined) return undefined;
    return length < noteBit ? { bytes } : { note: JSON.parse(Buffer.from(bytes).toString('utf8')) };
  }

  private async take(length: number): Promise<Uint8Array | undefined> {
    while (this.rest.length < length) if (!(await this.more())) return undefined;
    const taken = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    return taken;
  }

  private async more(): Promise<boolean> {
    const { value, done } = await this.chunks.next();
    if (done) return false;
    this.rest = this.rest.length === 0 ? value : Buffer.concat([this.rest, value]);
    return true;
  }
}

/** Resolves when the socket takes more. Rejects with VolumeError 'io' when the other side is gone. */
export async function writeFrame(socket: Socket, frame: Frame): Promise<void> {
  const isNote = 'note' in frame;
  const bytes = isNote ? Buffer.from(JSON.stringify(frame.note)) : frame.bytes;
  const head = Buffer.alloc(4);
  head.writeUInt32LE(bytes.length + (isNote ? noteBit : 0));
  if (!socket.writable) throw gone();
  socket.write(head);
  if (bytes.length === 0 || socket.write(bytes)) return;
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      socket.off('drain', settle);
      socket.off('close', settle);
      if (socket.writable) resolve();
      else reject(gone());
    };
    socket.once('drain', settle);
    socket.once('close', settle);
  });
}

const gone = (): VolumeError => new VolumeError('io', 'the other side has gone');
