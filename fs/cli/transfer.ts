/**
 * `varve send` and `varve receive`: snapshots as streams of bytes, from a volume to another one, mounted or not. The
 * stream is the program's standard output or input; everything that is said goes to standard error.
 */

import { write } from 'node:fs';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { VolumeError, type VolumeProblem } from '../errors.js';
import type { Received } from '../transfer/receiver.js';
import { type AddCommand, type CommandContext, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { jsonOption } from './json-schema.js';
import { json, type Output } from './output.js';
import { Progress, type ProgressStyle, progressOption } from './progress.js';
import { receiveSchema } from './schemas/snapshots.js';
import { formatSize } from './size.js';
import { withOpenImage } from './snapshot-target.js';
import { standardInput } from './standard-input.js';
import { mountOf } from './target.js';
import {
  giveUpPart,
  type PartFacts,
  parts,
  type ReceiveRequest,
  receiveAsked,
  type SendRequest,
  sendAsked,
  type Told,
} from './transfer-commands.js';

interface SendChoices {
  readonly from?: string;
  readonly token?: string;
  readonly plain?: boolean;
  readonly progress?: ProgressStyle;
}

interface ReceiveChoices {
  readonly name?: string;
  readonly keep?: boolean;
  readonly status?: boolean;
  readonly giveUp?: string;
  readonly progress?: ProgressStyle;
  readonly json?: boolean;
}

const where = ['<image-or-directory>', 'an image that is not mounted, or the directory where one is'] as const;

export const addSend: AddCommand = (program, context) => {
  withExamples(program.command('send'), [
    ['varve send /mnt/v monday > monday.stream', 'all of a snapshot'],
    ['varve send -i monday /mnt/v tuesday | ssh backup varve receive -s /mnt/b', 'what has changed, to another volume'],
    ['varve send -t TOKEN /mnt/v | ssh backup varve receive -s /mnt/b', 'go on after a break'],
  ])
    .description(
      'write a snapshot as a stream to standard output, whole or as the difference to an earlier one\n' +
        'Compressed data is sent as it is stored. The stream is not encrypted.',
    )
    .argument(...where)
    .argument('[snapshot]', 'the snapshot to send')
    .option('-i, --from <snapshot>', 'only what has changed since this one, which the receiver has')
    .option('-t, --token <token>', 'go on where a receiver stopped, with the token that it printed')
    .option('--plain', 'decompress before sending, for a receiver that lacks the kind of compression')
    .addOption(progressOption())
    .action((path: string, snapshot: string | undefined, choices: SendChoices) =>
      send(path, snapshot, choices, context),
    );
};

export const addReceive: AddCommand = (program, context) => {
  withExamples(program.command('receive'), [
    ['varve receive /mnt/b < monday.stream', 'then look into /mnt/b/.snapshots/monday'],
    ['varve receive -s b.img < stream', 'keep what came if the stream breaks off'],
    ['varve receive --status b.img', 'the tokens of what waits for its rest'],
  ])
    .description(
      'make a snapshot of a stream from standard input\n' +
        'It appears when all of it has come and verifies. The live files stay as they are: read it under .snapshots, or\n' +
        'make it live with varve snapshot rollback, or a branch of it with varve snapshot clone.',
    )
    .argument(...where)
    .option('--name <name>', 'a name for the snapshot instead of its own')
    .option('-s, --keep', 'keep what came if the stream breaks off, and print a token for varve send -t')
    .option('--status', 'list what waits for its rest, with tokens')
    .option('--give-up <name>', 'give up what came of a snapshot')
    .addOption(progressOption())
    .addOption(jsonOption(receiveSchema))
    .action((path: string, choices: ReceiveChoices) => receive(path, choices, context));
};

async function send(
  path: string,
  snapshot: string | undefined,
  { token, from, plain, progress }: SendChoices,
  { output }: CommandContext,
): Promise<void> {
  if ((snapshot === undefined) === (token === undefined))
    throw new VolumeError('usage', 'name a snapshot, or give a token with -t');
  if (token !== undefined && from !== undefined) throw new VolumeError('usage', 'a token says itself what -i would');
  if (isatty(1)) throw new VolumeError('usage', 'the stream is no text: send it to a file or a program');
  const asked: SendRequest = { snapshot, token, from, plain };
  const bar = new Progress(output, 'send', progress);
  try {
    const mount = mountOf(path);
    if (mount === undefined)
      await withOpenImage(path, true, async (volume) => {
        for await (const chunk of sendAsked(volume, asked, told(bar))) await writeOut(chunk);
      });
    else
      await withServer(path, async (server) => {
        await server.ask('send', { ...asked });
        await answerOf(server, told(bar), writeOut);
      });
  } finally {
    bar.stop();
  }
}

const told =
  (progress: Progress): Told =>
  (bytes, share) =>
    progress.update(share, bytes, 'stream');

async function receive(path: string, choices: ReceiveChoices, context: CommandContext): Promise<void> {
  const { output } = context;
  if (choices.status) return status(path, choices, output);
  const { giveUp } = choices;
  if (giveUp !== undefined) {
    await onVolume(path, false, (volume) => giveUpPart(volume, giveUp), ['receive-give-up', { name: giveUp }]);
    return;
  }
  // Not process.stdin: to look at that would make the descriptor one that does not wait.
  if (isatty(0)) throw new VolumeError('usage', 'the stream comes from standard input: from a file or a program');
  const asked: ReceiveRequest = { name: choices.name, keep: choices.keep };
  const bar = new Progress(output, 'receive', choices.progress);
  let received: Received;
  try {
    const mount = mountOf(path);
    received =
      mount === undefined
        ? await withOpenImage(path, false, (volume) => receiveAsked(volume, standardInput(), asked, told(bar)))
        : await withServer(path, (server) => pushIn(server, asked, told(bar)));
  } finally {
    bar.stop();
  }
  output.line(choices.json ? json(received) : `received ${received.name}: ${formatSize(received.bytes)}`);
}

async function status(path: string, choices: ReceiveChoices, output: Output): Promise<void> {
  const list = (await onVolume(path, true, async (volume) => parts(volume), ['receive-parts', {}])) as PartFacts[];
  if (choices.json) output.line(json(list));
  else for (const { name, inodes, token } of list) output.line(`${name}: ${inodes} files came; varve send -t ${token}`);
}

/** Ask the server of a mount, or do it on an image. */
function onVolume(
  path: string,
  readOnly: boolean,
  here: Parameters<typeof withOpenImage<unknown>>[2],
  [command, given]: readonly [string, Readonly<Record<string, unknown>>],
): Promise<unknown> {
  return mountOf(path) === undefined
    ? withOpenImage(path, readOnly, here)
    : withServer(path, (server) => server.ask(command, given));
}

async function withServer<T>(path: string, use: (server: ControlConnection) => Promise<T>): Promise<T> {
  const mount = mountOf(path);
  const server = mount === undefined ? undefined : await ControlConnection.open(mount.device);
  if (server === undefined) throw new VolumeError('io', `no server answers for ${path}`);
  try {
    return await use(server);
  } finally {
    server.close();
  }
}

/** What the server answers in the end; frames before it go to `bytes`. Throws VolumeError with what it says. */
async function answerOf(
  server: ControlConnection,
  told: Told,
  bytes: (chunk: Uint8Array) => Promise<void>,
): Promise<unknown> {
  for (;;) {
    const frame = await server.frame();
    if ('bytes' in frame) {
      await bytes(frame.bytes);
      continue;
    }
    const { answer, bytes: done, share } = frame.note as unknown as Note;
    if (answer === undefined) told(done, share);
    else if (answer.error === undefined) return answer.result;
    else throw new VolumeError(answer.problem ?? 'io', answer.error);
  }
}

interface Note {
  readonly bytes: number;
  readonly share: number;
  readonly answer?: { readonly result?: unknown; readonly error?: string; readonly problem?: VolumeProblem };
}

/** Standard input to the server, for as long as it takes it. */
async function pushIn(server: ControlConnection, asked: ReceiveRequest, told: Told): Promise<Received> {
  await server.ask('receive', { ...asked });
  const answer = answerOf(server, told, async () => undefined);
  let failure: unknown;
  let answered = false;
  const push = async (): Promise<void> => {
    try {
      for await (const bytes of standardInput(() => !answered)) await server.send({ bytes });
      if (!answered) await server.send({ bytes: new Uint8Array(0) });
    } catch (e) {
      // A server that refuses what comes has said so in its answer. What can't be read ends the conversation.
      if (e instanceof VolumeError) return;
      failure = e;
      server.close();
    }
  };
  void push();
  try {
    return (await answer) as Received;
  } catch (e) {
    throw failure ?? e;
  } finally {
    answered = true;
  }
}

const writeTo = promisify(write);

/** To standard output, all of it. Throws VolumeError 'io'. */
async function writeOut(chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    try {
      at += (await writeTo(1, chunk, at, chunk.length - at)).bytesWritten;
    } catch (e) {
      const { code, message } = e as NodeJS.ErrnoException;
      if (code === 'EAGAIN') await new Promise((resolve) => setTimeout(resolve, 1));
      else throw new VolumeError('io', code === 'EPIPE' ? 'nobody reads the stream any more' : message);
    }
  }
}
