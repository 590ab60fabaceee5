/** The program `varve`: the commands of the library (fs/cli), and those that are made of more than the library. */
import { main as run } from '../fs/cli/main.js';
import { type Output, standardOutput } from '../fs/cli/output.js';
import { moreCommands } from './programs.js';

/** Run with arguments as from the command line; resolves with the exit code. */
export const main = (args: readonly string[], output: Output = standardOutput()): Promise<number> =>
  run(args, output, moreCommands);
