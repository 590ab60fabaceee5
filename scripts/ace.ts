/**
 * The bounded exhaustive workloads of stress/ace: each is done on a new volume, and the power goes at every barrier of
 * it. All of one length, in an order that the seed decides, until the time is over.
 *
 *     npm run ace -- [--length 1|2] [--seed N] [--minutes M] [--journal MODE] [--plain N] [--drawn N] [--only NUMBER]
 *
 * --plain and --drawn: states at one barrier without and with torn writes. --only: the workload with that number.
 * Exit codes: 0 every promise was kept, 1 one was not, 2 usage.
 */
import { seededRandom } from '../fs/store/random.js';
import { type JournalMode, journalModes } from '../fs/volume/journal-mode.js';
import { emptyImage } from '../stress/ace/machine.js';
import { runWorkload, tell } from '../stress/ace/run.js';
import { WorkloadSet } from '../stress/ace/workloads.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: {
    length: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '600' },
    journal: { type: 'string', default: 'ordered' },
    plain: { type: 'string', default: '6' },
    drawn: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function usage(what: string): never {
  process.stderr.write(`ace: ${what}\n`);
  process.exit(2);
}

const length = Number(values.length);
if (length !== 1 && length !== 2) usage(`--length is 1 or 2, not ${values.length}`);
const journal = values.journal as JournalMode;
if (!journalModes.includes(journal)) usage(`--journal is one of ${journalModes.join(', ')}, not ${values.journal}`);
const seed = Number(values.seed);
const whole = { used: 1, commit: true };
const mostViolations = 10;

async function main(): Promise<number> {
  const set = new WorkloadSet(length as 1 | 2);
  const image = await emptyImage();
  const started = performance.now();
  const deadline = started + Number(values.minutes) * 60_000;
  const total = { workloads: 0, states: 0, violations: 0 };
  const summary = (): string => {
    const seconds = Math.round((performance.now() - started) / 1000);
    const of = `${total.workloads} of ${set.count} workloads of length ${length}, journal ${journal}, seed ${seed}`;
    return `ace: ${of}: ${total.states} crash states, ${total.violations} violations, ${seconds} s`;
  };
  let told = started;
  for (const number of values.only === undefined ? set.scattered(seededRandom(seed)) : [Number(values.only)]) {
    const options = {
      journal,
      seed: seed + number,
      plain: Number(values.plain),
      drawn: Number(values.drawn),
      ...whole,
    };
    const outcome = await runWorkload(image, set.at(number), options);
    total.workloads++;
    total.states += outcome.states;
    total.violations += outcome.violations.length;
    if (outcome.violations.length > 0) say(`workload ${number}:\n${tell(outcome)}\n`);
    const now = performance.now();
    if (now - told > 30_000) {
      say(summary());
      told = now;
    }
    if (total.violations >= mostViolations || now > deadline) break;
  }
  say(summary());
  return total.violations > 0 ? 1 : 0;
}

process.exitCode = await main();
