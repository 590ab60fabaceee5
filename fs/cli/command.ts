/** What each command gets: where to print, and the exit code that it leaves. */
import type { Command } from 'commander';
import type { Output } from './output.js';

export interface CommandContext {
  readonly output: Output;
  /** Exit code of the run, unless the command throws. */
  exit: number;
}

/** Adds one command to `varve`. */
export type AddCommand = (program: Command, context: CommandContext) => void;
