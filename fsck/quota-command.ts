/** `varve quota check`: counts again what everyone uses, as fsck.varve does, on an image that is not mounted. */

import { type AddCommand, withExamples } from '../fs/cli/command.js';
import { exitCode } from '../fs/cli/exit-codes.js';
import { jsonOption } from '../fs/cli/json-schema.js';
import { json } from '../fs/cli/output.js';
import { mountOf } from '../fs/cli/target.js';
import { unlockStore } from '../fs/cli/unlock.js';
import { VolumeError } from '../fs/errors.js';
import { openStore } from '../fs/store/open.js';
import { checkVolume } from './check.js';
import { replayInMemory } from './replay.js';
import { quotaCheckSchema } from './schema.js';

export const addQuotaCheck: AddCommand = (program, context) => {
  const quota = program.commands.find((command) => command.name() === 'quota');
  if (quota === undefined) throw new Error('varve quota is missing');
  withExamples(quota.command('check'), [['varve quota check disk.img', 'is what is recorded what is used?']])
    .description('count again what everyone uses; fsck.varve -p repairs what is wrong. Exit code 4: something is')
    .argument('<image>', 'an image that is not mounted')
    .addOption(jsonOption(quotaCheckSchema))
    .action(async (image: string, options: { json?: boolean }) => {
      if (mountOf(image) !== undefined) throw new VolumeError('in-use', `${image} is mounted: unmount it first`);
      const store = await openStore(image, { readOnly: true });
      try {
        await unlockStore(store);
        const found = await checkVolume((await replayInMemory(store)).store);
        const problems = found.filter(({ code }) => code === 'usage' || code === 'limits');
        if (options.json) context.output.line(json(problems));
        else if (problems.length === 0) context.output.line('what is recorded is what is used');
        else for (const { invariant, message } of problems) context.output.line(`[${invariant}] ${message}`);
        if (problems.length > 0) context.exit = exitCode.damaged;
      } finally {
        await store.close();
      }
    });
};
