/** The part of the package cli-progress that Varve uses; the package has no types of its own. */
declare module 'cli-progress' {
  export interface Options {
    readonly format?: string;
    readonly stream?: NodeJS.WritableStream;
    readonly hideCursor?: boolean;
    readonly clearOnComplete?: boolean;
    readonly barCompleteChar?: string;
    readonly barIncompleteChar?: string;
    readonly fps?: number;
    readonly barsize?: number;
  }
  export class SingleBar {
    constructor(options: Options);
    start(total: number, value: number, payload?: Record<string, string>): void;
    update(value: number, payload?: Record<string, string>): void;
    stop(): void;
  }
}
