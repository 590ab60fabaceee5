/**
 * import() at run time, from modules and from the bundles of the programs alike. Code that V8 took from a code cache
 * cannot import ("A dynamic import callback was not specified", Node 20), so the loader of the bundles (bin/load.cjs)
 * lends them its own.
 */
declare const __import: ((specifier: string) => Promise<unknown>) | undefined;

/** Resolves with the module's exports; rejects as import() does. `specifier`: a package or a URL. */
export const importModule: (specifier: string) => Promise<unknown> =
  typeof __import === 'undefined' ? (specifier) => import(specifier) : __import;
