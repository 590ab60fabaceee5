/**
 * Accounting of quotas under random operations and crashes (stress/quota/soak.ts): fsck counts again after each.
 *
 *     npm run quota-soak -- [--operations N] [--seed N] [--minutes M]
 *
 * Exit codes: 0 no difference, 1 one, or no time was left.
 */
import { quotaSoak, soakText } from '../stress/quota/soak.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: {
    operations: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
  },
});
const [operations, seed] = [Number(values.operations), Number(values.seed)];
const deadline = performance.now() + Number(values.minutes) * 60_000;
const report = await quotaSoak({ operations, seed, stop: () => performance.now() > deadline });
for (const line of report.wrong) process.stderr.write(`${line}\n`);
process.stdout.write(`seed ${seed}: ${soakText(report)}\n`);
process.exitCode = report.wrong.length === 0 && report.operations >= operations ? 0 : 1;
