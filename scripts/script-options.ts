/**
 * The command line of a script: `parseArgs` of node:util, which throws its trace at whoever mistypes an option. Here a mistake
 * is one line, `--help` lists what there is, and an option whose default is a number takes numbers alone.
 *
 * Exit codes: 0 after --help, 2 for a wrong command line.
 */
import { basename } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';

type Parsed<T extends ParseArgsConfig> = ReturnType<typeof parseArgs<T>>;

const number = /^-?\d+(\.\d+)?$/;

/** What the command line says; ends the process with --help and with a wrong one. */
export function scriptOptions<T extends ParseArgsConfig>(config: T): Parsed<T> {
  if (process.argv.slice(2).includes('--help')) {
    process.stdout.write(`${usage(config)}\n`);
    process.exit(0);
  }
  try {
    const parsed = parseArgs(config);
    const problem = wrongNumber(config, parsed.values);
    if (problem === undefined) return parsed;
    throw new TypeError(problem);
  } catch (e) {
    if (!(e instanceof TypeError)) throw e;
    process.stderr.write(`${scriptName()}: ${e.message} (--help lists the options)\n`);
    process.exit(2);
  }
}

const scriptName = (): string => basename(process.argv[1], '.js');

/** The options with their defaults. */
function usage({ options, allowPositionals }: ParseArgsConfig): string {
  const lines = Object.entries(options ?? {}).map(([name, { type, default: standard }]) => {
    if (type === 'boolean') return `  --${name}`;
    return `  --${name} ${name.toUpperCase()}${standard === undefined ? '' : ` (${String(standard)})`}`;
  });
  return [`${scriptName()} [options]${allowPositionals ? ' ...' : ''}`, ...lines].join('\n');
}

function wrongNumber({ options }: ParseArgsConfig, values: Parsed<ParseArgsConfig>['values']): string | undefined {
  for (const [name, { default: standard }] of Object.entries(options ?? {})) {
    const value = values[name];
    if (typeof standard !== 'string' || !number.test(standard) || typeof value !== 'string') continue;
    if (!number.test(value)) return `--${name} wants a number, not '${value}'`;
  }
  return undefined;
}
