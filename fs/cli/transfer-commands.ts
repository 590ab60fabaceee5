/**
 * What sending and receiving is for those who ask for it by arguments fit for JSON: a command on an image does it in
 * the program itself, the server of a mount for whoever asks it.
 */
import { FsError, VolumeError } from '../errors.js';
import { nextTurn } from '../suspend.js';
import { type Received, receiveStream } from '../transfer/receiver.js';
import { parseToken, tokenText } from '../transfer/resume-token.js';
import { askedFor, sendStream } from '../transfer/sender.js';
import type { KeptRoot } from '../volume/kept-roots.js';
import type { Volume } from '../volume/volume.js';

export interface SendRequest {
  readonly snapshot?: string | undefined;
  readonly from?: string | undefined;
  readonly token?: string | undefined;
  readonly plain?: boolean | undefined;
}

export interface ReceiveRequest {
  readonly name?: string | undefined;
  readonly keep?: boolean | undefined;
}

/** How far it is: bytes of the stream, and a share from 0 to 1. */
export type Told = (bytes: number, share: number) => void;

/** A part of a snapshot that waits for the rest. */
export interface PartFacts {
  readonly name: string;
  readonly inodes: number;
  readonly token: string;
}

/** The stream that is asked for. Throws VolumeError. */
export function sendAsked(volume: Volume, asked: SendRequest, progress: Told): AsyncGenerator<Uint8Array, void> {
  const options = { breathe: breather(), progress, plain: asked.plain ?? false };
  if (asked.token !== undefined) {
    const { snapshot, ...rest } = askedFor(volume, parseToken(asked.token));
    return sendStream(volume, snapshot, { ...rest, ...options });
  }
  if (asked.snapshot === undefined) throw new VolumeError('usage', 'which snapshot is to be sent?');
  const from = asked.from === undefined ? undefined : snapshotOf(volume, asked.from);
  return sendStream(volume, snapshotOf(volume, asked.snapshot), { ...options, from });
}

function snapshotOf(volume: Volume, name: string): KeptRoot {
  const root = volume.snapshots.find(name);
  if (root === undefined) throw new VolumeError('not-found', `there is no snapshot ${name}`);
  return root;
}

export async function receiveAsked(
  volume: Volume,
  chunks: AsyncIterable<Uint8Array>,
  { name, keep }: ReceiveRequest,
  progress: Told,
): Promise<Received> {
  try {
    return await receiveStream(volume, chunks, { name, keep, breathe: breather(), progress });
  } catch (e) {
    if (e instanceof FsError && e.code === 'EEXIST') throw new VolumeError('in-use', e.message);
    throw e;
  }
}

/** Parts of snapshots that wait for the rest. */
export function parts({ receptions }: Volume): PartFacts[] {
  return receptions.partial().map((part) => {
    const { name, inodes, identity, received } = part;
    return { name, inodes, token: tokenText({ to: identity, from: receptions.baseOf(part), after: received }) };
  });
}

/** Give up a part. Throws VolumeError 'not-found'. */
export async function giveUpPart({ receptions }: Volume, name: string): Promise<void> {
  const part = receptions.partial().find((one) => one.name === name);
  if (part === undefined) throw new VolumeError('not-found', `no part of a snapshot ${name} waits for its rest`);
  await receptions.remove(part.id);
}

/** Lets others go first when it was asked for a while. */
function breather(): () => Promise<void> {
  const stretchMs = 4;
  let last = performance.now();
  return async () => {
    if (performance.now() - last < stretchMs) return;
    await nextTurn();
    last = performance.now();
  };
}
