/** The command lines of all programs, of which manual pages and completion are made. */
import type { Command } from 'commander';
import type { Output } from '../fs/cli/output.js';

export interface AllPrograms {
  readonly varve: Command;
  readonly mkfs: Command;
  readonly fsck: Command;
  /** What `mount.varve --help` says: its command line is that of mount(8), which commander can't describe. */
  readonly mountUsage: string;
  readonly version: string;
}

/** Makes them anew. Commands that describe all commands, themselves among them, get this. */
export type MakePrograms = (output: Output) => AllPrograms;
