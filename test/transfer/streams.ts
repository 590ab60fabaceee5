/** Streams between volumes in memory, in pieces of any size. */
import { below, type Random } from '../../fs/store/random.js';
import { type Received, type ReceiveOptions, receiveStream } from '../../fs/transfer/receiver.js';
import { parseToken } from '../../fs/transfer/resume-token.js';
import { askedFor, sendStream } from '../../fs/transfer/sender.js';
import type { KeptVolume } from './kept-volume.js';

const breathe = (): Promise<void> => Promise.resolve();

async function gathered(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What `varve send` would write. */
export function sent({ volume }: KeptVolume, name: string, from?: string, plain = false): Promise<Buffer> {
  const snapshot = volume.snapshots.find(name);
  if (snapshot === undefined) throw new Error(`no snapshot ${name}`);
  const base = from === undefined ? undefined : volume.snapshots.find(from);
  return gathered(sendStream(volume, snapshot, { from: base, plain, breathe }));
}

/** The rest, as a token asks for it. */
export function sentOn({ volume }: KeptVolume, token: string): Promise<Buffer> {
  const { snapshot, ...options } = askedFor(volume, parseToken(token));
  return gathered(sendStream(volume, snapshot, { ...options, breathe }));
}

/** The stream in pieces of random length. */
export async function* pieces(stream: Uint8Array, random: Random): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < stream.length; ) {
    const length = 1 + below(random, below(random, 2) === 0 ? 100 : 100_000);
    yield Uint8Array.from(stream.subarray(at, at + length));
    at += length;
  }
}

/** What `varve receive` would do with it. */
export function receive(
  { volume }: KeptVolume,
  stream: Uint8Array,
  random: Random,
  options: Partial<ReceiveOptions> = {},
): Promise<Received> {
  return receiveStream(volume, pieces(stream, random), { breathe, ...options });
}
