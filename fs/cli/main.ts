/**
 * `varve`: one command for everything that has no program of its own. Each subcommand is a file beside this one;
 * errors become one line on standard error and an exit code here (exit-codes.ts), nowhere else.
 */
import { type Command, CommanderError } from 'commander';
import { FsError } from '../errors.js';
import { loadConfigured } from '../transform/configured.js';
import { type AddCommand, type CommandContext, programCommand } from './command.js';
import { addCompression } from './compression.js';
import { addDefrag } from './defrag.js';
import { addDf } from './df.js';
import { addDiff } from './diff.js';
import { addDump } from './dump.js';
import { exitCode, exitCodeOf } from './exit-codes.js';
import { addFrag } from './frag.js';
import { addInfo } from './info.js';
import { addKey } from './key.js';
import { addMetrics } from './metrics.js';
import { type Output, standardOutput } from './output.js';
import { packageVersion } from './package-version.js';
import { addProperty } from './property.js';
import { addQuota } from './quota.js';
import { addScrub } from './scrub.js';
import type { SecretOptions } from './secret.js';
import { addSnapshot } from './snapshot.js';
import { addSync } from './sync.js';
import { addTop } from './top.js';
import { addReceive, addSend } from './transfer.js';
import { addTransform } from './transform.js';
import { addUmount } from './umount.js';
import { chooseSecret } from './unlock.js';
import { addResize, addTrim } from './upkeep.js';

/** Those that need no more than the library. */
const commands: readonly AddCommand[] = [
  addInfo,
  addDf,
  addTop,
  addMetrics(packageVersion),
  addDump,
  addUmount,
  addSync,
  addScrub,
  addFrag,
  addDefrag,
  addSnapshot,
  addDiff,
  addSend,
  addReceive,
  addCompression,
  addProperty,
  addQuota,
  addTransform,
  addKey,
  addResize,
  addTrim,
];

/** Run varve with arguments as from the command line, and commands that others add; resolves with the exit code. */
export async function main(
  args: readonly string[],
  output: Output = standardOutput(),
  more: readonly AddCommand[] = [],
): Promise<number> {
  const context: CommandContext = { output, exit: exitCode.ok };
  const program = varveCommand(context, more);
  try {
    await program.parseAsync(args, { from: 'user' });
    return context.exit;
  } catch (e) {
    if (e instanceof CommanderError) return e.exitCode === 0 ? exitCode.ok : exitCode.usage;
    output.error(`varve: ${e instanceof Error ? e.message : String(e)}`);
    return e instanceof FsError && e.code === 'EUCLEAN' ? exitCode.corrupt : exitCodeOf(e);
  }
}

/** The command line of `varve`, with commands that others add. */
export function varveCommand(context: CommandContext, more: readonly AddCommand[]): Command {
  const program = programCommand('varve', context.output)
    .description('Look at and look after Varve volumes. See also mkfs.varve, mount.varve and fsck.varve.')
    .option('--key-file <file>', 'what opens an encrypted image: a key file')
    .option('--passphrase-fd <number>', 'the passphrase of an encrypted image is read from this file descriptor')
    .hook('preAction', async () => {
      chooseSecret(program.opts<SecretOptions>());
      await loadConfigured((line) => context.output.error(`varve: ${line}`));
    });
  for (const add of [...commands, ...more]) add(program, context);
  // The list of commands shows what each is for; what is to be known besides, its own help.
  for (const one of program.commands) one.summary(one.description().split('\n')[0]);
  return program;
}
