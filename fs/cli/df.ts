/** `varve df`: size and usage, of an image or of a mount. */
import { type AddCommand, withExamples } from './command.js';
import { json, table } from './output.js';
import { withImage } from './raw-image.js';
import { formatSize } from './size.js';
import { mountOf } from './target.js';
import { type Usage, usageOfImage, usageOfMount } from './usage.js';

export const addDf: AddCommand = (program, { output }) => {
  withExamples(program.command('df'), [['varve df /mnt/v other.img', 'a table of both']])
    .description('show how much of volumes is in use')
    .argument('<image-or-directory...>', 'images that are not mounted, or directories where one is')
    .option('--json', 'print JSON, sizes in bytes')
    .action(async (paths: string[], options: { json?: boolean }) => {
      const found: (Usage & { path: string })[] = [];
      for (const path of paths) found.push({ path, ...(await usageOf(path)) });
      output.line(options.json ? json(found) : asTable(found));
    });

  const head = ['volume', 'size', 'used', 'available', 'use', 'inodes'];
  const asTable = (list: readonly (Usage & { path: string })[]): string => {
    const rows = list.map((usage) => [
      usage.path,
      formatSize(usage.size),
      formatSize(usage.used),
      formatSize(usage.available),
      `${Math.ceil((100 * usage.used) / usage.size)} %`,
      String(usage.inodes),
    ]);
    return table(output, head, rows, head.slice(1));
  };
};

async function usageOf(path: string): Promise<Usage> {
  const mount = mountOf(path);
  if (mount !== undefined) return usageOfMount(mount.target);
  return withImage(path, async (image) => usageOfImage(image));
}
