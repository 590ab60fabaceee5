/** The command lines of all programs, for what is made of them: manual pages and completion. */
import type { AddCommand, CommandContext } from '../fs/cli/command.js';
import { exitCode } from '../fs/cli/exit-codes.js';
import { varveCommand } from '../fs/cli/main.js';
import { usage as mountUsage } from '../fs/cli/mount-options.js';
import type { Output } from '../fs/cli/output.js';
import { packageVersion } from '../fs/cli/package-version.js';
import { fsckCommand } from '../fsck/command.js';
import { addQuotaCheck } from '../fsck/quota-command.js';
import { mkfsCommand } from '../mkfs/command.js';
import { addStress } from '../stress/command/stress.js';
import type { AllPrograms } from './all-programs.js';
import { completionCommand } from './completion.js';
import { addExport, addImport } from './import.js';
import { installCommand } from './install.js';
import { manCommand } from './man.js';
import { addMap } from './map/map.js';

/** Commands of `varve` that are made of more than the library. */
export const moreCommands: readonly AddCommand[] = [
  addStress,
  addQuotaCheck,
  addImport,
  addExport,
  addMap,
  installCommand(allPrograms),
  manCommand(allPrograms),
  completionCommand(allPrograms),
];

export function allPrograms(output: Output): AllPrograms {
  const context: CommandContext = { output, exit: exitCode.ok };
  return {
    varve: varveCommand(context, moreCommands),
    mkfs: mkfsCommand(output),
    fsck: fsckCommand(output),
    mountUsage,
    version: packageVersion(),
  };
}
