/**
 * How tools talk to the server of a mount: a socket that only the server's user may open, named by the mount's
 * device number, over which lines of JSON go: `{"command":"info","arguments":{}}` and back
 * `{"ok":true,"result":{}}` or `{"ok":false,"error":"text","problem":"not-found"}`. Requests of one connection are answered in order.
 *
 * A command can also lead to a conversation: from its answer on, frames go over the connection (socket-reader.ts).
 *
 * A command is a name and a handler in the registry: whatever is served can add its own (snapshots, quotas).
 *
 * Invariants
 * 1. The connection ends when the server does: who waits for that needs no answer.
 * 2. A device number names one mount as long as it lives, so what lies at its path from before is a leftover.
 */
import { lstatSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { makeRuntimeDirectory } from './control-path.js';
import { type Refusal, refusalOf } from './refusal.js';
import { SocketReader } from './socket-reader.js';

export type Arguments = Readonly<Record<string, unknown>>;
/** The result must be fit for JSON. What it throws is told to the one who asks. */
export type CommandHandler = (given: Arguments) => unknown;

/** What a handler returns to have the connection for itself, until that is over. */
export class Conversation {
  constructor(readonly hold: (socket: Socket, reader: SocketReader) => Promise<void>) {}
}

export class Control {
  private readonly handlers = new Map<string, CommandHandler>();
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  /** Of the socket at `path`, to know it again. */
  private inode: bigint | undefined;

  constructor(private readonly path: string) {
    this.server = createServer((socket) => void this.converse(socket));
  }

  /** Answer a command. */
  on(command: string, handler: CommandHandler): void {
    this.handlers.set(command, handler);
  }

  async listen(): Promise<void> {
    makeRuntimeDirectory();
    rmSync(this.path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      // The name is made in this very call; the mask is the whole process's, and others listen meanwhile.
      const mask = process.umask(0o177);
      this.server.listen(this.path, resolve);
      process.umask(mask);
    });
    this.inode = inodeOf(this.path);
    // It serves the mount: it is no reason for the process to live.
    this.server.unref();
  }

  /**
   * Take no more connections, and take the name away, unless it is another server's by now: the kernel gives the device
   * number to the next mount as soon as this one is gone. Connections that are open stay until the process ends.
   */
  close(): void {
    // Closing takes away whatever has the name: a server whose name is taken ends with its process.
    if (inodeOf(this.path) !== this.inode) return;
    this.server.close();
    rmSync(this.path, { force: true });
  }

  /** Like `close`; connections end when those who wait have their answers. */
  async end(): Promise<void> {
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    this.close();
    for (const socket of this.sockets) socket.end();
  }

  private async converse(socket: Socket): Promise<void> {
    this.sockets.add(socket);
    socket.unref();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
    const reader = new SocketReader(socket);
    try {
      for (let line = await reader.line(); line !== undefined; line = await reader.line()) {
        const answer = await this.answer(line);
        const talk = answer.ok && answer.result instanceof Conversation ? answer.result : undefined;
        if (socket.writable)
          socket.write(`${JSON.stringify(talk === undefined ? answer : { ok: true, result: null })}\n`);
        if (talk === undefined) continue;
        await talk.hold(socket, reader);
        socket.end();
        return;
      }
    } catch (e) {
      // Who asked was killed before it had read all answers: that is no fault of the server, which it would stop.
      if (!isGone(e)) throw e;
    }
  }

  private async answer(line: string): Promise<Answer> {
    try {
      const { command, arguments: given = {} } = JSON.parse(line) as { command: string; arguments?: Arguments };
      const handler = this.handlers.get(command);
      if (handler === undefined)
        return { ok: false, error: `the server knows no command '${command}'`, problem: 'usage' };
      return { ok: true, result: (await handler(given)) ?? null };
    } catch (e) {
      return { ok: false, ...refusalOf(e) };
    }
  }
}

/** What a socket says whose other end has died. */
export const isGone = (e: unknown): boolean =>
  ['ECONNRESET', 'EPIPE'].includes((e as NodeJS.ErrnoException).code ?? '');

export type Answer = { readonly ok: true; readonly result: unknown } | ({ readonly ok: false } & Refusal);

const inodeOf = (path: string): bigint | undefined => lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
