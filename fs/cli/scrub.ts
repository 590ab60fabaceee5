/**
 * `varve scrub`: verifies every page of a mounted volume while it is used. The server does it (scrub-service.ts);
 * here it is started, watched and reported.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { VolumeError } from '../errors.js';
import { findingText, type ScrubStatus } from '../scrub/report.js';
import { type AddCommand, type CommandContext, withExamples } from './command.js';
import { ControlConnection } from './control-client.js';
import { exitCode } from './exit-codes.js';
import { jsonOption } from './json-schema.js';
import { json, type Output, paint } from './output.js';
import { Progress, type ProgressStyle, progressOption } from './progress.js';
import { scrubSchema } from './schemas/upkeep.js';
import { counted, formatSize, parseSize } from './size.js';
import { varveMountAt } from './umount.js';

interface ScrubChoices {
  readonly rate?: string;
  readonly background?: boolean;
  readonly status?: boolean;
  readonly cancel?: boolean;
  readonly json?: boolean;
  readonly progress?: ProgressStyle;
}

/** How often to look how far it is, in milliseconds. */
const lookMs = 200;

export const addScrub: AddCommand = (program, context) => {
  withExamples(program.command('scrub'), [
    ['varve scrub --background --rate 50M /mnt/v', 'verify everything, gently, from cron'],
    ['varve scrub --status /mnt/v', 'how far it is'],
  ])
    .description(
      'verify every page of a mounted volume while it is used; exits with 4 if some are damaged\n' +
        'Without --rate it takes half of the time that nobody else needs, and a tenth of the rest.',
    )
    .argument('<directory>', 'where the volume is mounted')
    .option('--rate <size>', 'read at most so much a second, as 100M')
    .option('--background', 'start it and return')
    .option('--status', 'how far it is, or how the last one ended')
    .option('--cancel', 'end the one that is running')
    .addOption(progressOption())
    .addOption(jsonOption(scrubSchema))
    .action((directory: string, choices: ScrubChoices) => scrub(directory, choices, context));
};

async function scrub(directory: string, choices: ScrubChoices, context: CommandContext): Promise<void> {
  const rate = choices.rate === undefined ? undefined : parseSize(choices.rate);
  if (rate === 0) throw new VolumeError('usage', '--rate must be above 0');
  if ([choices.background, choices.status, choices.cancel].filter(Boolean).length > 1)
    throw new VolumeError('usage', 'only one of --background, --status and --cancel makes sense');
  const mount = varveMountAt(directory);
  const server = await ControlConnection.of(mount);
  const ask = async (command: string, given = {}) => (await server.ask(command, given)) as ScrubStatus | null;
  try {
    let status: ScrubStatus | null;
    if (choices.status) status = await ask('scrub-status');
    else if (choices.cancel) status = await ask('scrub-cancel');
    else {
      status = await ask('scrub-start', { rate });
      if (!choices.background) status = await watch(ask, context, choices);
    }
    report(mount.target, status, choices, context);
  } finally {
    server.close();
  }
}

/** Wait for its end; interrupted, it is cancelled. */
async function watch(
  ask: (command: string) => Promise<ScrubStatus | null>,
  context: CommandContext,
  { progress, json: quiet = false }: ScrubChoices,
): Promise<ScrubStatus | null> {
  let interrupted = false;
  const interrupt = (): void => {
    interrupted = true;
  };
  process.once('SIGINT', interrupt);
  const bar = new Progress(context.output, 'scrub', progress, quiet);
  try {
    for (;;) {
      const status = await ask(interrupted ? 'scrub-cancel' : 'scrub-status');
      if (status !== null) bar.update(status.done / status.all, status.bytesRead, status.stage);
      if (status?.state !== 'running') return status;
      await sleep(lookMs);
    }
  } finally {
    bar.stop();
    process.off('SIGINT', interrupt);
    if (interrupted) context.exit = exitCode.interrupted;
  }
}

function report(target: string, status: ScrubStatus | null, choices: ScrubChoices, context: CommandContext): void {
  const { output } = context;
  if (choices.json) output.line(json(status));
  else if (status === null) output.line(`${target}: no scrub since it was mounted`);
  else printStatus(output, target, status);
  if (status === null || context.exit !== exitCode.ok) return;
  if (status.errors > 0) context.exit = exitCode.damaged;
  else if (status.state === 'failed' || (status.state === 'stopped' && !choices.cancel && !choices.status))
    context.exit = exitCode.failed;
}

function printStatus(output: Output, target: string, status: ScrubStatus): void {
  const { state, stage, done, all, errors, findings, pagesChecked, bytesRead, seconds, failure } = status;
  for (const finding of findings) output.line(findingText(finding));
  if (errors > findings.length) output.line(`... and ${counted(errors - findings.length, 'error')} more`);
  const share = all === 0 ? 100 : Math.floor((100 * done) / all);
  const words = {
    running: `running, ${share} % (${stage})`,
    finished: 'finished',
    stopped: 'cancelled',
    failed: 'failed',
  };
  const { data, nodes, summaries, fixed } = pagesChecked;
  output.line(
    `${target}: scrub ${words[state]}${failure === undefined ? '' : `: ${failure}`}; verified ` +
      `${counted(data, 'data page')}, ${counted(nodes, 'node page')}, ${counted(fixed, 'fixed page')}, ${counted(summaries, 'summary', 'summaries')}; ` +
      `${formatSize(bytesRead)} in ${seconds.toFixed(1)} s`,
  );
  const verdict = errors === 0 ? paint(output, 'green', 'no errors') : paint(output, 'red', counted(errors, 'error'));
  output.line(`${target}: ${verdict}${state === 'finished' ? '' : ' so far'}`);
}
