/**
 * The long run of the model test: random operations on a volume and on a model of it, with remounts and power cuts in
 * between. Stops at the first difference, and fails also when something that it is there to try never happened.
 *
 *     node dist/scripts/soak-model.js [--seed N] [--operations N] [--minutes N] [--size MIB] [--journal MODE] [--compress HOW] [--any] [--trail N] [--image FILE] [--quiet]
 *
 * When the run fails, --image leaves what the disk then holds in FILE, and in FILE.cut what the last power cut left.
 *
 * Exit codes: 0 no difference and everything happened, 1 a difference, 2 something never happened.
 */
import fs from 'node:fs';
import { seededRandom } from '../fs/store/random.js';
import type { SparseBytes } from '../fs/store/sparse-bytes.js';
import { journalModes } from '../fs/volume/journal-mode.js';
import { isZeros } from '../stress/model/contents.js';
import { missingEvents } from '../stress/random/events.js';
import { Harness } from '../stress/random/harness.js';
import { perform } from '../stress/random/operations.js';
import { drawSteps } from '../stress/random/steps.js';
import { VarveMaker } from '../stress/system/varve.js';
import { VirtualTime } from '../stress/system/virtual-time.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: {
    seed: { type: 'string', default: '1' },
    operations: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: '60' },
    size: { type: 'string', default: '64' },
    journal: { type: 'string', default: 'ordered' },
    compress: { type: 'string' },
    any: { type: 'boolean', default: false },
    trail: { type: 'string', default: '40' },
    image: { type: 'string' },
    quiet: { type: 'boolean', default: false },
  },
});

const seed = Number(values.seed);
const journal = journalModes.find((mode) => mode === values.journal) ?? 'ordered';
const compression = values.compress === undefined ? {} : { compression: values.compress };
const operations = Number(values.operations);
const deadline = performance.now() + Number(values.minutes) * 60_000;

function saveImage(path: string, contents: SparseBytes): void {
  const file = fs.openSync(path, 'w');
  fs.ftruncateSync(file, contents.size);
  const block = new Uint8Array(1 << 16);
  for (let at = 0; at < contents.size; at += block.length) {
    contents.read(at, block);
    if (!isZeros(block)) fs.writeSync(file, block, 0, block.length, at);
  }
  fs.closeSync(file);
}

/** How long an operation may take, in milliseconds; up to twice that is waited. */
const patience = 20_000;

async function soak(): Promise<number> {
  const time = new VirtualTime();
  const maker = new VarveMaker({ now: () => time.now, segmentShift: 5, journal, ...compression });
  const harness = new Harness(maker, {
    seed,
    size: Number(values.size) << 20,
    time,
    journal,
    check: true,
    trail: Number(values.trail),
  });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const started = performance.now();
  let done = 0;
  const summary = (): string => {
    const seconds = Math.round((performance.now() - started) / 1000);
    return `seed ${seed}: ${done} of ${operations} operations, ${harness.model.nodes.size} files, ${seconds} s`;
  };
  let seen = -1;
  const watch = setInterval(() => {
    if (seen === done) {
      say(`${summary()}: no operation has ended for ${patience / 1000} s\n  ${harness.trail.slice(-20).join('\n  ')}`);
      say(JSON.stringify(harness.counts));
      if (values.image !== undefined) saveImage(values.image, harness.machine.disk.contents());
      process.exit(1);
    }
    seen = done;
  }, patience);
  time.install();
  try {
    await harness.start();
    for (const step of drawSteps(seededRandom(seed), operations, Math.max(50, operations / 60))) {
      await perform(harness, step);
      done++;
      if (done % 2000 === 0 && !values.quiet) say(summary());
      if (performance.now() > deadline) break;
    }
    await harness.finish();
  } catch (error) {
    say(`${summary()}\n${error instanceof Error ? error.stack : String(error)}`);
    say(`after:\n  ${harness.trail.slice(-12).join('\n  ')}`);
    say(JSON.stringify(harness.counts));
    if (values.image !== undefined) {
      saveImage(values.image, harness.machine.disk.contents());
      if (harness.machine.image) saveImage(`${values.image}.cut`, harness.machine.image);
    }
    return 1;
  } finally {
    clearInterval(watch);
    time.uninstall();
  }
  const { counts } = harness;
  for (const name of Object.keys(counts).sort()) say(`  ${name}: ${counts[name]}`);
  const missing = values.any ? [] : missingEvents(counts);
  if (missing.length > 0) say(`never happened: ${missing.join(', ')}`);
  say(`${summary()}, no difference, ${counts['power cuts']} power cuts, ${counts.remounts} remounts`);
  return missing.length > 0 ? 2 : 0;
}

process.exitCode = await soak();
