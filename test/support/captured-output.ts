/** Output of a command, kept for a test to look at. */
import type { Output } from '../../fs/cli/output.js';

export class CapturedOutput implements Output {
  readonly colours = false;
  readonly terminal = false;
  private readonly lines: string[] = [];
  private readonly errorLines: string[] = [];

  line(text: string): void {
    this.lines.push(text);
  }
  error(text: string): void {
    this.errorLines.push(text);
  }

  get text(): string {
    return this.lines.join('\n');
  }
  get errors(): string {
    return this.errorLines.join('\n');
  }
  get json(): unknown {
    return JSON.parse(this.text);
  }
}

/** Run a program in this process: its exit code and what it printed. */
export async function runCommand(
  main: (args: readonly string[], output: Output) => Promise<number>,
  ...args: string[]
): Promise<{ readonly code: number; readonly output: CapturedOutput }> {
  const output = new CapturedOutput();
  return { code: await main(args, output), output };
}
