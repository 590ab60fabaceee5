/**
 * Loads the bundle of a program together with its code cache: what V8 compiled when the project was built. Compiling
 * a bundle anew takes longer than most commands run.
 *
 * The cache is only a help. V8 refuses one of another version or made under other flags; one older than its bundle is
 * not looked at, because V8 knows a source by its length alone.
 */
const { readFileSync, statSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const bundles = join(__dirname, '../dist/programs');

/** Where the code cache of a program lies. */
const cacheFile = (program) => join(bundles, `${program}.cache`);

/**
 * Returns what the bundle exports, and its script, from which a new cache can be made. The bundle gets an
 * import() of ours: code from a cache has none (fs/host/import-module.ts).
 */
function load(program) {
  const filename = join(bundles, `${program}.cjs`);
  const source = `(function (exports, require, __filename, __import) { ${readFileSync(filename, 'utf8')}\n})`;
  const script = new Script(source, { filename, cachedData: cacheOf(program, filename) });
  const exports = {};
  script.runInThisContext()(exports, createRequire(filename), filename, (specifier) => import(specifier));
  return { exports, script };
}

function cacheOf(program, bundle) {
  try {
    const file = cacheFile(program);
    return statSync(file).mtimeMs < statSync(bundle).mtimeMs ? undefined : readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Run a program with the arguments of the command line; it says the exit code. */
function run(program) {
  load(program)
    .exports.main(process.argv.slice(2))
    .then((code) => {
      process.exitCode = code;
    });
}

module.exports = { cacheFile, load, run };
