/**
 * A headless Chromium of the machine, driven by its own protocol over two pipes (--remote-debugging-pipe: JSON between
 * zero bytes), so that looking at a page needs no package: as much of it as the page of `varve map` is tried with.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** Names under which distributions have it. */
const names = ['chromium', 'chromium-browser', 'chromium-headless-shell', 'google-chrome'];

/** Where the machine has one; undefined: it has none. */
export function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? '').split(':');
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

type Answer = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
};

export class Browser {
  /** What pages wrote to the console as errors, exceptions, and requests that were refused. */
  readonly complaints: string[] = [];
  /** Addresses that were asked for. */
  readonly requests: string[] = [];
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private next = 1;
  private session: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly to: Writable,
    from: Readable,
  ) {
    let rest = '';
    from.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString('utf8')).split('\0');
      rest = parts.pop() ?? '';
      for (const part of parts) this.take(JSON.parse(part) as Answer);
    });
  }

  /** `profile`: an empty folder for what it keeps. */
  static async start(program: string, profile: string): Promise<Browser> {
    const args = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-pipe'];
    const child = spawn(program, [...args, `--user-data-dir=${profile}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const browser = new Browser(child, child.stdio[3] as Writable, child.stdio[4] as Readable);
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    browser.session = sessionId as string;
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await browser.send(`${domain}.enable`);
    return browser;
  }

  private take(answer: Answer): void {
    if (answer.id !== undefined) {
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
      return;
    }
    const { method, params } = answer;
    if (method === 'Network.requestWillBeSent')
      this.requests.push((params as { request: { url: string } }).request.url);
    if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
      this.complaints.push(JSON.stringify(params));
  }

  private send(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = this.next++;
    this.to.write(`${JSON.stringify({ id, method, params, sessionId: this.session })}\0`);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }

  async size(width: number, height: number): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  async dark(dark: boolean): Promise<void> {
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.send('Emulation.setEmulatedMedia', { features });
  }

  async open(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
  }

  /** The value of an expression in the page. Rejects with what it throws. */
  async value<T>(expression: string): Promise<T> {
    const options = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', options)) as {
      result: { value: T };
      exceptionDetails?: object;
    };
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Wait until an expression in the page is true. Rejects after 20 s. */
  async until(expression: string): Promise<void> {
    const wait = `new Promise((resolve) => { const end = Date.now() + 20000; const look = () => (${expression}) ? resolve(true) : Date.now() > end ? resolve(false) : setTimeout(look, 50); look(); })`;
    if (!(await this.value<boolean>(wait))) throw new Error(`in vain waited for: ${expression}`);
  }

  async click(x: number, y: number): Promise<void> {
    const at = { x, y, button: 'left', clickCount: 1 };
    for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased'])
      await this.send('Input.dispatchMouseEvent', { type, ...at });
  }

  /** A key by its name, such as ArrowRight, Enter or Tab. */
  async key(name: string): Promise<void> {
    const codes: Readonly<Record<string, number>> = { Tab: 9, Enter: 13, ArrowLeft: 37, ArrowRight: 39, ArrowDown: 40 };
    const text = name === 'Enter' ? { text: '\r' } : {};
    const key = { key: name, code: name, windowsVirtualKeyCode: codes[name], ...text };
    for (const type of ['keyDown', 'keyUp']) await this.send('Input.dispatchKeyEvent', { type, ...key });
  }

  async type(text: string): Promise<void> {
    await this.send('Input.insertText', { text });
  }

  /** All of the page, as PNG. */
  async picture(file: string, whole = true): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: whole });
    writeFileSync(file, Buffer.from(data as string, 'base64'));
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}
