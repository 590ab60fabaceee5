/**
 * Standard input as chunks, read when they are asked for. A read of a pipe can't be taken back: the process would stay until
 * somebody writes, although it has refused what came. So a read is begun only when there is something to be read.
 */
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { libc } from '../host/libc.js';

const descriptor = 0;
const chunkBytes = 2 ** 20;
/** How long to wait before asking again whether anyone wants it still, in ms. */
const patience = 50;

const poll = libc.func('int poll(void *fds, ulong count, int timeout)');
const readFrom = promisify(read);

/** Until it ends, or is wanted no more. Rejects as read(2) does. */
export async function* standardInput(wanted: () => boolean = () => true): AsyncGenerator<Uint8Array, void> {
  while (await isReadable(wanted)) {
    const { bytesRead, buffer } = await readFrom(descriptor, Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** True: a read will answer, if only with the end or an error. False: nobody wants to know any more. */
async function isReadable(wanted: () => boolean): Promise<boolean> {
  // struct pollfd: descriptor, POLLIN, what was found.
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(descriptor, 0);
  entry.writeInt16LE(1, 4);
  let found = poll(entry, 1, 0) as number;
  while (found <= 0 && wanted())
    found = await new Promise<number>((resolve, reject) =>
      poll.async(entry, 1, patience, (error: unknown, count: number) => (error ? reject(error) : resolve(count))),
    );
  return found > 0;
}
