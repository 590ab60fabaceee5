/** The command line of fsck.varve: what its help and its manual page say. */

import type { Command } from 'commander';
import { programCommand, withExamples } from '../fs/cli/command.js';
import { jsonOption } from '../fs/cli/json-schema.js';
import type { Output } from '../fs/cli/output.js';
import { progressOption } from '../fs/cli/progress.js';
import { fsckSchema } from './schema.js';

export function fsckCommand(output: Output): Command {
  const command = programCommand('fsck.varve', output)
    .description('Check a Varve volume, and bring it in order after a crash.')
    .argument('<image>', 'image file or block device')
    .option('-n', 'change nothing: say what a mount would replay, and check')
    .option('-p', 'replay and repair what is safe, without questions (the default away from a terminal)')
    .option('-a', 'the same as -p')
    .option('-y', 'repair everything that can be repaired')
    .option('-f, --force', 'check everything, even if the volume is clean')
    .option('--data', 'also read every page of every file and verify it (implies -f)')
    .option('--key-file <file>', 'what opens an encrypted volume: a key file')
    .option('--passphrase-fd <number>', 'the passphrase of an encrypted volume is read from this file descriptor')
    .addOption(progressOption())
    .addOption(jsonOption(fsckSchema, 'one JSON object instead of lines'))
    .option('-C <descriptor>', 'ignored: fsck(8) passes it to ask for progress');
  return withExamples(command, [
    ['fsck.varve -f -n disk.img', 'check everything, change nothing'],
    ['fsck.varve -y --data disk.img', 'repair whatever can be repaired, and read all data'],
  ]);
}
