/**
 * The server's side of `varve send` and `varve receive`: the stream goes over the control socket, in frames, as quickly as
 * the other end takes it. Whoever leaves in the middle ends it, and so does the end of the mount.
 */
import type { Socket } from 'node:net';
import type { Volume } from '../volume/volume.js';
import { type Arguments, type Control, Conversation } from './control.js';
import { refusalOf } from './refusal.js';
import { type SocketReader, writeFrame } from './socket-reader.js';
import {
  giveUpPart,
  parts,
  type ReceiveRequest,
  receiveAsked,
  type SendRequest,
  sendAsked,
  type Told,
} from './transfer-commands.js';

/** How often to tell how far it is. */
const tellMs = 200;

export class TransferService {
  private readonly running = new Map<Promise<void>, Socket>();

  constructor(private readonly volume: Volume) {}

  /** Answer `send`, `receive`, `receive-parts` and `receive-give-up`. */
  answer(control: Control): void {
    control.on('send', (given) => this.converse((socket) => this.send(socket, given)));
    control.on('receive', (given) => {
      this.volume.mustBeWritable('receive');
      return this.converse((socket, reader) => this.receive(socket, reader, given));
    });
    control.on('receive-parts', () => parts(this.volume));
    control.on('receive-give-up', ({ name }) => giveUpPart(this.volume, String(name)));
  }

  /** Before the volume is closed: what runs is broken off. */
  async stop(): Promise<void> {
    for (const socket of this.running.values()) socket.destroy();
    await Promise.all(this.running.keys());
  }

  private converse(hold: (socket: Socket, reader: SocketReader) => Promise<unknown>): Conversation {
    return new Conversation(async (socket, reader) => {
      const work = hold(socket, reader)
        .then(
          (result) => ({ result: result ?? null }),
          (e) => refusalOf(e),
        )
        .then((answer) => writeFrame(socket, { note: { answer } }))
        // Whoever asked is gone.
        .catch(() => undefined);
      this.running.set(work, socket);
      await work;
      this.running.delete(work);
    });
  }

  private async send(socket: Socket, given: Arguments): Promise<void> {
    for await (const bytes of sendAsked(this.volume, given as SendRequest, tellerOf(socket)))
      await writeFrame(socket, { bytes });
  }

  private receive(socket: Socket, reader: SocketReader, given: Arguments): Promise<unknown> {
    return receiveAsked(this.volume, chunksOf(reader), given as ReceiveRequest, tellerOf(socket));
  }
}

/** What comes over the socket, until a frame without bytes, or until it closes. */
async function* chunksOf(reader: SocketReader): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    // A connection that was reset is one that has closed.
    const frame = await reader.frame().catch(() => undefined);
    if (frame === undefined || !('bytes' in frame) || frame.bytes.length === 0) return;
    yield frame.bytes;
  }
}

function tellerOf(socket: Socket): Told {
  let last = 0;
  return (bytes, share) => {
    const now = performance.now();
    if ((share < 1 && now - last < tellMs) || !socket.writable) return;
    last = now;
    void writeFrame(socket, { note: { bytes, share } }).catch(() => undefined);
  };
}
