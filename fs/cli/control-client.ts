/** The other end of control.ts: how a command asks the server of a mount. */
import { connect, type Socket } from 'node:net';
import { VolumeError } from '../errors.js';
import type { MountEntry } from '../fuse/mount-table.js';
import type { Answer, Arguments } from './control.js';
import { controlPaths } from './control-path.js';
import { type Frame, SocketReader, writeFrame } from './socket-reader.js';

export class ControlConnection {
  /** Resolves when the server has ended or closed the connection. */
  readonly ended: Promise<void>;
  private readonly reader: SocketReader;

  private constructor(private readonly socket: Socket) {
    this.reader = new SocketReader(socket);
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    // ECONNRESET: the server ended before it had answered; 'close' follows.
    socket.on('error', () => socket.destroy());
  }

  /** Undefined: nobody listens there, because the server is dead or runs as another user's. */
  static async open(device: string): Promise<ControlConnection | undefined> {
    for (const path of controlPaths(device)) {
      const connection = await ControlConnection.openAt(path);
      if (connection !== undefined) return connection;
    }
    return undefined;
  }

  /** Throws VolumeError: nobody listens there, or it is not for this user. */
  static async of({ device, target }: Pick<MountEntry, 'device' | 'target'>): Promise<ControlConnection> {
    const connection = await ControlConnection.open(device);
    if (connection === undefined) throw new VolumeError('io', `no server answers for ${target}`);
    return connection;
  }

  private static openAt(path: string): Promise<ControlConnection | undefined> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('connect', () => resolve(new ControlConnection(socket)));
      socket.once('error', (e: NodeJS.ErrnoException) => {
        if (e.code === 'ENOENT' || e.code === 'ECONNREFUSED') resolve(undefined);
        else if (e.code === 'EACCES') reject(new VolumeError('no-permission', 'the mount belongs to another user'));
        else reject(e);
      });
    });
  }

  /** The result of a command. Throws VolumeError with what the server says, or when it ends without an answer. */
  async ask(command: string, given: Arguments = {}): Promise<unknown> {
    this.socket.write(`${JSON.stringify({ command, arguments: given })}\n`);
    const line = await this.reader.line().catch(() => undefined);
    if (line === undefined) throw new VolumeError('io', `the server ended before it answered '${command}'`);
    const answer = JSON.parse(line) as Answer;
    if (!answer.ok) throw new VolumeError(answer.problem, answer.error);
    return answer.result;
  }

  /** After a command that leads to a conversation: the next frame. Throws VolumeError when the server has ended. */
  async frame(): Promise<Frame> {
    const frame = await this.reader.frame().catch(() => undefined);
    if (frame === undefined) throw new VolumeError('io', 'the server ended in the middle');
    return frame;
  }

  send(frame: Frame): Promise<void> {
    return writeFrame(this.socket, frame);
  }

  close(): void {
    this.socket.destroy();
  }
}
