/**
 * Loads the bundle of a program together with its code cache: what V8 compiled when the project was built. Compiling
 * a bundle anew takes longer than most commands run.
 *
 * The cache is only a help, and nothing but the bundle that lies beside it is ever run. V8 refuses a cache of another
 * version or made under other flags, but knows a source by its length alone, and does not look whether what it takes for
 * code is whole: of that it dies, or worse (Node 20). So a cache begins with the checksums of the bundle that it was made
 * from and of what follows. Times of files say nothing: packages have theirs from long ago.
 */
const { isAscii } = require('node:buffer');
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const bundles = join(__dirname, '../dist/programs');
const headBytes = 8;

/** Where the code cache of a program lies. */
const cacheFile = (program) => join(bundles, `${program}.cache`);

/**
 * Returns what the bundle exports, and its script, from which a new cache can be made. The bundle gets an
 * import() of ours: code from a cache has none (fs/host/import-module.ts).
 */
function load(program) {
  const filename = join(bundles, `${program}.cjs`);
  const bundle = readFileSync(filename);
  // Without a character beyond ASCII V8 has a byte for each, and nothing is to be decoded.
  const code = bundle.toString(isAscii(bundle) ? 'latin1' : 'utf8');
  const source = `(function (exports, require, __filename, __import) { ${code}\n})`;
  const script = new Script(source, { filename, cachedData: cacheOf(program, bundle) });
  const exports = {};
  script.runInThisContext()(exports, createRequire(filename), filename, (specifier) => import(specifier));
  /** What the cache file should hold, once the program has done some of its work. */
  const cache = () => {
    const made = script.createCachedData();
    return Buffer.concat([headOf(bundle, made), made]);
  };
  return { exports, script, cache };
}

function cacheOf(program, bundle) {
  try {
    const bytes = readFileSync(cacheFile(program));
    const made = bytes.subarray(headBytes);
    return headOf(bundle, made).equals(bytes.subarray(0, headBytes)) ? made : undefined;
  } catch {
    return undefined;
  }
}

function headOf(bundle, made) {
  // The programs need it as well.
  const { crc32c } = require('@node-rs/crc32');
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(crc32c(bundle), 0);
  head.writeUInt32LE(crc32c(made), 4);
  return head;
}

/** Run a program with the arguments of the command line; it says the exit code. */
function run(program) {
  // Without a listener Node would open its debugger, on a port for all users of the machine. Long work has its own besides.
  process.on('SIGUSR1', () => undefined);
  load(program)
    .exports.main(process.argv.slice(2))
    .then((code) => {
      process.exitCode = code;
    });
}

module.exports = { cacheFile, load, run };
