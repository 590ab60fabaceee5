/**
 * `varve top`: what a mount does, live. Counters are asked of its server at the beginning and at the end of each
 * interval (activity.ts), and what lies between is shown: as a page on a terminal, else a line each.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { VolumeError } from '../errors.js';
import { pageSize } from '../units.js';
import type { Activity } from './activity.js';
import { type Sample, sampleBetween } from './activity-sample.js';
import { callersBy } from './caller-names.js';
import { type AddCommand, type CommandContext, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { jsonOption } from './json-schema.js';
import { topSchema } from './schemas/top.js';
import { Screen } from './screen.js';
import { topLine, topScreen } from './top-screen.js';
import { varveMountAt } from './umount.js';

interface TopChoices {
  readonly interval: string;
  readonly count?: string;
  readonly json?: boolean;
}

const [shortest, longest] = [0.1, 86_400];
/** Space by cause is dearer to ask for than counters, and changes slowly. */
const spaceEveryMs = 5000;

export const addTop: AddCommand = (program, context) => {
  withExamples(program.command('top'), [
    ['varve top /mnt/v', 'a page that is drawn anew each second; q ends it'],
    ['varve top --interval 10 /mnt/v >> v.log', 'a line every ten seconds'],
    ['varve top --json --count 1 /mnt/v', 'all figures of the next second, for scripts'],
  ])
    .description(
      'show what a mount does: requests by kind and latency, cache, cleaner, space, processes\n' +
        'Latencies go from the moment when the server reads a request to its answer. On a terminal q or Ctrl-C ends it; ' +
        'it also ends when the volume is unmounted.',
    )
    .argument('<directory>', 'where the volume is mounted')
    .option('--interval <seconds>', 'between two samples', '1')
    .option('--count <number>', 'end after so many samples')
    .addOption(jsonOption(topSchema, 'print JSON: one object a sample, in one line'))
    .action((directory: string, choices: TopChoices) => top(directory, choices, context));
};

function numberOf(text: string, what: string, from: number, to: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= from && value <= to) return value;
  throw new VolumeError('usage', `${what} must be a number from ${from} to ${to}, not '${text}'`);
}

async function top(directory: string, choices: TopChoices, context: CommandContext): Promise<void> {
  const { output } = context;
  const intervalMs = 1000 * numberOf(choices.interval, '--interval', shortest, longest);
  const count = choices.count === undefined ? Infinity : numberOf(choices.count, '--count', 1, 2 ** 53);
  const mount = varveMountAt(directory);
  const server = await ControlConnection.of(mount);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const screen = choices.json ? undefined : Screen.open(output, stop);
  let shown: Sample | undefined;
  const draw = (): void => {
    if (shown !== undefined) screen?.draw(topScreen(shown, screen.columns, screen.rows));
  };
  screen?.onResize(draw);
  let unmounted = false;
  try {
    await eachSample(server, intervalMs, count, stopping.signal, (sample) => {
      shown = sample;
      if (screen !== undefined) draw();
      else output.line(choices.json ? JSON.stringify(sample) : topLine(sample));
    });
  } catch (e) {
    unmounted = await hasEnded(server);
    if (!unmounted) throw e;
  } finally {
    screen?.close();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    server.close();
  }
  if (unmounted) output.error(`${mount.target} is not mounted any more`);
}

/** Tell of `count` samples, or until told to stop, whether the server answers or not. Throws VolumeError when it ends. */
export async function eachSample(
  server: Pick<ControlConnection, 'ask' | 'ended'>,
  intervalMs: number,
  count: number,
  stop: AbortSignal,
  tell: (sample: Sample) => void,
): Promise<void> {
  const ended = server.ended.then(() => {
    throw new VolumeError('io', 'the server has ended');
  });
  // A pause may be of hours, and would keep the process for so long.
  const pausing = new AbortController();
  ended.catch(() => pausing.abort());
  const stopped = new Promise<undefined>((resolve) =>
    stop.addEventListener('abort', () => {
      pausing.abort();
      resolve(undefined);
    }),
  );
  const ask = async (since?: Activity): Promise<Activity | undefined> => {
    const answer = server.ask('activity', { since: since?.driver.requests });
    return (await Promise.race([answer, stopped])) as Activity | undefined;
  };
  let before = await ask();
  let space: Sample['space']['byCause'] = null;
  let askedAt = -Infinity;
  for (let told = 0; told < count && before !== undefined; told++) {
    const pause = sleep(intervalMs, undefined, { signal: pausing.signal }).catch(() => undefined);
    await Promise.race([pause, ended]);
    if (before.at - askedAt >= spaceEveryMs) {
      askedAt = before.at;
      const pages = (await Promise.race([server.ask('space'), stopped])) as Record<string, number> | undefined;
      if (pages !== undefined) space = inBytes(pages);
    }
    const after = stop.aborted ? undefined : await ask(before);
    if (after === undefined) return;
    tell(sampleBetween(before, after, { time: new Date(), processes: callersBy(after.callers), byCause: space }));
    before = after;
  }
}

const inBytes = (pages: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(pages).map(([name, count]) => [name, count * pageSize]));

/** Whether an error came of the server's end; the news of that may come a moment later. */
async function hasEnded(server: ControlConnection): Promise<boolean> {
  return Promise.race([server.ended.then(() => true), sleep(100).then(() => false)]);
}
