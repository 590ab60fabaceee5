/** How far long work is, as a log and a program are told; and who asks by SIGUSR1. */
import { beforeEach, expect, it } from 'vitest';
import { Progress, type ProgressReport } from '../../fs/cli/progress.js';
import { CapturedOutput } from '../support/captured-output.js';

const mebibyte = 2 ** 20;
let output: CapturedOutput;
let ms = 0;
const clock = () => ms;
beforeEach(() => {
  output = new CapturedOutput();
  ms = 5000;
});

it('tells a log every ten seconds, with rate and time left', () => {
  const progress = new Progress(output, 'scrub', 'lines', false, clock);
  for (let second = 1; second <= 25; second++) {
    ms += 1000;
    progress.update(second / 40, second * mebibyte, 'data');
  }
  progress.stop();
  expect(output.errors.split('\n')).toEqual([
    'scrub: data, 25 %, 10 MiB at 1.0 MiB/s, 10 s so far, about 30 s left',
    'scrub: data, 50 %, 20 MiB at 1.0 MiB/s, 20 s so far, about 20 s left',
  ]);
});

it('tells a program every second, and at the end, also of what was quick or had nothing to do', () => {
  const progress = new Progress(output, 'fsck', 'json', true, clock);
  progress.update(0 / 0, 0, 'tree');
  ms += 250;
  progress.stop();
  const quick = JSON.parse(output.errors) as ProgressReport;
  expect(quick).toEqual({ what: 'fsck', stage: 'tree', share: 1, bytes: 0, seconds: 0.25, secondsLeft: 0 });
});

it('does not guess before anything is done', () => {
  const progress = new Progress(output, 'send', 'json', false, clock);
  ms += 1000;
  progress.update(0, 0, 'names');
  expect(JSON.parse(output.errors)).toMatchObject({ share: 0, secondsLeft: null });
  progress.stop();
});

it('says nothing away from a terminal unless asked, by an option or a signal', async () => {
  const progress = new Progress(output, 'defrag', undefined, false, clock);
  ms += 60_000;
  progress.update(0.5, mebibyte, '/mnt/v/file');
  expect(output.errors).toBe('');
  process.kill(process.pid, 'SIGUSR1');
  await expect.poll(() => output.errors).toContain('defrag: /mnt/v/file, 50 %, 1.0 MiB');
  const { errors } = output;
  // Another listener: without one the signal would end this process, once progress has gone.
  let heard = 0;
  process.on('SIGUSR1', () => heard++);
  progress.stop();
  process.kill(process.pid, 'SIGUSR1');
  await expect.poll(() => heard).toBe(1);
  expect(output.errors).toBe(errors);
});
