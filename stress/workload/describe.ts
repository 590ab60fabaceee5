/** A profile in words, from its data: for --help and for docs/STRESS.md, which a test compares with it. */
import { formatSize } from '../../fs/cli/size.js';
import type { Profile, SetOfFiles, Step } from './profile.js';

const usedAs: Readonly<Record<SetOfFiles['use'], string>> = {
  own: 'each of one worker',
  shared: 'read by all',
  pages: 'each piece of one worker',
};

export function describe({ name, summary, concurrency, sets, round }: Profile): string {
  return [
    `${name}: ${summary}`,
    ...Object.entries(sets).map(([set, definition]) => `  ${set}: ${describeSet(definition)}`),
    `  each of ${concurrency} workers: ${round.map(describeStep).join('; ')}`,
  ].join('\n');
}

function describeSet({ files, fixed, size, present, directoryWidth, use, piece }: SetOfFiles): string {
  const bytes = typeof size === 'number' ? formatSize(size) : `${formatSize(size.mean)} (gamma ${size.shape})`;
  const there = present === 1 ? '' : `, ${Math.round(present * 100)} % of them there at the start`;
  const width = directoryWidth >= files ? '' : `, ${directoryWidth} in a directory`;
  const pieces = piece === undefined ? '' : ` (${formatSize(piece)})`;
  return `${files}${fixed ? ' (at least)' : ''} of ${bytes}${width}${there}; ${usedAs[use]}${pieces}`;
}

function describeStep(step: Step): string {
  const { times = 1 } = step;
  const often = times === 1 ? '' : times > 1 ? ` x ${times}` : ` once in ${Math.round(1 / times)}`;
  const bytes = 'upTo' in step && step.upTo !== undefined ? ` up to ${formatSize(step.upTo)}` : '';
  const read = 'read' in step && step.read ? ', read before' : '';
  const sync = 'sync' in step && step.sync ? ', synced' : '';
  return `${step.step} ${step.set}${bytes}${read}${sync}${often}`;
}
