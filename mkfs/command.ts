/** The command line of mkfs.varve: what its help and its manual page say. */

import type { Command } from 'commander';
import { programCommand, withExamples } from '../fs/cli/command.js';
import { jsonOption } from '../fs/cli/json-schema.js';
import type { Output } from '../fs/cli/output.js';
import { progressOption } from '../fs/cli/progress.js';
import { mkfsSchema } from './schema.js';

const collect = (path: string, before: readonly string[]): string[] => [...before, path];

export function mkfsCommand(output: Output): Command {
  const command = programCommand('mkfs.varve', output)
    .description('Make a Varve volume in an image file or on a block device.')
    .argument('<image>', 'file (made if it does not exist) or block device')
    .option('-L, --label <label>', 'name of the volume, up to 64 bytes')
    .option('-s, --size <size>', 'size of the image file, such as 512M or 1G; needed for a new one, 16M at least')
    .option('-f, --force', 'also over another filesystem')
    .option('-q, --quiet', 'print nothing')
    .option('--segment <size>', 'size of a segment, 128K to 64M; by the size of the image unless told')
    .option('-U, --uuid <uuid>', 'identity of the volume; random unless told')
    .option('--compress <how>', 'compress new data: lz4, deflate, zstd; with a level as in deflate:9')
    .option('--quota <of>', 'enforce limits unless a mount says otherwise: all, or some of user,group,project')
    .option('--transform <module>', 'a module (ES) with another way to compress: see examples/', collect, [])
    .option(
      '--encrypt',
      'encrypt all that carries names or contents, with AES-256-GCM; asks for a passphrase unless told',
    )
    .option('--key-file <file>', 'with --encrypt: what opens the volume, a file of 32 random bytes or more')
    .option('--passphrase-fd <number>', 'with --encrypt: the passphrase is read from this file descriptor')
    .addOption(progressOption())
    .addOption(jsonOption(mkfsSchema, 'print what was made as JSON'));
  return withExamples(command, [
    ['mkfs.varve --size 1G disk.img', 'a new volume of 1 GiB; the file is sparse'],
    ['mkfs.varve --encrypt --size 1G disk.img', 'an encrypted one; the passphrase is asked for'],
    ['mkfs.varve -L backup --compress lz4 /dev/sdb1', 'a compressed volume on a partition'],
  ]);
}
